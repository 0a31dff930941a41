"""Calls functions and runs tests in processes of their own.

Keras's backend and JAX's precision are fixed once per process. The LLVM of
TensorFlow and that of PyTorch's Triton clash in one process.
"""

import atexit
from concurrent import futures
import functools
import multiprocessing
import os
import pathlib
import subprocess
import sys
import unittest
from unittest import mock

# For tests that need TensorFlow or PyTorch.
only_all = unittest.skipUnless(
    os.environ.get('ALL'), 'frameworks other than Keras on JAX run with ALL=1'
)


@functools.cache
def _executor(process):
  """Returns an executor whose only process has started."""
  environment = {
      'KERAS_BACKEND': 'jax' if process == 'jax' else 'tensorflow',
      'JAX_ENABLE_X64': '1',
      'TF_CPP_MIN_LOG_LEVEL': '3',
  }
  new = multiprocessing.get_context('spawn')
  executor = futures.ProcessPoolExecutor(1, mp_context=new)
  with mock.patch.dict(os.environ, environment):
    executor.submit(int).result()
  # At exit, since the modules that a shutdown needs still exist then.
  atexit.register(executor.shutdown)
  return executor


def call_in(process, function, *args, **kwargs):
  """Calls a function of a module in a process, and returns its result.

  Args:
    process: ``'jax'``, ``'tensorflow'`` or ``'torch'``. Keras uses the backend
      of that name, or TensorFlow.
    function: The function.
    *args: Its arguments.
    **kwargs: Its keyword arguments.
  """
  return _executor(process).submit(function, *args, **kwargs).result()


def run_tests(*files):
  """Runs the tests of files below this folder, and raises if one fails."""
  folder = pathlib.Path(__file__).parent
  paths = [folder / file for file in files]
  command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:xdist', *paths]
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    raise AssertionError(done.stdout + done.stderr)
