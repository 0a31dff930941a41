"""What ``...`` means in a sparse file, and which parts need which release.

In the places named here ``...`` stands for upstream's own code; anywhere else,
as in ``x[..., 0]`` or ``tuple[int, ...]``, it is Python's.
"""

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import matchers as m
from packaging import version as versions

HOLE = m.Ellipsis()
ANY_STATEMENTS = m.SimpleStatementLine([m.Expr(HOLE)])
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


def numbers(version: str) -> tuple[int, ...]:
  """The release numbers of a version: ``(0, 2, 9)`` of ``0.2.9.dev1``."""
  return versions.Version(version).release


def is_since(version: str, needed: str) -> bool:
  """Whether upstream's ``version`` is ``needed`` or later."""
  return numbers(version) >= numbers(needed)


def _holds(since: cst.Call, version: str) -> bool:
  return is_since(version, since.args[0].value.evaluated_value)


def applicable(
    body: Sequence[cst.BaseStatement], version: str
) -> Iterator[cst.BaseStatement]:
  """The statements of a sparse body that a release has what is needed for.

  A definition under ``@since('0.2.7')`` and the statements in an
  ``if since('0.2.7'):`` are left out below that release, those in its ``else:``
  from that release on.
  """
  for statement in body:
    if m.matches(statement, m.If(test=_SINCE)):
      branch = statement if _holds(statement.test, version) else statement.orelse
      if branch is not None:
        first, *rest = branch.body.body
        lines = (*statement.leading_lines, *first.leading_lines)
        first = first.with_changes(leading_lines=lines)
        yield from applicable([first, *rest], version)
    elif isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
      notes = [
          x for x in statement.decorators if m.matches(x.decorator, _SINCE)
      ]
      if all(_holds(note.decorator, version) for note in notes):
        rest = [x for x in statement.decorators if x not in notes]
        yield statement.with_changes(decorators=rest)
    else:
      yield statement
