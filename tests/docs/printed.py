"""What a block of a page prints, for the block below it."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys

from tests.docs import blocks

_PORTING = blocks.ROOT / 'porting'


def by_keras(page: str, heading: str) -> str:
  """Returns what the first Python block below a heading prints."""
  os.environ['KERAS_BACKEND'] = 'jax'
  return _printed(page, heading, {})


def by_torch(page: str, heading: str) -> str:
  """Does the same for a block that uses PyTorch's `params`.

  Returns an empty string if PyTorch is not installed.
  """
  if not importlib.util.find_spec('torch'):
    return ''
  import torch  # pylint: disable=import-outside-toplevel

  params = [torch.nn.Parameter(torch.ones(3))]
  return _printed(page, heading, {'params': params})


def by_tensorflow(page: str, heading: str) -> str:
  """Does the same in a process of its own, apart from PyTorch.

  Returns an empty string if TensorFlow is not installed.
  """
  if not importlib.util.find_spec('tensorflow'):
    return ''
  env = dict(os.environ, PYTHONPATH=str(_PORTING))
  command = [sys.executable, '-c', _first_block(page, heading)]
  output = subprocess.check_output(
      command, env=env, text=True, stderr=subprocess.DEVNULL
  )
  return output.rstrip() + '\n'


def _first_block(page, heading):
  text = (blocks.ROOT / page).read_text('utf-8')
  _, _, below = text.partition(f'\n{heading}\n')
  _, code = blocks.blocks(below, 'python')[0]
  return code


def _printed(page, heading, names):
  code = _first_block(page, heading)
  sys.path.append(str(_PORTING))
  output = io.StringIO()
  with contextlib.redirect_stdout(output):
    blocks.run([(1, code)], page, names)
  return output.getvalue().rstrip() + '\n'
