"""Sparse gradients in TensorFlow, in a process of its own."""

import os
import unittest

from absl.testing import absltest

from tests.porting import processes


@unittest.skipUnless(
    os.environ.get('ALL'), 'frameworks other than Keras on JAX run with ALL=1'
)
class SparseTest(absltest.TestCase):

  def test_sparse_gradients(self):
    processes.run_tests('sparse_cases.py')


if __name__ == '__main__':
  absltest.main()
