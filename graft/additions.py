"""What is added to upstream's imports, signatures, calls, tuples and lists."""

from collections.abc import Sequence
import sys

import libcst as cst
from libcst import matchers as m
from libcst import metadata

from graft import docstrings
from graft import notation
from graft.errors import Misfit

_Nodes = Sequence[cst.CSTNode]


def code(node: cst.CSTNode) -> str:
  """A part of a tree as text."""
  return cst.Module([]).code_for_node(node).strip()


def is_import(statement: cst.BaseStatement) -> bool:
  either = m.Import() | m.ImportFrom()
  return m.matches(statement, m.SimpleStatementLine([either]))


def _path(statement: cst.BaseStatement) -> str:
  """The dotted path of what an import imports first."""
  words = code(statement.body[0]).replace(',', '').split()
  return '.'.join(words[1:4:2] if words[0] == 'from' else words[1:2])


def with_import(
    ours: cst.BaseStatement, body: _Nodes, scope: metadata.Scope
) -> _Nodes:
  """Upstream's module with an import of ours where it sorts, if it lacks it."""
  text, path = code(ours.body[0]), _path(ours)
  known = {x.name for x in scope.get_qualified_names_for(text.split()[-1])}
  if known == {path}:
    return body
  there = [i for i, x in enumerate(body) if is_import(x)]
  if known or not there:
    raise Misfit(f'upstream leaves no room for `{text}`')
  # The standard library first, then by path.
  order = lambda x: (x.split('.')[0] not in sys.stdlib_module_names, x.lower())
  before = [i + 1 for i in there if order(_path(body[i])) < order(path)]
  at = before[-1] if before else there[0]
  return [*body[:at], ours.with_changes(leading_lines=()), *body[at:]]


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
  names = {parameter.name.value for parameter in new.kwonly_params}
  used = {name.value for name in m.findall(theirs, m.Name())}
  if doubled := names & used:
    raise Misfit(f'upstream uses the name `{min(doubled)}` here already')
  there, added = [*old.params], [*new.kwonly_params]
  if isinstance(old.star_arg, cst.MaybeSentinel):
    added.insert(0, cst.ParamStar())
  else:
    there += [old.star_arg, *old.kwonly_params]
  items = _appended(there, added, theirs.whitespace_before_params)
  if old.star_kwarg:
    items[-1] = items[-1].with_changes(comma=items[0].comma)
  count = len(old.params)
  parts = {'params': items[:count], 'star_arg': items[count]}
  params = old.with_changes(**parts, kwonly_params=items[count + 1 :])
  return theirs.with_changes(params=params)


def with_value(
    theirs: cst.BaseExpression, ours: cst.BaseExpression
) -> cst.BaseExpression:
  """What upstream assigns, returns or says, with what ours adds to it."""
  if m.matches(ours, notation.HOLE):
    return theirs
  if m.matches(ours, notation.TEXT) and isinstance(theirs, cst.SimpleString):
    text = docstrings.merge(ours.value, theirs.value)
    return theirs.with_changes(value=text)
  if m.matches(ours, notation.CALL) and theirs is not None:
    return _with_keywords(theirs, ours)
  if m.matches(ours, notation.ITEMS) and type(theirs) is type(ours):
    return _with_items(theirs, ours)
  problem = f'`{code(ours)}` adds nothing to what upstream has here'
  raise Misfit(problem, 'write `name = ...`, or `...` first in a call')


def _with_items(
    theirs: cst.Tuple | cst.List, ours: cst.Tuple | cst.List
) -> cst.Tuple | cst.List:
  known = {code(x.value) for x in theirs.elements}
  if doubled := known & {code(x.value) for x in ours.elements}:
    raise Misfit(f'upstream lists `{min(doubled)}` already')
  brackets = [theirs.lbracket] if isinstance(theirs, cst.List) else theirs.lpar
  if not brackets:
    raise Misfit('upstream has a tuple without brackets')
  opening = brackets[0].whitespace_after
  elements = _appended(theirs.elements, ours.elements[1:], opening)
  return theirs.with_changes(elements=elements)


def only_call(theirs: cst.CSTNode, ours: cst.Call) -> cst.Call:
  """Upstream's only call of what ours calls."""
  name = code(ours.func)
  calls = [x for x in m.findall(theirs, m.Call()) if code(x.func) == name]
  if len(calls) != 1:
    raise Misfit(f'upstream calls `{name}` {len(calls)} times here')
  return calls[0]


def _with_keywords(theirs: cst.CSTNode, ours: cst.Call) -> cst.CSTNode:
  """Upstream's code with what a sparse call adds to its only call of that name.

  Among the arguments of ``ours`` are ``...``, keywords, and other such calls.
  """
  whole = call = only_call(theirs, ours)
  known, new = {arg.keyword.value for arg in call.args if arg.keyword}, []
  for arg in ours.args:
    if arg.keyword and arg.keyword.value in known:
      raise Misfit(f'upstream passes `{arg.keyword.value}` already')
    if arg.keyword and not m.findall(arg, notation.HOLE):
      new.append(arg)
    elif m.matches(arg, m.Arg(notation.CALL, keyword=None)):
      call = _with_keywords(call, arg.value)
    elif not m.matches(arg, m.Arg(notation.HOLE, keyword=None)):
      problem = f'`{code(arg)}` adds nothing to a call'
      raise Misfit(problem, 'write the new keywords, and `...` for the rest')
  if new:
    args = _appended(call.args, new, call.whitespace_before_args)
    call = call.with_changes(args=args)
  return theirs.deep_replace(whole, call)


def _appended(items: _Nodes, new: _Nodes, opening: cst.CSTNode) -> _Nodes:
  """Items in brackets with more after them, on lines of their own if hanging.

  What stands between the last item and the closing bracket stays there.
  """
  if not (items and new):
    return items or new
  if m.findall(items[-1], m.Comment()):
    raise Misfit('upstream has a comment last in these brackets')
  blank, space = cst.SimpleWhitespace(''), cst.SimpleWhitespace(' ')
  if isinstance(opening, cst.ParenthesizedWhitespace):
    line = opening.last_line
    space = cst.ParenthesizedWhitespace(indent=True, last_line=line)
  comma = {'comma': cst.Comma(whitespace_after=space)}
  slots = ('comma', 'whitespace_after_param', 'whitespace_after_arg')
  has = lambda item: [slot for slot in slots if hasattr(item, slot)]
  *kept, last = items
  end = {slot: getattr(last, slot) for slot in has(last)}
  moved = [
      item.with_changes(**dict.fromkeys(has(item), blank) | comma)
      for item in [last, *new[:-1]]
  ]
  return [*kept, *moved, new[-1].with_changes(**end)]
