"""Sparse gradients in TensorFlow, in a process of its own."""

from absl.testing import absltest

from tests.porting import processes


@processes.only_all
class SparseTest(absltest.TestCase):

  def test_sparse_gradients(self):
    processes.run_tests('sparse_cases.py')


if __name__ == '__main__':
  absltest.main()
