"""What ``...`` means in a sparse file, and how our code joins upstream's.

In the places named here ``...`` stands for upstream's own code; anywhere else,
as in ``x[..., 0]`` or ``tuple[int, ...]``, it is Python's.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import libcst as cst
from libcst import matchers as m

from graft import docstrings
from graft import since
from graft.errors import GraftError

DEFINITION = (cst.FunctionDef, cst.ClassDef)
_HOLE = m.Ellipsis()
_ALONE = [m.Expr(_HOLE)]
ANY_STATEMENTS = m.SimpleStatementLine(_ALONE) | m.SimpleStatementSuite(_ALONE)
_TEXT = m.SimpleString(m.MatchRegex(r'[rR]?"""\.\.\.[\s\S]*'))
_CALL = m.Call(args=[m.ZeroOrMore(), m.Arg(_HOLE), m.ZeroOrMore()])
_ELEMENTS = [m.Element(_HOLE), m.ZeroOrMore()]
_ITEMS = m.Tuple(_ELEMENTS) | m.List(_ELEMENTS)
_HOLES = m.OneOf(ANY_STATEMENTS, m.Assign(value=_HOLE), _TEXT, _CALL, _ITEMS)
_NAME_HOLE = m.SimpleStatementLine(
    [m.Assign(targets=[m.AssignTarget(m.Name())], value=_HOLE)]
)
_LOOSER_THAN_AND = m.OneOf(
    m.BooleanOperation(operator=m.Or()), m.IfExp(), m.Lambda(), m.NamedExpr()
)
_SINCE = m.Call(func=m.Name('since'), args=[m.Arg(m.SimpleString())])

_Nodes = Sequence[cst.CSTNode]


def code(node: cst.CSTNode) -> str:
  """A part of a tree as text."""
  return cst.Module([]).code_for_node(node).strip()


def _begins_with_hole(test: cst.BaseExpression) -> bool:
  """Whether a condition is a chain of ``and`` that begins with ``...``."""
  while m.matches(test, m.BooleanOperation(operator=m.And())):
    test = test.left
    if m.matches(test, _HOLE):
      return True
  return False


def has_hole(node: cst.CSTNode) -> bool:
  """Whether a part of a tree stands for something of upstream's."""
  return bool(m.findall(node, _HOLES))


def count_holes(node: cst.CSTNode) -> int:
  """How many ``...`` there are, apart from those in subscripts."""
  in_subscripts = m.findall(node, m.Subscript())
  everywhere = len(m.findall(node, _HOLE))
  return everywhere - len(
      {id(x) for part in in_subscripts for x in m.findall(part, _HOLE)}
  )


EXTENDED_IF = m.If(test=m.MatchIfTrue(_begins_with_hole))


def assigned_in(extended: cst.If) -> str:
  """The name that the body of an extended ``if`` gives as ``name = ...``."""
  body = extended.body.body
  is_plain = len(body) == 1 and m.matches(body[0], _NAME_HOLE)
  if extended.orelse or not is_plain:
    problem = f'`if {code(extended.test)}:` does more than extend a condition'
    raise GraftError(problem, 'write only `name = ...` in it, and no `else`')
  return body[0].body[0].targets[0].target.value


def extended_condition(
    theirs: cst.BaseExpression, ours: cst.BaseExpression
) -> cst.BaseExpression:
  """Upstream's condition in place of the ``...`` that begins ours."""
  if m.matches(theirs, _LOOSER_THAN_AND) and not theirs.lpar:
    parentheses = {'lpar': [cst.LeftParen()], 'rpar': [cst.RightParen()]}
    theirs = theirs.with_changes(**parentheses)
  if m.matches(ours, _HOLE):
    return theirs
  return ours.with_changes(left=extended_condition(theirs, ours.left))


def applicable(suite: _Nodes, version: str) -> Iterator[Any]:
  """Yields what a release gets of a suite: ``since`` leaves the rest out."""
  holds = lambda call: since.is_since(version, call.args[0].value.evaluated_value)
  for statement in suite:
    if m.matches(statement, m.If(_SINCE, orelse=~m.If())):
      branch = statement if holds(statement.test) else statement.orelse
      if branch:
        yield from applicable(branch.body.body, version)
    elif isinstance(statement, DEFINITION):
      given = statement.decorators
      notes = [x for x in given if m.matches(x.decorator, _SINCE)]
      if all(holds(note.decorator) for note in notes):
        rest = [x for x in given if x not in notes]
        yield statement.with_changes(decorators=rest)
    else:
      yield statement


