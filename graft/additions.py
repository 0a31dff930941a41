"""What is added to upstream's imports, signatures, calls, tuples and lists."""

from collections.abc import Sequence
import sys

import libcst as cst
from libcst import helpers
from libcst import matchers as m
from libcst import metadata

from graft import errors
from graft import notation

_IMPORT = m.SimpleStatementLine([m.Import() | m.ImportFrom()])


def code(node: cst.CSTNode) -> str:
  """A part of a tree as text."""
  return cst.Module([]).code_for_node(node).strip()


def is_import(statement: cst.BaseStatement) -> bool:
  return m.matches(statement, _IMPORT)


def _given(statement: cst.BaseStatement) -> list[tuple[str, str]]:
  """The names that an import binds, each with what it then stands for."""
  node = statement.body[0]
  if isinstance(node.names, cst.ImportStar):
    return []
  prefix = '.' * len(getattr(node, 'relative', ()))
  if isinstance(node, cst.ImportFrom) and node.module:
    prefix += helpers.get_full_name_for_node(node.module) + '.'
  paths = [(x.evaluated_alias, prefix + x.evaluated_name) for x in node.names]
  return [(alias or path.removeprefix(prefix), path) for alias, path in paths]


def _order(statement: cst.BaseStatement) -> tuple[bool, str]:
  """Sort key of an import: the standard library first, then by path."""
  path = min((path for _, path in _given(statement)), default='')
  return path.split('.')[0] not in sys.stdlib_module_names, path.lower()


def with_import(
    ours: cst.BaseStatement,
    body: Sequence[cst.BaseStatement],
    scope: metadata.Scope,
    place: errors.Place,
) -> list[cst.BaseStatement]:
  """Upstream's module with one import of ours, if it does not have it.

  Args:
    ours: An import of one name.
    body: Statements of upstream's module.
    scope: What upstream's module binds.
    place: Where we are, for errors.

  Returns:
    The statements, with the import where it sorts.

  Raises:
    GraftError: the import gives several names, or one that is taken.
  """
  if len(given := _given(ours)) != 1:
    problem = f'`{code(ours)}` does not import one name'
    raise place.error(problem, 'give each name an import of its own')
  ((name, path),) = given
  there = [i for i, statement in enumerate(body) if is_import(statement)]
  if (name, path) in (pair for i in there for pair in _given(body[i])):
    return list(body)
  if scope.assignments[name]:
    raise place.error(f'upstream has `{name}` for something else than {path}')
  if not there:
    raise place.error(f'upstream has no imports to put `{code(ours)}` among')
  before = [i for i in there if _order(body[i]) < _order(ours)]
  peers = [i for i in before if _order(body[i])[0] == _order(ours)[0]]
  at = max(peers or before, default=there[0] - 1) + 1
  lines = ()
  if before and not peers:  # Ours opens a group.
    lines = (cst.EmptyLine(indent=False),)
  elif not before:  # Ours takes over the blank lines above the first.
    lines = body[at].leading_lines
    body = [*body]
    body[at] = body[at].with_changes(leading_lines=())
  return [*body[:at], ours.with_changes(leading_lines=lines), *body[at:]]


def _appended(
    items: Sequence[cst.CSTNode],
    new: Sequence[cst.CSTNode],
    opening: cst.BaseParenthesizableWhitespace,
) -> list[cst.CSTNode]:
  """Items in brackets with more after them, on lines of their own if hanging.

  Args:
    items: Upstream's parameters, arguments or elements.
    new: Ours.
    opening: The white space after the opening bracket.

  Returns:
    All of them; what stood between the last and the closing bracket still does.
  """
  space = cst.SimpleWhitespace(' ')
  if isinstance(opening, cst.ParenthesizedWhitespace):  # But not its comments.
    space = cst.ParenthesizedWhitespace(indent=True, last_line=opening.last_line)
  every = [*items, *new]
  for index in range(max(len(items) - 1, 0), len(every)):
    tail = {'comma': cst.Comma(whitespace_after=space)}
    source = None
    if index == len(every) - 1:
      tail['comma'] = items[-1].comma if items else cst.MaybeSentinel.DEFAULT
    for slot in ('whitespace_after_param', 'whitespace_after_arg'):
      if hasattr(every[index], slot):
        is_last = items and index == len(every) - 1
        tail[slot] = getattr(items[-1], slot) if is_last else cst.SimpleWhitespace('')
    every[index] = every[index].with_changes(**tail)
  return every


