"""What ``...`` means in a sparse file, and which parts need which release.

In the places named here ``...`` stands for upstream's own code; anywhere else,
as in ``x[..., 0]`` or ``tuple[int, ...]``, it is Python's.
"""

import libcst as cst
from libcst import matchers as m
from packaging.version import Version

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


class Applicable(cst.CSTTransformer):
  """Leaves in a sparse module what a release has what is needed for.

  That is a definition under ``@since('0.2.7')``, and of ``if since('0.2.7'):``
  the one branch or the other.
  """

  def __init__(self, version: str):
    super().__init__()
    self._version = version

  def _holds(self, call: cst.Call) -> bool:
    return is_since(self._version, call.args[0].value.evaluated_value)

  def leave_If(self, original_node: cst.If, updated_node: cst.If):
    if not m.matches(original_node.test, _SINCE):
      return updated_node
    holds = self._holds(original_node.test)
    chosen = updated_node if holds else updated_node.orelse
    if chosen is None:
      return cst.RemoveFromParent()
    first, *rest = chosen.body.body
    lines = (*updated_node.leading_lines, *first.leading_lines)
    return cst.FlattenSentinel([first.with_changes(leading_lines=lines), *rest])

  def _leave_definition(self, original_node, updated_node):
    is_note = lambda x: m.matches(x.decorator, _SINCE)
    notes = filter(is_note, original_node.decorators)
    if not all(self._holds(note.decorator) for note in notes):
      return cst.RemoveFromParent()
    rest = [x for x in updated_node.decorators if not is_note(x)]
    return updated_node.with_changes(decorators=rest)

  leave_FunctionDef = leave_ClassDef = _leave_definition
