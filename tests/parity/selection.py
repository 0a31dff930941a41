"""What the tests run: a part of the rows, or with ALL=1 everything."""

import importlib
import os
import unittest


def everything():
  """Returns whether every row, setting, dtype and framework is to be run."""
  return bool(os.environ.get('ALL'))


def settings(row):
  """Returns the indices of the settings of a row to run: the first, or all."""
  return range(len(row.settings) if everything() else 1)


def dtypes():
  return ('float64', 'float32') if everything() else ('float64',)


def require(framework):
  """Skips a test that needs a framework other than Keras on JAX.

  With ALL=1 nothing is skipped: a framework that is missing is a failure.

  Args:
    framework: The name of the module.

  Returns:
    The module.
  """
  if not everything():
    raise unittest.SkipTest(f'needs {framework}; ALL=1 runs it')
  return importlib.import_module(framework)
