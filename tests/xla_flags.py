"""Prints XLA_FLAGS for tests: ``python -m tests.xla_flags``.

JAX compiles each program of a test once and runs it for milliseconds, so XLA is
told not to optimize it.
"""

import os
import subprocess
import sys

_NO_OPTIMIZATION = '--xla_backend_optimization_level=0'
# It saves the most, but only some versions of XLA have it.
_NO_EMITTERS = '--xla_cpu_use_fusion_emitters=false'


def _has_flag(flag: str) -> bool:
  """Returns whether XLA knows a flag. It aborts if it does not."""
  command = [sys.executable, '-c', 'import jax; jax.devices()']
  env = {**os.environ, 'XLA_FLAGS': flag}
  done = subprocess.run(command, env=env, capture_output=True, check=False)
  return done.returncode == 0


def without_optimization() -> str:
  """Returns XLA_FLAGS, with the flags above that this XLA knows."""
  flags = [os.environ.get('XLA_FLAGS', ''), _NO_OPTIMIZATION]
  if _has_flag(_NO_EMITTERS):
    flags.append(_NO_EMITTERS)
  return ' '.join(flags).strip()


if __name__ == '__main__':
  print(without_optimization())
