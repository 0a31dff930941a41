"""Adds parameters, keywords, conditions and text to upstream's code."""

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst
from libcst import matchers as m

from graft import docstrings
from graft import notation
from graft.errors import GraftError

_LOOSER_THAN_AND = m.OneOf(
    m.BooleanOperation(operator=m.Or()),
    m.IfExp(),
    m.Lambda(),
    m.NamedExpr(),
)


def _check_new(theirs: Iterable[Any], ours: Iterable[Any]) -> None:
  """Raises a GraftError if upstream already contains one of our names."""
  known = {name.value for name in theirs if name}
  for name in ours:
    if name.value in known:
      raise GraftError(f'upstream has `{name.value}` here already')


def with_parameters(
    theirs: cst.FunctionDef, ours: cst.FunctionDef
) -> cst.FunctionDef:
  """Upstream's function with the keyword-only parameters of a sparse one."""
  old, new = theirs.params, ours.params
  if new.params or new.posonly_params or new.star_kwarg:
    problem = 'the sparse signature has more than keyword-only parameters'
    raise GraftError(problem, 'write the new ones after a `*`')
  if not new.kwonly_params:
    return theirs
  # Wherever the function has such a name, it would mean something else.
  names = [x.name for x in new.kwonly_params]
  _check_new(m.findall(theirs, m.Name()), names)
  star = old.star_arg
  if isinstance(star, cst.MaybeSentinel):
    present, added = old.params, [cst.ParamStar(), *new.kwonly_params]
  else:
    present = [*old.params, star, *old.kwonly_params]
    added = new.kwonly_params
  items = _joined(present, added, theirs.whitespace_before_params)
  count = len(old.params)
  params = old.with_changes(
      params=items[:count],
      star_arg=items[count],
      kwonly_params=items[count + 1 :],
  )
  return theirs.with_changes(params=params)


def with_value(theirs: Any, ours: cst.BaseExpression) -> Any:
  """What upstream assigns, returns or says, with what a sparse file adds."""
  if m.matches(ours, notation.HOLE):
    return theirs
  if m.matches(ours, notation.ADDED_TEXT):
    if isinstance(theirs, cst.SimpleString):
      return docstrings.merge(ours, theirs)
  elif isinstance(ours, cst.Call) and theirs is not None:
    return _with_keywords(theirs, ours)
  line = notation.code(ours).split('\n')[0]
  problem = f'`{line}` adds nothing to what upstream has here'
  raise GraftError(problem, 'write `name = ...`, or `...` first in a call')


def _with_keywords(theirs: Any, ours: cst.Call) -> Any:
  """Upstream's code with a sparse call's keywords in its only such call."""
  new = []
  for arg in ours.args:
    has_hole = notation.has_hole(arg)
    if arg.keyword and not has_hole:
      new.append(arg)
    elif isinstance(arg.value, cst.Call) and has_hole and not arg.keyword:
      theirs = _with_keywords(theirs, arg.value)
    elif arg.star or arg.keyword or not m.matches(arg.value, notation.HOLE):
      problem = f'`{_without_comma(arg)}` adds nothing to a call'
      raise GraftError(problem, 'write the new keywords, and `...` otherwise')
  if not any(m.matches(arg.value, notation.HOLE) for arg in ours.args):
    problem = f'`{notation.code(ours.func)}` has no `...` among its arguments'
    raise GraftError(problem, 'write `...` first in the call')
  name = notation.code(ours.func)
  calls = m.findall(theirs, m.Call())
  there = [call for call in calls if notation.code(call.func) == name]
  if len(there) != 1:
    raise GraftError(f'upstream calls `{name}` {len(there)} times here')
  call: Any = there[0]
  names = [arg.keyword for arg in new]
  _check_new([arg.keyword for arg in call.args], names)
  args = _joined(call.args, new, call.whitespace_before_args)
  return theirs.deep_replace(call, call.with_changes(args=args))


def _without_comma(arg: cst.Arg) -> str:
  return notation.code(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT))


def _joined(
    theirs: Sequence[Any], ours: Sequence[Any], opening: cst.CSTNode
) -> Sequence[Any]:
  """Parameters or arguments, each on its own line if upstream's first one is.

  Args:
    theirs: Those of upstream.
    ours: Those to add.
    opening: The whitespace after the opening bracket.
  """
  if not theirs or not ours:
    return [*theirs, *ours]
  last = theirs[-1]
  if m.findall(last, m.Comment()):
    raise GraftError('upstream has a comment last in these brackets')
  if isinstance(opening, cst.ParenthesizedWhitespace):
    space = opening.with_changes(first_line=cst.TrailingWhitespace())
  else:
    space = cst.SimpleWhitespace(' ')
  comma = cst.Comma(whitespace_after=space)
  # What upstream writes before the closing bracket stays there.
  kind = 'arg' if isinstance(last, cst.Arg) else 'param'
  field = f'whitespace_after_{kind}'
  ending = {'comma': last.comma, field: getattr(last, field)}
  before = [
      *theirs[:-1],
      last.with_changes(**{field: cst.SimpleWhitespace('')}),
      *ours[:-1],
  ]
  start = len(theirs) - 1
  separated = [item.with_changes(comma=comma) for item in before[start:]]
  return [*before[:start], *separated, ours[-1].with_changes(**ending)]


def with_condition(
    theirs: cst.BaseExpression, ours: cst.BaseExpression
) -> cst.BaseExpression:
  """Upstream's condition in place of the hole that begins ours."""
  if isinstance(ours, cst.BooleanOperation):
    return ours.with_changes(left=with_condition(theirs, ours.left))
  if m.matches(theirs, _LOOSER_THAN_AND) and not theirs.lpar:
    parentheses = {'lpar': [cst.LeftParen()], 'rpar': [cst.RightParen()]}
    return theirs.with_changes(**parentheses)
  return theirs