def _check_new(theirs: Iterable, ours: Iterable) -> None:
  """Raises a GraftError if upstream already contains one of our parts."""
  known, new = ({code(x) for x in nodes if x} for nodes in (theirs, ours))
  if known & new:
    raise GraftError(f'upstream has `{min(known & new)}` here already')


def with_parameters(theirs: Any, ours: cst.FunctionDef) -> Any:
  """Upstream's function with the parameters of a sparse one, keyword-only."""
  old, new = theirs.params, ours.params
  if new.params or new.posonly_params or new.star_kwarg:
    problem = 'the sparse signature has more than keyword-only parameters'
    raise GraftError(problem, 'write the new ones after a `*`')
  if not new.kwonly_params:
    return theirs
  # Wherever the function has such a name, it would mean something else.
  _check_new(m.findall(theirs, m.Name()), [x.name for x in new.kwonly_params])
  there, added = [*old.params], [*new.kwonly_params]
  if isinstance(old.star_arg, cst.MaybeSentinel):
    added.insert(0, cst.ParamStar())
  else:
    there += [old.star_arg, *old.kwonly_params]
  items = _appended(there, added, theirs.whitespace_before_params)
  count = len(old.params)
  parts = {'params': items[:count], 'star_arg': items[count]}
  params = old.with_changes(**parts, kwonly_params=items[count + 1 :])
  return theirs.with_changes(params=params)


def with_value(theirs: Any, ours: cst.BaseExpression) -> Any:
  """What upstream assigns, returns or says, with what ours adds to it."""
  if m.matches(ours, _HOLE):
    return theirs
  if m.matches(ours, _TEXT) and isinstance(theirs, cst.SimpleString):
    return docstrings.merge(ours, theirs)
  if m.matches(ours, _ITEMS) and type(theirs) is type(ours):
    there, new = theirs.elements, ours.elements[1:]
    _check_new([x.value for x in there], [x.value for x in new])
    is_list = isinstance(theirs, cst.List)
    brackets = [theirs.lbracket] if is_list else theirs.lpar
    opening = brackets[0].whitespace_after if brackets else theirs
    return theirs.with_changes(elements=_appended(there, new, opening))
  if m.matches(ours, _CALL) and theirs is not None:
    for call in m.findall(ours, _CALL):
      theirs = _with_keywords(theirs, call)
    return theirs
  line = code(ours).split('\n')[0]
  problem = f'`{line}` adds nothing to what upstream has here'
  raise GraftError(problem, 'write `name = ...`, or `...` first in a call')


def _with_keywords(theirs: cst.CSTNode, ours: cst.Call) -> cst.CSTNode:
  """Upstream's code with a sparse call's keywords in its only such call."""
  name = code(ours.func)
  calls = [x for x in m.findall(theirs, m.Call()) if code(x.func) == name]
  if len(calls) != 1:
    raise GraftError(f'upstream calls `{name}` {len(calls)} times here')
  (call,), new = calls, [arg for arg in ours.args if arg.keyword]
  for arg in ours.args:
    stands = m.matches(arg.value, _HOLE) or has_hole(arg)
    if stands == bool(arg.keyword):
      problem = f'`{code(arg)}` adds nothing to a call'
      raise GraftError(problem, 'write the new keywords, and `...` otherwise')
  _check_new([x.keyword for x in call.args], [x.keyword for x in new])
  args = _appended(call.args, new, call.whitespace_before_args)
  return theirs.deep_replace(call, call.with_changes(args=args))


def _appended(items: _Nodes, new: _Nodes, opening: cst.CSTNode) -> _Nodes:
  """Adds items in brackets: each on a line of its own if the first one is."""
  if not (items and new):
    return items or new
  if m.findall(items[-1], m.Comment()):
    raise GraftError('upstream has a comment last in these brackets')
  space = cst.SimpleWhitespace(' ')
  if isinstance(opening, cst.ParenthesizedWhitespace):
    space = opening.with_changes(first_line=cst.TrailingWhitespace())
  comma = cst.Comma(whitespace_after=space)
  (*kept, last), (*between, end) = items, new
  # What stands before the closing bracket stays there.
  slots = ('comma', 'whitespace_after_param', 'whitespace_after_arg')
  slots = [slot for slot in slots if hasattr(last, slot)]
  ends_as = lambda x, y: x.with_changes(**{z: getattr(y, z) for z in slots})
  moved = [x.with_changes(comma=comma) for x in (ends_as(last, end), *between)]
  return [*kept, *moved, ends_as(end, last)]
