"""port.py with each framework, in a process of its own."""

from absl.testing import absltest

from tests import processes

# A class for each process, since pytest-xdist keeps a class in one worker.


class KerasTest(absltest.TestCase):

  def test_keras(self):
    processes.run_tests('porting/port_keras_cases.py')


@processes.only_all
class TensorflowTest(absltest.TestCase):

  def test_tensorflow(self):
    processes.run_tests('porting/port_tensorflow_cases.py')


@processes.only_all
class TorchTest(absltest.TestCase):

  def test_torch(self):
    processes.run_tests('porting/port_torch_cases.py')


if __name__ == '__main__':
  absltest.main()
