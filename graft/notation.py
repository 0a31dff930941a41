"""Reads the notation of sparse files.

A hole, ``...``, stands for code of upstream's. In brackets, as in ``x[..., 0]``
or ``tuple[int, ...]``, it is Python's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
import dataclasses
from typing import Any

import libcst as cst
from libcst import matchers as m

from graft import since
from graft.errors import GraftError

Statement = cst.BaseStatement | cst.BaseSmallStatement
Definition = cst.FunctionDef | cst.ClassDef

HOLE = m.Ellipsis()
GAP = m.SimpleStatementLine([m.Expr(HOLE)])
IMPORT = m.SimpleStatementLine([m.Import() | m.ImportFrom()])
DOCSTRING = m.SimpleStatementLine([m.Expr(m.SimpleString())])
ADDED_TEXT = m.SimpleString(m.MatchRegex(r'[rR]?"""\.\.\.[\s\S]*'))
_SINCE = m.Call(func=m.Name('since'), args=[m.Arg(m.SimpleString())])
_ASSIGNED_HOLE = m.SimpleStatementLine(
    [m.Assign(targets=[m.AssignTarget(m.Name())], value=HOLE)]
)


def code(node: cst.CSTNode) -> str:
  """A part of a tree as text."""
  return cst.Module([]).code_for_node(node).strip()


def first_line(statement: Any) -> str:
  """The first line of a statement, without the comments above it."""
  return code(statement.with_changes(leading_lines=())).split('\n')[0]


def count_holes(node: cst.CSTNode) -> int:
  """How many holes a part of a tree has."""
  found = m.findall(node, HOLE | m.Index(HOLE))
  in_brackets = [x for x in found if isinstance(x, cst.Index)]
  # Each of these is found itself, and so is its `...`.
  return len(found) - 2 * len(in_brackets)


def has_hole(node: cst.CSTNode) -> bool:
  """Whether a part of a tree stands for something of upstream's."""
  return count_holes(node) > 0 or bool(m.findall(node, ADDED_TEXT))


def name_of(statement: Statement) -> str:
  """What a statement is found by in its block, or nothing."""
  match statement:
    case cst.FunctionDef() | cst.ClassDef():
      return statement.name.value
    case cst.SimpleStatementLine(
        body=[cst.Assign(targets=[cst.AssignTarget(target=target)])]
    ):
      return code(target)
    case cst.SimpleStatementLine(body=[cst.Import() | cst.ImportFrom()]):
      return code(statement.body[0])
    case cst.SimpleStatementLine(body=[cst.Return()]):
      return 'return'
    case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString())]):
      return '"""'
  return ''


def for_release(
    suite: Iterable[Statement], version: str
) -> Iterator[Statement]:
  """Yields the statements of a sparse suite that apply to a release.

  Args:
    suite: Statements, of which definitions may be decorated with ``@since``.
    version: The version of upstream.
  """
  for statement in suite:
    if isinstance(statement, Definition):
      given = statement.decorators
      marks = [x for x in given if m.matches(x.decorator, _SINCE)]
      needed = [x.decorator.args[0].value.evaluated_value for x in marks]
      if not all(since.is_since(version, x) for x in needed):
        continue
      others = [x for x in given if x not in marks]
      statement = statement.with_changes(decorators=others)
    yield statement


@dataclasses.dataclass
class Anchor:
  """A sparse statement that stands for one of upstream's, and its neighbors."""

  statement: Statement
  before: list[Statement]
  after: list[Statement] = dataclasses.field(default_factory=list)


def anchors(
    suite: Iterable[Statement], is_anchor: Callable[[Statement], bool]
) -> tuple[list[Anchor], list[Statement]]:
  """Says where each new statement of a sparse suite belongs.

  It belongs right after the anchor that precedes it, or else right before the
  anchor that follows it, or else, after a bare ``...``, to the end.

  Args:
    suite: The statements.
    is_anchor: Whether a statement stands for one of upstream's.

  Returns:
    The anchors, and the statements that belong to the end.
  """
  found: list[Anchor] = []
  loose: list[Statement] = []  # Those that follow no anchor.
  follows_anchor = has_gap = False
  for statement in suite:
    if m.matches(statement, GAP):
      if loose:
        break
      follows_anchor, has_gap = False, True
    elif is_anchor(statement):
      found.append(Anchor(statement, before=loose))
      loose, follows_anchor = [], True
    elif follows_anchor:
      found[-1].after.append(statement)
    else:
      loose.append(statement)
  else:
    if has_gap or not loose:
      return found, loose
  problem = f'`{first_line(loose[0])}` has no place of its own'
  raise GraftError(problem, 'write it beside an anchor, as `name = ...`')


def extends_condition(statement: Statement) -> bool:
  """Whether a statement is ``if ... and CONDITION:``."""
  if not isinstance(statement, cst.If):
    return False
  test = statement.test
  while m.matches(test, m.BooleanOperation(operator=m.And())):
    test = test.left
  return test is not statement.test and m.matches(test, HOLE)


def name_in_condition(statement: cst.If) -> str:
  """The name that an ``if ... and CONDITION:`` gives as ``name = ...``."""
  body = statement.body.body
  is_plain = len(body) == 1 and m.matches(body[0], _ASSIGNED_HOLE)
  if statement.orelse or not is_plain:
    problem = f'`{first_line(statement)}` does more than extend a condition'
    raise GraftError(problem, 'write only `name = ...` in it, and no `else`')
  return name_of(body[0])


def line_with_hole(statement: Statement) -> cst.SimpleStatementLine:
  """The only line of a compound statement that stands for one of upstream's."""
  lines = m.findall(statement, m.SimpleStatementLine())
  found: Sequence[Any] = [line for line in lines if has_hole(line)]
  if len(found) != 1:
    line = first_line(statement)
    problem = f"`{line}` holds {len(found)} lines that stand for upstream's"
    remedy = 'write one `name = ...` in it, or `if ... and CONDITION:`'
    raise GraftError(problem, remedy)
  return found[0]
