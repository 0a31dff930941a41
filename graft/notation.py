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
ADDED_TEXT = m.SimpleString(
    m.MatchIfTrue(lambda text: text.lstrip('rRuU"\'').startswith('...'))
)
DOCSTRING = m.SimpleStatementLine([m.Expr(ADDED_TEXT)])
ADDED_CALL = m.Call(args=[m.ZeroOrMore(), m.Arg(HOLE), m.ZeroOrMore()])
_FIRST_HOLE = [m.Element(HOLE), m.ZeroOrMore()]
ADDED_ITEMS = m.Tuple(_FIRST_HOLE) | m.List(_FIRST_HOLE)
ASSIGNED_HOLE = m.Assign(value=HOLE | ADDED_TEXT)

_SINCE = m.Call(func=m.Name('since'), args=[m.Arg(m.SimpleString())])


def has_hole(node: cst.CSTNode) -> bool:
  """Whether a part of a tree stands for something of upstream's."""
  holes = (ANY_STATEMENTS, DOCSTRING, ADDED_CALL, ADDED_ITEMS, ASSIGNED_HOLE)
  return bool(m.findall(node, m.OneOf(*holes)))


def is_since(version: str, needed: str) -> bool:
  """Whether upstream's ``version`` is ``needed`` or later."""
  return numbers(version) >= numbers(needed)


def numbers(version: str) -> tuple[int, ...]:
  """The release numbers of a version: ``(0, 2, 9)`` of ``0.2.9.dev1``."""
  return versions.Version(version).release


def _holds(call: cst.CSTNode, version: str) -> bool:
  """Whether ``since('0.2.7')`` holds for a release."""
  return is_since(version, call.args[0].value.evaluated_value)


def applicable(
    body: Sequence[cst.BaseStatement], version: str
) -> Iterator[cst.BaseStatement]:
  """The statements of a sparse body that a release has what is needed for.

  A definition under ``@since('0.2.7')`` and the statements in an
  ``if since('0.2.7'):`` are left out below that release, those in its ``else:``
  from that release on.

  Args:
    body: Statements of a sparse file.
    version: Version of the upstream release.

  Yields:
    The statements to be laid over that release.
  """
  for statement in body:
    if m.matches(statement, m.If(test=_SINCE)):
      chosen = statement if _holds(statement.test, version) else statement.orelse
      if isinstance(chosen, cst.If) and chosen is not statement:  # An elif.
        yield from applicable([chosen], version)
      elif chosen is not None:
        first, *rest = chosen.body.body
        lines = (*statement.leading_lines, *first.leading_lines)
        first = first.with_changes(leading_lines=lines)
        yield from applicable([first, *rest], version)
    elif isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
      notes = [
          decorator
          for decorator in statement.decorators
          if m.matches(decorator.decorator, _SINCE)
      ]
      if all(_holds(note.decorator, version) for note in notes):
        rest = [x for x in statement.decorators if x not in notes]
        yield statement.with_changes(decorators=rest)
    else:
      yield statement