def with_parameters(
    theirs: cst.FunctionDef, ours: cst.FunctionDef, place: errors.Place
) -> cst.FunctionDef:
  """Upstream's function with the parameters of a sparse one, keyword-only."""
  old, new = theirs.params, ours.params
  if new.params or new.posonly_params or new.star_kwarg:
    problem = 'the sparse signature has more than keyword-only parameters'
    raise place.error(problem, 'write the new ones after a `*`')
  if not new.kwonly_params:
    return theirs
  there = [*old.posonly_params, *old.params, *old.kwonly_params]
  names = {parameter.name.value for parameter in there}
  for parameter in new.kwonly_params:
    if parameter.name.value in names:
      problem = f'upstream has the parameter `{parameter.name.value}` already'
      raise place.error(problem, 'graft onto a release that lacks it')
  opening = theirs.whitespace_before_params
  has_star = not isinstance(old.star_arg, cst.MaybeSentinel)
  star = [old.star_arg] if has_star else []
  added = [*([] if has_star else [cst.ParamStar()]), *new.kwonly_params]
  items = _appended([*old.params, *star, *old.kwonly_params], added, opening)
  begin = len(old.params)
  params = old.with_changes(
      params=items[:begin],
      star_arg=items[begin],
      kwonly_params=items[begin + 1 :],
  )
  return theirs.with_changes(params=params)


def with_items(
    theirs: cst.BaseExpression, ours: cst.BaseExpression, place: errors.Place
) -> cst.BaseExpression:
  """Upstream's tuple or list with the elements of a sparse one."""
  if type(theirs) is not type(ours) or not (
      isinstance(theirs, cst.List) or theirs.lpar
  ):
    raise place.error('upstream has no such tuple or list in brackets')
  opening = theirs.lbracket if isinstance(theirs, cst.List) else theirs.lpar[-1]
  new, there = ours.elements[1:], {code(x.value) for x in theirs.elements}
  for element in new:
    if code(element.value) in there:
      raise place.error(f'upstream lists `{code(element.value)}` already')
  elements = _appended(theirs.elements, new, opening.whitespace_after)
  return theirs.with_changes(elements=elements)


def with_keywords(
    theirs: cst.CSTNode, ours: cst.Call, place: errors.Place
) -> cst.CSTNode:
  """Upstream's code with the keywords of a sparse call in its only such call.

  Args:
    theirs: A part of upstream's tree.
    ours: A call with ``...`` among its arguments, which may be such calls too.
    place: Where we are, for errors.

  Returns:
    That part of upstream's tree, with what ours adds.

  Raises:
    GraftError: upstream does not have one such call, or passes a keyword
      already, or ours holds something that is no addition.
  """
  name = code(ours.func)
  calls = [x for x in m.findall(theirs, m.Call()) if code(x.func) == name]
  if len(calls) != 1:
    raise place.error(f'upstream calls `{name}` {len(calls)} times here')
  (call,), new = calls, []
  passed = {arg.keyword.value for arg in call.args if arg.keyword}
  for arg in ours.args:
    if arg.keyword is None and m.matches(arg.value, notation.ADDED_CALL):
      call = with_keywords(call, arg.value, place)
    elif arg.keyword and not notation.has_hole(arg):
      if arg.keyword.value in passed:
        problem = f'upstream passes `{arg.keyword.value}` to `{name}` already'
        raise place.error(problem, 'graft onto a release that does not')
      new.append(arg)
    elif arg.keyword or not m.matches(arg, m.Arg(notation.HOLE)):
      problem = f'`{code(arg)}` adds nothing to the call of `{name}`'
      raise place.error(problem, 'write the keywords that are new, and `...`')
  if new:
    args = _appended(call.args, new, call.whitespace_before_args)
    call = call.with_changes(args=args)
  return theirs.deep_replace(calls[0], call)
