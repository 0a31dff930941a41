"""port.py with each framework, in a process of its own."""

from absl.testing import absltest

from tests import processes

# A class for each process, since pytest-xdist keeps a class in one worker.


class KerasDrawsTest(absltest.TestCase):

  def test_random_optimizers_of_keras(self):
    processes.run_tests('porting/port_keras_cases.py', '-k', 'RandomTest')


class KerasTest(absltest.TestCase):

  @processes.only_all
  def test_rows_of_keras(self):
    processes.run_tests('porting/port_keras_cases.py', '-k', 'RowsTest')


class TensorflowDrawsTest(absltest.TestCase):

  @processes.only_all
  def test_random_optimizers_of_keras_2(self):
    processes.run_tests('porting/port_tensorflow_cases.py', '-k', 'DrawsTest')


class TensorflowTest(absltest.TestCase):

  @processes.only_all
  def test_tensorflow(self):
    file = 'porting/port_tensorflow_cases.py'
    processes.run_tests(file, '-k', 'not DrawsTest')


class TorchDrawsTest(absltest.TestCase):

  @processes.only_all
  def test_random_optimizers_of_torch(self):
    processes.run_tests('porting/port_torch_cases.py', '-k', 'DrawsTest')


class TorchTest(absltest.TestCase):

  @processes.only_all
  def test_torch(self):
    processes.run_tests('porting/port_torch_cases.py', '-k', 'not DrawsTest')


if __name__ == '__main__':
  absltest.main()
