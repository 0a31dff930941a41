"""Reads the rows, recipes and blocks of a porting page.

A table whose second header is ``optax`` holds rows, each cell one code span; a
third column holds the distance between calls that only look the same. A recipe
is a section with two blocks that both define ``optimizer``: what you had and
what you write. Every other Python block has to run on its own.
"""

import ast
import pathlib
import re
from typing import NamedTuple

from markdown_it import MarkdownIt

FOLDER = pathlib.Path(__file__).parents[2] / 'docs' / 'porting'
PAGES = ('keras', 'tensorflow', 'pytorch')

# The frameworks in the order in which they are looked for: PyTorch may appear
# in Pyro's code, and TensorFlow in tf_keras's.
FRAMEWORKS = ('tf_keras', 'keras', 'pyro', 'thinc', 'sklearn', 'torch', 'tf')
_IMPORTED_AS = {'tensorflow': 'tf'}
# What a page says where a framework computes in float32, whatever it is given.
_NOTE = re.compile(r'\bto float32\b')


class Case(NamedTuple):
  """Two codes of a page and what the page claims about them.

  Attributes:
    page: The name of the page, without its suffix.
    line: The line of the row, or of the first block.
    kind: ``'row'``, ``'different'`` (a row of calls that only look the same),
      ``'recipe'``, or ``'block'`` (a block on its own, in ``theirs``).
    title: The row's first code, or the heading of the section.
    framework: One of `FRAMEWORKS`, or ``'text'`` for what can no longer be
      installed: a block of text, or a row that names none of them.
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
  ours: str = ''
  rounded: bool = False
  figure: str = ''

  @property
  def name(self):
    return f'{self.page}.md:{self.line}: {self.title}'


def framework_of(code):
  """Returns the framework that a code uses, or an empty string."""
  used = set()
  for node in ast.walk(ast.parse(code)):
    if isinstance(node, ast.Import):
      used |= {alias.name.partition('.')[0] for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      used.add(node.module.partition('.')[0])
    elif isinstance(node, ast.Name):
      used.add(node.id)
  used = {_IMPORTED_AS.get(name, name) for name in used}
  return next((name for name in FRAMEWORKS if name in used), '')


def _defines_optimizer(block):
  return re.search(r'^optimizer = ', block.content, re.MULTILINE)


def _section(page, title, notes, blocks):
  """Returns the cases of a section's blocks."""
  cases = []
  if len(blocks) > 1 and all(map(_defines_optimizer, blocks[:2])):
    theirs, ours = blocks[:2]
    text = theirs.info == 'text'
    framework = 'text' if text else framework_of(theirs.content)
    rounded = any(map(_NOTE.search, notes))
    cases.append(
        Case(page, theirs.map[0] + 1, 'recipe', title, framework,
             theirs.content, ours.content, rounded)
    )
    blocks = blocks[2:]
  for block in blocks:
    if block.info == 'python':
      framework = framework_of(block.content)
      cases.append(
          Case(page, block.map[0] + 1, 'block', title, framework, block.content)
      )
  return cases


def _row(page, line, cells, note):
  """Returns the case of a table's row, a list of inline tokens."""
  for cell in cells[:2]:
    if [child.type for child in cell.children] != ['code_inline']:
      raise ValueError(
          f'{page}.md:{line}: expected one code span, found {cell.content!r}'
      )
  theirs, ours = (cell.children[0].content for cell in cells[:2])
  figure = cells[2].content if len(cells) > 2 else ''
  kind = 'different' if figure else 'row'
  rounded = bool(_NOTE.search(note))
  framework = framework_of(theirs) or 'text'
  return Case(
      page, line, kind, theirs, framework, theirs, ours, rounded, figure
  )


def read(page):
  """Returns the cases of a page, in their order."""
  text = (FOLDER / f'{page}.md').read_text('utf-8')
  cases, title, notes, blocks = [], page, [], []
  note, header, cells, line = '', None, [], 0
  tokens = MarkdownIt('commonmark').enable('table').parse(text)
  for i, token in enumerate(tokens):
    if token.type == 'heading_open':
      cases += _section(page, title, notes, blocks)
      title, note = tokens[i + 1].content, ''
      notes, blocks = [], []
    elif token.type == 'paragraph_open':
      note = tokens[i + 1].content.replace('\n', ' ')
      notes.append(note)
    elif token.type == 'fence':
      blocks.append(token)
      note = ''
    elif token.type == 'table_open':
      header = None
    elif token.type == 'tr_open':
      cells, line = [], token.map[0] + 1
    elif token.type in ('th_open', 'td_open'):
      cells.append(tokens[i + 1])
    elif token.type == 'tr_close' and header is None:
      header = [cell.content for cell in cells]
    elif token.type == 'tr_close' and header[1:2] == ['optax']:
      cases.append(_row(page, line, cells, note))
    elif token.type == 'table_close':
      note = ''
  return cases + _section(page, title, notes, blocks)


def read_all():
  """Returns the cases of all pages that exist."""
  pages = [page for page in PAGES if (FOLDER / f'{page}.md').exists()]
  return [case for page in pages for case in read(page)]
