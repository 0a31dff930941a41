"""Lays one sparse module over the upstream module of the same path."""

import ast
import collections
from collections.abc import Mapping, Sequence
import itertools

import libcst as cst
from libcst import matchers as m
from libcst import metadata
from pyflakes import checker
from pyflakes import messages

from graft import additions
from graft import docstrings
from graft import errors
from graft import notation

_DEFINITION = (cst.FunctionDef, cst.ClassDef)
_COMPOUND = (cst.If, cst.For, cst.While, cst.With, cst.Try)
_RETURN = m.SimpleStatementLine([m.Return()])
_STRING = m.SimpleStatementLine([m.Expr(m.SimpleString())])
_ASSIGNMENT = m.SimpleStatementLine([m.Assign(targets=[m.AssignTarget()])])
_ANNOTATED = m.SimpleStatementLine([m.AnnAssign(value=m.DoesNotMatch(None))])


def lay(sparse: str, upstream: str, place: errors.Place) -> str:
  """Upstream's module with what a sparse file adds to it.

  Args:
    sparse: Text of the sparse file.
    upstream: Text of upstream's file.
    place: The file and upstream's version, for errors.

  Returns:
    The text of the grafted file.

  Raises:
    GraftError: an anchor is missing or there twice, what is to be added is
      there already, or the result uses a name that nothing defines.
  """
  try:
    result = _lay(sparse, upstream, place)
    if new := _faults(result) - _faults(upstream):
      raise place.error(f'the result has {min(new)}')
  except cst.ParserSyntaxError as error:
    problem = f'line {error.raw_line} is not Python, in ours or in upstream'
    raise place.error(problem) from error
  except SyntaxError as error:
    raise place.error(f'the result is not Python: {error.msg}') from error
  except RecursionError as error:
    problem = 'an expression or a chain of elif is nested too deeply to read'
    raise place.error(problem) from error
  return result


def _lay(sparse: str, upstream: str, place: errors.Place) -> str:
  ours, theirs = cst.parse_module(sparse), cst.parse_module(upstream)
  wrapper = metadata.MetadataWrapper(theirs, unsafe_skip_copy=True)
  weaver = _Weaver(wrapper.resolve(metadata.ScopeProvider))
  statements = list(notation.applicable(ours.body, place.version))
  body = list(theirs.body)
  for statement in filter(additions.is_import, statements):
    body = additions.with_import(statement, body, weaver.within[''], place)
  rest = [x for x in statements if not additions.is_import(x)]
  return theirs.with_changes(body=weaver.suite(rest, body, place)).code


def _faults(text: str) -> collections.Counter[str]:
  """What pyflakes finds in a module, apart from imports without a use."""
  return collections.Counter(
      fault.message % fault.message_args
      for fault in checker.Checker(ast.parse(text)).messages
      if not isinstance(fault, messages.UnusedImport)
  )


def _target(statement: cst.BaseStatement) -> str | None:
  """What a definition or an assignment to one target gives a value to."""
  if isinstance(statement, _DEFINITION):
    return statement.name.value
  if m.matches(statement, _ASSIGNMENT):
    return additions.code(statement.body[0].targets[0].target)
  if m.matches(statement, _ANNOTATED):
    return additions.code(statement.body[0].target)
  return None


def _head(statement: cst.CSTNode) -> str:
  """The first line of a statement, to name it by."""
  bare = statement.with_changes(leading_lines=())
  return additions.code(bare).splitlines()[0]


def _before(
    run: Sequence[cst.BaseStatement], anchor: cst.BaseStatement
) -> list[cst.BaseStatement]:
  """Statements and the one that they go before, whose blank lines they take."""
  if not run or run[0].leading_lines:
    return [*run, anchor]
  lines = list(anchor.leading_lines)
  blank = list(itertools.takewhile(lambda line: line.comment is None, lines))
  first = run[0].with_changes(leading_lines=blank)
  rest = anchor.with_changes(leading_lines=lines[len(blank) :])
  return [first, *run[1:], rest]


