"""Merges one sparse module with the upstream module of the same path.

Two texts and upstream's version go in, and the merged text comes out. Raises a
``GraftError`` if it is unclear where one of our statements belongs, if
upstream already contains it, or if it uses a name that nothing defines.
"""

import ast
import collections
from collections.abc import Mapping, Sequence
import dataclasses

import libcst as cst
from libcst import matchers as m
from libcst import metadata
from pyflakes import checker
from pyflakes import messages

from graft import notation
from graft.errors import GraftError

_IMPORT = m.SimpleStatementLine([m.Import() | m.ImportFrom()])
_ASSIGNMENT = m.SimpleStatementLine([m.Assign(targets=[m.AssignTarget()])])
_STRING = m.SimpleStatementLine([m.Expr(m.SimpleString())])

_Statement = cst.BaseStatement
_Suite = Sequence[_Statement]
_Scope = metadata.Scope


def merge(sparse: str, upstream: str, version: str) -> str:
  """Upstream's module, or an empty one, with what a sparse file adds."""
  try:
    ours, theirs = cst.parse_module(sparse), cst.parse_module(upstream)
    if not upstream and not notation.has_hole(ours):
      return sparse
    wrapper = metadata.MetadataWrapper(theirs, unsafe_skip_copy=True)
    merger = _Merger(version, wrapper.resolve(metadata.ScopeProvider))
    scope = next(iter(merger.scopes.values())).globals
    body = theirs.body
    for is_import in (True, False):
      part = [x for x in ours.body if m.matches(x, _IMPORT) == is_import]
      body = merger.merge_suite(part, body, scope)
    merged = theirs.with_changes(body=body)
    if notation.count_holes(merged) > notation.count_holes(theirs):
      problem = 'a `...` of the sparse file has no place in upstream'
      raise GraftError(problem, 'write `name = ...` or `if ... and CONDITION:`')
    result = merged.code
    if new := _findings(result) - _findings(upstream):
      raise GraftError(f'the result has {min(new)}')
    return result
  except (cst.ParserSyntaxError, SyntaxError) as error:
    raise GraftError(f'not Python: {error}'.split('\n')[0]) from error
  except RecursionError as error:
    raise GraftError('an expression or a chain of elif is too deep') from error


def _findings(text: str) -> collections.Counter[str]:
  """What pyflakes finds in a module, apart from imports without a use."""
  return collections.Counter(
      fault.message % fault.message_args
      for fault in checker.Checker(ast.parse(text)).messages
      if not isinstance(fault, messages.UnusedImport)
  )


def _anchor(statement: _Statement) -> str:
  """What a statement is found by: a name that it gives a value, or its kind."""
  if isinstance(statement, notation.DEFINITION):
    return statement.name.value
  if m.matches(statement, _IMPORT):
    return notation.code(statement.body[0])
  if m.matches(statement, _ASSIGNMENT):
    return notation.code(statement.body[0].targets[0].target)
  if m.matches(statement, m.SimpleStatementLine([m.Return()])):
    return 'a return'
  return 'a docstring' if m.matches(statement, _STRING) else ''


def _is_anchor(ours: _Statement, theirs: _Suite) -> bool:
  """Whether a sparse statement stands for one of upstream's."""
  if m.matches(ours, _IMPORT):
    return _anchor(ours) in map(_anchor, theirs)
  return notation.has_hole(ours) or m.matches(ours, _STRING)


def _line(statement: _Statement) -> str:
  """The first line of a statement, after the comments above it."""
  return notation.code(statement.with_changes(leading_lines=())).split('\n')[0]


