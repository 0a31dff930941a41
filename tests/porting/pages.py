"""Reads the rows, recipes and blocks of a porting page.

A table whose second header is ``optax`` holds rows, each cell one code span; a
third column holds the distance between calls that only look the same. A recipe
is a section with two blocks that both define ``optimizer``: what you had and
what you write. No other blocks are allowed, since nothing would run them.
"""

import pathlib
import re
from typing import NamedTuple

from markdown_it import MarkdownIt

FOLDER = pathlib.Path(__file__).parents[2] / 'docs' / 'porting'
PAGES = ('keras', 'tensorflow', 'pytorch')

# In the order of the search, since Pyro's code may name PyTorch.
FRAMEWORKS = ('tf_keras', 'keras', 'pyro', 'thinc', 'sklearn', 'torch', 'tf')
# How a page says that a framework computes in float32, whatever its input.
_NOTE = re.compile(r'\bto float32\b')


class Case(NamedTuple):
  """Two codes of a page and what the page claims about them.

  Attributes:
    page: The name of the page, without its suffix.
    line: The line of the row, or of the first block.
    kind: ``'row'``, ``'different'`` (a row of calls that only look the same),
      or ``'recipe'``.
    title: The row's first code, or the heading of the section.
    framework: One of `FRAMEWORKS`, or ``'text'`` if it can't be installed: in a
      ``text`` block, or a row that names no framework.
    theirs: What you had.
    ours: What you write.
    rounded: Whether a note says that the framework rounds to float32.
    figure: The printed distance of calls that only look the same.
  """

  page: str
  line: int
  kind: str
  title: str
  framework: str
  theirs: str
  ours: str
  rounded: bool = False
  figure: str = ''

  @property
  def name(self):
    return f'{self.page}.md:{self.line}: {self.title}'

  @property
  def in_table(self):
    return self.kind in ('row', 'different')


def framework_of(code):
  """Returns the framework that a code uses, or an empty string."""
  used = set(re.findall(r'(?<![\w.])(\w+)\.', code))
  return next((name for name in FRAMEWORKS if name in used), '')


def _recipe(page, title, notes, blocks):
  """Returns the case of a section, in a list, which is empty without code."""
  if not blocks:
    return []
  line = blocks[0].map[0] + 1
  codes = [block.content for block in blocks]
  optimizers = [re.search('^optimizer = ', code, re.M) for code in codes]
  if len(codes) != 2 or not all(optimizers):
    raise ValueError(
        f'{page}.md:{line}: expected two blocks that define optimizer'
    )
  framework = 'text' if blocks[0].info == 'text' else framework_of(codes[0])
  rounded = any(map(_NOTE.search, notes))
  return [Case(page, line, 'recipe', title, framework, *codes, rounded)]


def _row(page, line, cells, note):
  """Returns the case of a table's row, a list of inline tokens."""
  for cell in cells[:2]:
    if [child.type for child in cell.children] != ['code_inline']:
      raise ValueError(
          f'{page}.md:{line}: expected one code span, found {cell.content!r}'
      )
  theirs, ours = (cell.children[0].content for cell in cells[:2])
  kind = 'row' if len(cells) == 2 else 'different'
  return Case(
      page, line, kind, theirs, framework_of(theirs) or 'text', theirs, ours,
      bool(_NOTE.search(note)), cells[2].content if len(cells) > 2 else '',
  )


def read(page):
  """Returns the cases of a page, in their order."""
  text = (FOLDER / f'{page}.md').read_text('utf-8')
  tokens = MarkdownIt('commonmark').enable('table').parse(text)
  cases, title, notes, blocks = [], page, [], []
  note, header, cells, line = '', None, [], 0
  for token, following in zip(tokens, [*tokens[1:], None], strict=True):
    if token.type == 'heading_open':
      cases += _recipe(page, title, notes, blocks)
      title, notes, blocks = following.content, [], []
    elif token.type == 'fence':
      blocks.append(token)
    elif token.type == 'table_open':
      header = None
    elif token.type == 'tr_open':
      cells, line = [], token.map[0] + 1
    elif token.type in ('th_open', 'td_open'):
      cells.append(following)
    elif token.type == 'tr_close' and header is None:
      header = [cell.content for cell in cells]
    elif token.type == 'tr_close' and header[1:2] == ['optax']:
      cases.append(_row(page, line, cells, note))
    if token.type == 'paragraph_open':
      note = following.content.replace('\n', ' ')
      notes.append(note)
    elif token.type in ('heading_open', 'fence', 'table_close'):
      # A note belongs to the table right after it.
      note = ''
  return cases + _recipe(page, title, notes, blocks)


def read_all():
  """Returns the cases of all pages."""
  return [case for page in PAGES for case in read(page)]
