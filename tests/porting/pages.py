"""Reads the rows and recipes of a porting page, as code that can be run.

Row: a table whose second header names optax has in each row two code spans,
what you had and what you write. A third column holds the distance between calls
that only look the same.

Setup: a block that doesn't define ``optimizer`` runs before each row below it,
up to the next heading of level two or the next such block. If it imports optax,
it belongs to what you write, otherwise to what you had. So cells can be short::

  from keras.optimizers import Adam

Schedules: a header with a code span holds the optimizer around every row. A row
of such a table is the ``schedule`` that the span uses::

  | schedule for `SGD(schedule)` | schedule for `optax.sgd(schedule)` |
  | --- | --- |
  | `ExponentialDecay(0.1, 50, 0.9)` | `optax.exponential_decay(0.1, 50, 0.9)` |

A span that doesn't use ``schedule`` is the ``optimizer`` that the rows use, as
PyTorch's schedulers do::

  | scheduler for `torch.optim.SGD(params)` | for `optax.sgd(schedule)` |
  | --- | --- |
  | `ExponentialLR(optimizer, 0.9)` | `optax.exponential_decay(1e-3, 1, 0.9)` |

Recipe: a section with two blocks that define ``optimizer``, what you had and
what you write. If the second one doesn't import optax, it continues the setup
of what you write. No other blocks are allowed, since nothing would run them.
"""

import pathlib
import re
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

FOLDER = pathlib.Path(__file__).parents[2] / 'docs' / 'porting'
PAGES = ('keras', 'tensorflow', 'pytorch', 'other')

# In the order of the search, since Pyro's code may name PyTorch.
FRAMEWORKS = (
    'tf_keras', 'keras', 'pyro', 'numpyro', 'thinc', 'sklearn', 'qml',
    'qiskit_algorithms', 'torch', 'tf',
)
# How a page says that a framework computes in float32, whatever its input.
_ROUNDS = re.compile(r'\bto\s+float32\b')


class Case(NamedTuple):
  """Two codes of a page and what the page claims about them.

  Attributes:
    place: The page and the line of the row, or of the recipe's first block.
    kind: ``'row'``, ``'different'`` (a row of calls that only look the same),
      or ``'recipe'``.
    name: The page, the heading and the printed calls: the name of the test.
    framework: One of `FRAMEWORKS`, or ``'text'`` if it can't be installed: in
      or below a ``text`` block, or a row that names no framework.
    theirs: What you had: statements that define ``optimizer``, and for a
      scheduler of PyTorch also ``scheduler``.
    ours: What you write: statements that define ``optimizer``.
    rounded: Whether a note says that the framework rounds to float32.
    figure: The printed distance of calls that only look the same.
  """

  place: str
  kind: str
  name: str
  framework: str
  theirs: str
  ours: str
  rounded: bool = False
  figure: str = ''

  def describe(self):
    """Returns the place and the codes, for the message of a failed test."""
    return (
        f'{self.place}\n\nWhat you had:\n\n{self.theirs}\n'
        f'What you write:\n\n{self.ours}'
    )

  @property
  def in_table(self):
    return self.kind in ('row', 'different')


def _imports_optax(code):
  return re.search('^import optax$', code, re.MULTILINE)


class _Section(NamedTuple):
  """A heading and the top-level nodes below it, up to the next heading."""

  page: str
  title: str
  nodes: list

  def place(self, node):
    """Returns the page and the line where a node begins."""
    return f'docs/porting/{self.page}.md:{node.map[0] + 1}'


class _Setup(NamedTuple):
  """The code that runs before the codes of a row."""

  theirs: str = ''
  ours: str = ''
  # Whether what you had can't be installed.
  is_text: bool = False

  def after(self, block):
    """Returns the setup of the rows below a block."""
    if _imports_optax(block.content):
      return self._replace(ours=block.content)
    return self._replace(theirs=block.content, is_text=block.info == 'text')


def framework_of(code):
  """Returns the framework that a code uses, or an empty string."""
  used = set(re.findall(r'(?<![\w.])(\w+)\.', code))
  return next((name for name in FRAMEWORKS if name in used), '')


def _defines_optimizer(block):
  return re.search('^optimizer = ', block.content, re.MULTILINE)


def _content(cell):
  """Returns the source of a cell, a heading or a paragraph."""
  return ' '.join(node.content for node in cell.children)


