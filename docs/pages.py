"""Tables in Markdown, and the marked blocks of pages that programs write.

A block stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``, each on a line
of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
import re

_BLOCK = '<!-- {name} -->\n{text}\n<!-- /{name} -->'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], rule: str = '---'
) -> str:
  """A Markdown table, with the same rule (``--:`` aligns) in every column."""
  lines = [head, [rule] * len(head), *rows]
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def read(page: str, name: str) -> str:
  """The text of a block.

  Args:
    page: Text of the page.
    name: Name of the block.

  Returns:
    What stands between its marks.

  Raises:
    ValueError: the page has no such block, or several.
  """
  pattern = _BLOCK.format(name=re.escape(name), text='(.*?)')
  found = re.findall(pattern, page, flags=re.DOTALL)
  if len(found) != 1:
    raise ValueError(f'{len(found)} blocks of the page are named {name}')
  return found[0]


def fill(page: str, blocks: Mapping[str, str]) -> str:
  """The page with the blocks replaced; raises as `read` does."""
  for name, text in blocks.items():
    old = _BLOCK.format(name=name, text=read(page, name))
    page = page.replace(old, _BLOCK.format(name=name, text=text))
  return page
