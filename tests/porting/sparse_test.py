"""Sparse gradients in TensorFlow, in a process of its own."""

from absl.testing import absltest

from tests import processes


@processes.only_all
class SparseTest(absltest.TestCase):

  def test_sparse_gradients(self):
    processes.run_tests('porting/sparse_cases.py')


if __name__ == '__main__':
  absltest.main()