def _code_spans(cell):
  """Returns the code spans of a cell, without their backticks."""
  return re.findall('`(.+?)`', _content(cell))


def _statements(header, cell):
  """Returns the code that a cell stands for under its header."""
  around = _code_spans(header)
  if not around:
    return f'optimizer = {cell}\n'
  if 'schedule' in around[0]:
    return f'schedule = {cell}\noptimizer = {around[0]}\n'
  return f'optimizer = {around[0]}\nscheduler = {cell}\n'


def _row(section, headers, row, setup, note):
  """Returns the case of a table's row."""
  place = section.place(row)
  codes = []
  for cell in row.children[:2]:
    spans = _code_spans(cell)
    if _content(cell) != f'`{"".join(spans)}`':
      raise ValueError(
          f'{place}: expected one code span, found {_content(cell)!r}'
      )
    codes += spans
  figures = [_content(cell) for cell in row.children[2:]]
  kind = 'different' if figures else 'row'
  name = f'{section.page}, {section.title}: {codes[0]}'
  if figures:
    name += f' is not {codes[1]}'
  theirs = setup.theirs + _statements(headers[0], codes[0])
  ours = setup.ours + _statements(headers[1], codes[1])
  framework = '' if setup.is_text else framework_of(theirs)
  rounded = bool(_ROUNDS.search(note))
  return Case(
      place, kind, name, framework or 'text', theirs, ours, rounded,
      *figures[:1],
  )


def _rows(section, table, setup, note):
  """Returns the cases of a table, none if it doesn't translate to optax."""
  head, body = table.children
  headers = head.children[0].children
  if 'optax' not in _content(headers[1]):
    return []
  return [_row(section, headers, row, setup, note) for row in body.children]


def _recipe(section, blocks, setup):
  """Returns the case of a section with two blocks."""
  place = section.place(blocks[0])
  if len(blocks) != 2:
    raise ValueError(
        f'{place}: expected two blocks that define optimizer in '
        f'{section.title!r}, found {len(blocks)}'
    )
  theirs, ours = (block.content for block in blocks)
  if not _imports_optax(ours):
    ours = setup.ours + ours
  framework = 'text' if blocks[0].info == 'text' else framework_of(theirs)
  notes = [_content(node) for node in section.nodes if node.type == 'paragraph']
  rounded = any(map(_ROUNDS.search, notes))
  name = f'{section.page}, {section.title}'
  return Case(place, 'recipe', name, framework, theirs, ours, rounded)


def _cases(section, setup):
  """Returns the cases of a section and the setup of the sections below it."""
  cases = []
  blocks = []
  setup_block = None
  note = ''
  for node in section.nodes:
    if node.type == 'paragraph':
      note = _content(node)
    elif node.type == 'fence' and _defines_optimizer(node):
      blocks.append(node)
    elif node.type == 'fence':
      setup_block = node
      setup = setup.after(node)
    elif node.type == 'table':
      cases += _rows(section, node, setup, note)
      # A note belongs to the table right after it.
      note = ''
  if setup_block and not cases:
    raise ValueError(
        f'{section.place(setup_block)}: nothing runs this block: it defines no'
        ' optimizer, and no table of rows follows it'
    )
  if blocks:
    cases.append(_recipe(section, blocks, setup))
  return cases, setup


def _check_names(cases):
  """Raises a ValueError if two cases have the same name."""
  places = {}
  for case in cases:
    if case.name in places:
      raise ValueError(
          f'{case.place}: {places[case.name]} has the same call under this'
          ' heading'
      )
    places[case.name] = case.place


def read(page):
  """Returns the cases of a page, in their order."""
  text = (FOLDER / f'{page}.md').read_text('utf-8')
  root = SyntaxTreeNode(MarkdownIt('commonmark').enable('table').parse(text))
  cases = []
  setup = _Setup()
  section = _Section(page, page, [])
  for node in root.children:
    if node.type != 'heading':
      section.nodes.append(node)
      continue
    found, setup = _cases(section, setup)
    cases += found
    if node.tag in ('h1', 'h2'):
      setup = _Setup()
    section = _Section(page, _content(node), [])
  found, _ = _cases(section, setup)
  cases += found
  _check_names(cases)
  return cases


def read_all():
  """Returns the cases of all pages."""
  return [case for page in PAGES for case in read(page)]
