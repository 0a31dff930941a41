"""What ``...`` means in a sparse file, and which parts need which release.

In the places named here ``...`` stands for upstream's own code; anywhere else,
as in ``x[..., 0]`` or ``tuple[int, ...]``, it is Python's.
"""

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import matchers as m
from packaging.version import Version

DEFINITION = (cst.FunctionDef, cst.ClassDef)
HOLE = m.Ellipsis()
_ALONE = [m.Expr(HOLE)]
ANY_STATEMENTS = m.SimpleStatementLine(_ALONE) | m.SimpleStatementSuite(_ALONE)
TEXT = m.SimpleString(
    m.MatchIfTrue(lambda text: text.lstrip('rR"\'').startswith('...'))
)
DOCSTRING = m.SimpleStatementLine([m.Expr(TEXT)])
CALL = m.Call(args=[m.ZeroOrMore(), m.Arg(HOLE), m.ZeroOrMore()])
_ELEMENTS = [m.Element(HOLE), m.ZeroOrMore()]
ITEMS = m.Tuple(_ELEMENTS) | m.List(_ELEMENTS)
_ASSIGNMENT = m.Assign(value=HOLE | TEXT)
_SINCE = m.Call(func=m.Name('since'), args=[m.Arg(m.SimpleString())])


def has_hole(node: cst.CSTNode) -> bool:
  """Whether a part of a tree stands for something of upstream's."""
  holes = m.OneOf(ANY_STATEMENTS, DOCSTRING, CALL, ITEMS, _ASSIGNMENT)
  return bool(m.findall(node, holes))


def is_since(version: str, needed: str) -> bool:
  """Whether upstream's ``version`` is ``needed`` or later."""
  return Version(version).release >= Version(needed).release


def applicable(
    suite: Sequence[cst.BaseStatement], version: str
) -> Iterator[cst.BaseStatement]:
  """The statements of a suite that a release has what is needed for.

  That is, a definition under ``@since('0.2.7')`` from that release on, and what
  stands under ``if since('0.2.7'):``.
  """
  holds = lambda call: is_since(version, call.args[0].value.evaluated_value)
  for statement in suite:
    if m.matches(statement, m.If(_SINCE, orelse=None)):
      if holds(statement.test):
        yield from applicable(statement.body.body, version)
    elif isinstance(statement, DEFINITION):
      is_note = lambda x: m.matches(x.decorator, _SINCE)
      notes = filter(is_note, statement.decorators)
      if all(holds(note.decorator) for note in notes):
        rest = [x for x in statement.decorators if not is_note(x)]
        yield statement.with_changes(decorators=rest)
    else:
      yield statement
