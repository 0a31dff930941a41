"""What a block of a page prints, for the block below it."""

import contextlib
import importlib.util
import io
import os
import sys

from tests.docs import blocks


def by_keras(page: str, heading: str) -> str:
  """Returns what the first Python block below a heading prints."""
  os.environ['KERAS_BACKEND'] = 'jax'
  return _printed(page, heading, {})


def by_torch(heading: str) -> str:
  """Does the same on PyTorch's page.

  Returns an empty string if PyTorch is not installed.
  """
  if not importlib.util.find_spec('torch'):
    return ''
  import torch  # pylint: disable=import-outside-toplevel

  params = [torch.nn.Parameter(torch.ones(3))]
  return _printed('docs/porting/pytorch.md', heading, {'params': params})


def _printed(page, heading, names):
  text = (blocks.ROOT / page).read_text('utf-8')
  _, _, below = text.partition(f'\n{heading}\n')
  _, code = blocks.blocks(below, 'python')[0]
  sys.path.append(str(blocks.ROOT / 'porting'))
  output = io.StringIO()
  with contextlib.redirect_stdout(output):
    blocks.run([(1, code)], page, names)
  return output.getvalue().rstrip() + '\n'
