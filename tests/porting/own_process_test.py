"""Runs the tests that need a framework in a process of its own.

To add one, add it to a file below. To run such a file alone:

  ALL=1 bash test.sh tests/porting/port_torch_cases.py
"""

from absl.testing import absltest

from tests import processes

# A class for each process, since pytest-xdist keeps a class in one worker.


class KerasTest(absltest.TestCase):

  def test_keras_on_jax(self):
    processes.run_tests('porting/port_keras_cases.py')


@processes.only_all
class TensorFlowTest(absltest.TestCase):

  def test_tensorflow(self):
    processes.run_tests(
        # First, since it sets the devices.
        'porting/carry_over_tensorflow_cases.py',
        'porting/port_tensorflow_cases.py',
        'porting/sparse_cases.py',
    )


@processes.only_all
class TorchTest(absltest.TestCase):

  def test_torch(self):
    processes.run_tests(
        'porting/carry_over_torch_cases.py', 'porting/port_torch_cases.py'
    )


if __name__ == '__main__':
  absltest.main()