class _Weaver:
  """Finds upstream's statement for each of a sparse suite, and adds to it.

  Attributes:
    scopes: The scope that each part of upstream's module belongs to.
    within: The scope of upstream's definitions, by dotted name; that of the
      module by an empty one.
  """

  def __init__(self, scopes: Mapping[cst.CSTNode, metadata.Scope]):
    self.scopes = scopes
    self.within = {'': next(iter(scopes.values())).globals}

  def suite(
      self,
      ours: Sequence[cst.BaseStatement],
      theirs: Sequence[cst.BaseStatement],
      place: errors.Place,
  ) -> list[cst.BaseStatement]:
    """The statements of a module, a class or a function, with ours added.

    A statement of ours goes right after the anchor that precedes it, or else
    right before the one that follows it; beside a bare ``...`` it goes to the
    start or the end.
    """
    result, run, after, follows_hole = list(theirs), [], None, False
    for statement in ours:
      if m.matches(statement, notation.ANY_STATEMENTS):
        if run and follows_hole:
          raise self._lost(run[0], place)
        start = int(bool(result) and m.matches(result[0], _STRING))
        result[start:start] = run
        run, after, follows_hole = [], None, True
        continue
      anchor = self._anchor(statement, result, place)
      if anchor is not None:
        added = self._added(statement, result[anchor], place)
        result[anchor : anchor + 1] = _before(run, added)
        after, run, follows_hole = anchor + len(run) + 1, [], False
      elif after is not None:
        result.insert(after, statement)
        after += 1
      else:
        run.append(statement)
    if run and not follows_hole:
      raise self._lost(run[0], place)
    return result + run

  def _lost(self, statement, place: errors.Place) -> errors.GraftError:
    problem = f'nothing says where `{_head(statement)}` belongs'
    return place.error(problem, 'write it beside an anchor, as `name = ...`')

  def _anchor(
      self,
      statement: cst.BaseStatement,
      body: Sequence[cst.BaseStatement],
      place: errors.Place,
  ) -> int | None:
    """The index of upstream's statement that ours stands for, if any."""
    name, scope = _target(statement), self.within[place.definition]
    if m.matches(statement, notation.DOCSTRING):
      if body and m.matches(body[0], _STRING):
        return 0
      raise place.error('upstream has no docstring here')
    if not notation.has_hole(statement):
      is_variable = place.definition and not isinstance(statement, _DEFINITION)
      if name and not is_variable and scope.assignments[name]:
        raise place.error(f'upstream has `{name}` already')
      return None
    if isinstance(statement, _COMPOUND):
      return self._anchor(self._inner(statement, place), body, place)
    if m.matches(statement, _RETURN):
      found = [i for i, x in enumerate(body) if m.matches(x, _RETURN)]
      what, number = 'return at the end', len(found)
    elif name:
      found = [i for i, x in enumerate(body) if _target(x) == name]
      what, number = f'`{name}`', len(found)
      if name.isidentifier():
        number = len(scope.assignments[name])
    else:
      problem = f'`{_head(statement)}` stands for nothing of upstream\'s'
      remedy = 'anchor on a definition, an assignment or a return'
      raise place.error(problem, remedy)
    if number != 1:
      raise place.error(f'upstream has {what} {number} times')
    if not found:
      raise place.error(f'upstream has {what} in another form or place')
    return found[0]

  def _inner(
      self, statement: cst.BaseStatement, place: errors.Place
  ) -> cst.BaseStatement:
    """The one statement of upstream's inside a compound statement of ours."""
    lines = m.findall(statement, m.SimpleStatementLine())
    found = [line for line in lines if notation.has_hole(line)]
    if len(found) != 1 or not m.matches(found[0], _ASSIGNMENT):
      problem = f'`{_head(statement)}` holds {len(found)} places of upstream\'s'
      raise place.error(problem, 'write one `name = ...` in it')
    return found[0]

  def _added(
      self,
      ours: cst.BaseStatement,
      theirs: cst.BaseStatement,
      place: errors.Place,
  ) -> cst.BaseStatement:
    """Upstream's statement with what ours adds to it."""
    if isinstance(ours, _DEFINITION):
      return self._definition(ours, theirs, place.within(ours.name.value))
    if isinstance(ours, _COMPOUND):
      inner = self._inner(ours, place)
      moved = self._added(inner, theirs, place).with_changes(leading_lines=())
      return ours.deep_replace(inner, moved).with_changes(
          leading_lines=theirs.leading_lines
      )
    value, there = ours.body[0].value, theirs.body[0].value
    if m.matches(value, notation.HOLE):
      return theirs
    if m.matches(value, notation.ADDED_TEXT):
      new = self._text(value, there, place)
    elif m.matches(value, notation.ADDED_CALL):
      new = additions.with_keywords(there, value, place)
    elif m.matches(value, notation.ADDED_ITEMS):
      new = additions.with_items(there, value, place)
    else:
      problem = f'`{_head(ours)}` adds nothing that can be told from upstream\'s'
      raise place.error(problem, 'write `name = ...`, or `...` first in a call')
    return theirs.deep_replace(there, new)

  def _definition(
      self, ours: cst.CSTNode, theirs: cst.CSTNode, place: errors.Place
  ) -> cst.CSTNode:
    if type(theirs) is not type(ours) or ours.decorators:
      raise place.error('upstream defines it as something else')
    if not isinstance(theirs.body, cst.IndentedBlock):
      raise place.error('upstream has it on one line')
    if place.definition not in self.within:
      self.within[place.definition] = self.scopes[theirs.body.body[0]]
    if isinstance(ours, cst.FunctionDef):
      theirs = additions.with_parameters(theirs, ours, place)
    inner = list(notation.applicable(ours.body.body, place.version))
    body = self.suite(inner, theirs.body.body, place)
    return theirs.with_changes(body=theirs.body.with_changes(body=body))

  def _text(
      self, ours: cst.CSTNode, theirs: cst.CSTNode, place: errors.Place
  ) -> cst.CSTNode:
    if not isinstance(theirs, cst.SimpleString):
      raise place.error('upstream has no single string here')
    try:
      depth = place.definition.count('.') + bool(place.definition)
      value = docstrings.merge(ours.value, theirs.value, 2 * depth)
    except docstrings.Misfit as error:
      raise place.error(str(error)) from error
    return theirs.with_changes(value=value)


def has_hole(sparse: str, place: errors.Place) -> bool:
  """Whether a sparse file adds to something of upstream's."""
  return notation.has_hole(cst.parse_module(sparse))
