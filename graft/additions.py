"""What is added to upstream's imports, signatures, calls, tuples and lists."""

from collections.abc import Sequence
import sys

import libcst as cst
from libcst import matchers as m
from libcst import metadata

from graft import notation
from graft.errors import Misfit

_Nodes = Sequence[cst.CSTNode]
_IMPORT = m.SimpleStatementLine([m.Import() | m.ImportFrom()])


def code(node: cst.CSTNode) -> str:
  """A part of a tree as text."""
  return cst.Module([]).code_for_node(node).strip()


def is_import(statement: cst.BaseStatement) -> bool:
  return m.matches(statement, _IMPORT)


def _path(statement: cst.BaseStatement) -> str:
  """The dotted path of what an import imports first."""
  words = code(statement.body[0]).replace(',', '').split()
  return '.'.join(words[1:4:2] if words[0] == 'from' else words[1:2])


def _order(statement: cst.BaseStatement) -> tuple[bool, str]:
  """Sort key of an import: the standard library first, then by path."""
  path = _path(statement)
  return path.split('.')[0] not in sys.stdlib_module_names, path.lower()


def with_import(
    ours: cst.BaseStatement, body: _Nodes, scope: metadata.Scope
) -> _Nodes:
  """Upstream's module with an import of ours where it sorts, if it lacks it."""
  text = code(ours.body[0])
  known = {x.name for x in scope.get_qualified_names_for(text.split()[-1])}
  if known == {_path(ours)}:
    return body
  there = [i for i, x in enumerate(body) if is_import(x)]
  if known or not there:
    raise Misfit(f'upstream leaves no room for `{text}`')
  before = [i for i in there if _order(body[i]) < _order(ours)]
  at = before[-1] + 1 if before else there[0]
  return [*body[:at], ours.with_changes(leading_lines=()), *body[at:]]


def _appended(items: _Nodes, new: _Nodes, opening: cst.CSTNode) -> _Nodes:
  """Items in brackets with more after them, on lines of their own if hanging.

  What stands between the last item and the closing bracket stays there.
  """
  space = cst.SimpleWhitespace(' ')
  if isinstance(opening, cst.ParenthesizedWhitespace):  # Without its comments.
    space = cst.ParenthesizedWhitespace(indent=True, last_line=opening.last_line)
  inside = {'comma': cst.Comma(whitespace_after=space)}
  end = {'comma': cst.MaybeSentinel.DEFAULT}
  if items:
    end = {slot: getattr(items[-1], slot) for slot in _slots(items[-1])}
  blank = cst.SimpleWhitespace('')
  *kept, last = [*items, *new]
  start = max(len(items) - 1, 0)
  moved = [
      x.with_changes(**{slot: inside.get(slot, blank) for slot in _slots(x)})
      for x in kept[start:]
  ]
  return [*kept[:start], *moved, last.with_changes(**end)]


def _slots(item: cst.CSTNode) -> list[str]:
  """The parts of an item that stand between it and what comes after it."""
  slots = ('comma', 'whitespace_after_param', 'whitespace_after_arg')
  return [slot for slot in slots if hasattr(item, slot)]


def with_parameters(
    theirs: cst.FunctionDef, ours: cst.FunctionDef
) -> cst.FunctionDef:
  """Upstream's function with the parameters of a sparse one, keyword-only."""
  old, new = theirs.params, ours.params
  if new.params or new.posonly_params or new.star_kwarg:
    problem = 'the sparse signature has more than keyword-only parameters'
    raise Misfit(problem, 'write the new ones after a `*`')
  if not new.kwonly_params:
    return theirs
  known = {x.name.value for x in [*old.params, *old.kwonly_params]}
  for parameter in new.kwonly_params:
    if (name := parameter.name.value) in known:
      raise Misfit(f'upstream has the parameter `{name}` already')
  there, added = [*old.params], [*new.kwonly_params]
  if isinstance(old.star_arg, cst.MaybeSentinel):
    added.insert(0, cst.ParamStar())
  else:
    there += [old.star_arg, *old.kwonly_params]
  items = _appended(there, added, theirs.whitespace_before_params)
  if old.star_kwarg:
    items[-1] = items[-1].with_changes(comma=items[0].comma)
  positional, (star, *rest) = items[: len(old.params)], items[len(old.params) :]
  params = old.with_changes(
      params=positional, star_arg=star, kwonly_params=rest
  )
  return theirs.with_changes(params=params)


def with_items(
    theirs: cst.BaseExpression, ours: cst.Tuple | cst.List
) -> cst.Tuple | cst.List:
  """Upstream's tuple or list with the elements of a sparse one."""
  brackets = getattr(theirs, 'lbracket', None) or [*theirs.lpar, None][0]
  if type(theirs) is not type(ours) or brackets is None:
    raise Misfit('upstream has no such tuple or list in brackets')
  known = {code(x.value) for x in theirs.elements}
  for element in ours.elements:
    if (text := code(element.value)) in known:
      raise Misfit(f'upstream lists `{text}` already')
  opening = brackets.whitespace_after
  elements = _appended(theirs.elements, ours.elements[1:], opening)
  return theirs.with_changes(elements=elements)


def with_keywords(theirs: cst.CSTNode, ours: cst.Call) -> cst.CSTNode:
  """Upstream's code with what a sparse call adds to its only call of that name.

  Among the arguments of ``ours`` are ``...``, keywords, and other such calls.
  """
  name = code(ours.func)
  calls = [x for x in m.findall(theirs, m.Call()) if code(x.func) == name]
  if len(calls) != 1:
    raise Misfit(f'upstream calls `{name}` {len(calls)} times here')
  (call,), new = calls, []
  known = {arg.keyword.value for arg in call.args if arg.keyword}
  for arg in ours.args:
    if arg.keyword and arg.keyword.value in known:
      raise Misfit(f'upstream passes `{arg.keyword.value}` to `{name}` already')
    if arg.keyword and not m.findall(arg, notation.HOLE):
      new.append(arg)
    elif m.matches(arg, m.Arg(notation.CALL, keyword=None)):
      call = with_keywords(call, arg.value)
    elif not m.matches(arg, m.Arg(notation.HOLE, keyword=None)):
      problem = f'`{code(arg)}` adds nothing to the call of `{name}`'
      raise Misfit(problem, 'write the new keywords, and `...` for the rest')
  if new:
    args = _appended(call.args, new, call.whitespace_before_args)
    call = call.with_changes(args=args)
  return theirs.deep_replace(calls[0], call)