@dataclasses.dataclass(frozen=True)
class _Merger:
  """Finds upstream's statement for each of a sparse suite, and adds to it."""

  version: str
  scopes: Mapping[cst.CSTNode, _Scope]

  def merge_suite(self, ours: _Suite, theirs: _Suite, scope: _Scope) -> _Suite:
    """The statements of a module, a class or a function, with ours added.

    Our statement goes right after the anchor that precedes it, or else
    right before the one that follows it; after a bare ``...`` to the end.
    """
    result, run, after, follows_hole = list(theirs), [], None, False
    for statement in notation.applicable(ours, self.version):
      if m.matches(statement, notation.ANY_STATEMENTS):
        if run:
          break
        after, follows_hole = None, True
      elif _is_anchor(statement, result):
        index, added = self.merge_statement(statement, result, scope)
        result[index : index + 1] = [*run, added]
        after, run, follows_hole = index + len(run) + 1, [], False
      else:
        is_value = not isinstance(statement, notation.DEFINITION)
        may_rebind = is_value and isinstance(scope, metadata.FunctionScope)
        if scope.assignments[_anchor(statement)] and not may_rebind:
          raise GraftError(f'upstream has `{_anchor(statement)}` already')
        if after is None:
          run.append(statement)
        else:
          result.insert(after, statement)
          after += 1
    if run and not (follows_hole and statement is run[-1]):
      problem = f'`{_line(run[0])}` has no place of its own'
      raise GraftError(problem, 'write it beside an anchor, as `name = ...`')
    return result + run

  def merge_statement(
      self, ours: _Statement, body: _Suite, scope: _Scope
  ) -> tuple[int, _Statement]:
    """The index of upstream's statement that ours stands for, and the two."""
    if m.matches(ours, notation.EXTENDED_IF):
      return self.extend_condition(ours, body)
    if not isinstance(ours, (*notation.DEFINITION, cst.SimpleStatementLine)):
      lines = m.findall(ours, m.SimpleStatementLine())
      inner = [line for line in lines if notation.has_hole(line)]
      if len(inner) != 1:
        problem = f"`{_line(ours)}` holds {len(inner)} places of upstream's"
        raise GraftError(problem, 'write one `name = ...` in it')
      index, theirs = self.merge_statement(inner[0], body, scope)
      whole = ours.deep_replace(inner[0], theirs.with_changes(leading_lines=()))
      return index, whole.with_changes(leading_lines=theirs.leading_lines)
    name = _anchor(ours) or _line(ours)
    there = [index for index, x in enumerate(body) if _anchor(x) == name]
    bindings = [
        x for x in scope.assignments[name] if not m.matches(x.node, m.Param())
    ]
    number = len(bindings) or len(there)
    if number != 1 or not there:
      why = f'{number} times' if number != 1 else 'in a different form or place'
      raise GraftError(f'upstream has `{name}` {why}')
    theirs = body[there[0]]
    if m.matches(ours, _IMPORT):
      return there[0], theirs
    if isinstance(ours, notation.DEFINITION):
      try:
        return there[0], self.merge_definition(ours, theirs)
      except GraftError as error:
        problem, remedy = error.args
        raise GraftError(f'{name}: {problem}', remedy) from error
    value = notation.with_value(theirs.body[0].value, ours.body[0].value)
    return there[0], theirs.with_deep_changes(theirs.body[0], value=value)

  def extend_condition(
      self, ours: cst.If, body: _Suite
  ) -> tuple[int, _Statement]:
    """The index of upstream's ``if`` that ours extends, and the extended one."""
    name = notation.assigned_in(ours)
    there = [
        index
        for index, x in enumerate(body)
        if isinstance(x, cst.If) and name in map(_anchor, x.body.body)
    ]
    if len(there) != 1:
      raise GraftError(f'upstream has {len(there)} `if` that assign `{name}`')
    theirs = body[there[0]]
    test = notation.extended_condition(theirs.test, ours.test)
    return there[0], theirs.with_changes(test=test)

  def merge_definition(
      self, ours: _Statement, theirs: _Statement
  ) -> _Statement:
    """Upstream's function or class with what ours adds to it."""
    is_block = isinstance(theirs.body, cst.IndentedBlock)
    if type(theirs) is not type(ours) or ours.decorators or not is_block:
      raise GraftError('upstream defines it in a different form')
    scope = self.scopes[theirs.body.body[0]]
    new = ours.body.body if isinstance(ours.body, cst.IndentedBlock) else ()
    if isinstance(ours, cst.FunctionDef):
      is_bare = all(m.matches(x, notation.ANY_STATEMENTS) for x in new)
      returns = map(self.scopes.get, m.findall(theirs, m.Return()))
      if not is_bare and list(returns).count(scope) > 1:
        raise GraftError('upstream returns in more than one place')
      theirs = notation.with_parameters(theirs, ours)
    body = self.merge_suite(new, theirs.body.body, scope)
    return theirs.with_changes(body=theirs.body.with_changes(body=body))
