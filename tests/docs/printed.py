"""What a block of PyTorch's page prints, for the block below it."""

import contextlib
import importlib.util
import io
import sys

from tests.docs import blocks

PAGE = blocks.ROOT / 'docs/porting/pytorch.md'


def by_torch(heading: str) -> str:
  """Returns what the first Python block below a heading prints.

  Returns an empty string if PyTorch is not installed.
  """
  if not importlib.util.find_spec('torch'):
    return ''
  import torch  # pylint: disable=import-outside-toplevel

  _, _, below = PAGE.read_text('utf-8').partition(f'\n{heading}\n')
  _, code = blocks.blocks(below, 'python')[0]
  sys.path.append(str(blocks.ROOT / 'porting'))
  output = io.StringIO()
  with contextlib.redirect_stdout(output):
    exec(code, {'params': [torch.nn.Parameter(torch.ones(3))]})  # pylint: disable=exec-used
  return output.getvalue().rstrip() + '\n'
