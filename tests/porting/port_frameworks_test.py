"""port.py with each framework, in a process of its own.

The LLVM of TensorFlow and that of PyTorch's Triton clash in one process. JAX
compiles each of these programs once and runs it for milliseconds, so it is told
not to optimize them.
"""

import functools
import os
import pathlib
import subprocess
import sys
import unittest

from absl.testing import absltest

# The second saves the most, but only some versions of XLA have it.
FLAGS = (
    '--xla_backend_optimization_level=0',
    '--xla_cpu_use_fusion_emitters=false',
)
only_all = unittest.skipUnless(os.environ.get('ALL'), 'runs with ALL=1')


def has_flag(flag):
  """Returns whether XLA knows a flag. It aborts if it does not."""
  command = [sys.executable, '-c', 'import jax; jax.devices()']
  env = {**os.environ, 'XLA_FLAGS': flag}
  done = subprocess.run(command, env=env, capture_output=True, check=False)
  return done.returncode == 0


@functools.cache
def xla_flags():
  """Returns the flags of the environment, and those of ours that XLA has."""
  known = [flag for flag in FLAGS if has_flag(flag)]
  return ' '.join([os.environ.get('XLA_FLAGS', ''), *known])


def run_cases(name, *choice):
  """Runs the tests of a file, and raises if one fails."""
  cases = pathlib.Path(__file__).with_name(f'port_{name}_cases.py')
  command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:xdist', cases]
  done = subprocess.run(
      [*command, *choice],
      capture_output=True,
      text=True,
      check=False,
      env={**os.environ, 'XLA_FLAGS': xla_flags()},
  )
  if done.returncode:
    raise AssertionError(done.stdout + done.stderr)


# A class for each process, since pytest-xdist keeps a class in one worker.


class KerasTest(absltest.TestCase):

  def test_keras(self):
    run_cases('keras')


class TensorflowTest(absltest.TestCase):

  @only_all
  def test_tensorflow(self):
    run_cases('tensorflow')


class TorchDrawsTest(absltest.TestCase):

  @only_all
  def test_random_optimizers_of_torch(self):
    run_cases('torch', '-k', 'DrawsTest')


class TorchTest(absltest.TestCase):

  @only_all
  def test_torch(self):
    run_cases('torch', '-k', 'not DrawsTest')


if __name__ == '__main__':
  absltest.main()
