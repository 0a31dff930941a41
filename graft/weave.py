"""Lays one sparse module over the upstream module of the same path."""

import ast
import collections
from collections.abc import Mapping, Sequence
import dataclasses

import libcst as cst
from libcst import matchers as m
from libcst import metadata
from pyflakes import checker
from pyflakes import messages

from graft import additions
from graft import notation
from graft.additions import code
from graft.errors import Misfit

_DEFINITION = (cst.FunctionDef, cst.ClassDef)
_RETURN = m.SimpleStatementLine([m.Return()])
_STRING = m.SimpleStatementLine([m.Expr(m.SimpleString())])
_ASSIGNMENT = m.SimpleStatementLine([m.Assign(targets=[m.AssignTarget()])])

_Statement = cst.BaseStatement
_Suite = Sequence[cst.BaseStatement]


def lay(sparse: str, upstream: str, version: str) -> str:
  """Upstream's module, empty where it has none, with what a sparse file adds.

  Raises:
    Misfit: an anchor is missing or there twice, what is to be added is there
      already, or the result uses a name that nothing defines.
  """
  try:
    ours, theirs = cst.parse_module(sparse), cst.parse_module(upstream)
    if not upstream and not notation.has_hole(ours):
      return sparse
    wrapper = metadata.MetadataWrapper(theirs, unsafe_skip_copy=True)
    weaver = _Weaver(wrapper.resolve(metadata.ScopeProvider))
    body = weaver.module(ours.visit(notation.Applicable(version)), theirs)
    result = theirs.with_changes(body=body).code
    if new := _faults(result) - _faults(upstream):
      raise Misfit(f'the result has {min(new)}')
    return result
  except cst.ParserSyntaxError as error:
    raise Misfit(f'line {error.raw_line} of a file is not Python') from error
  except SyntaxError as error:
    raise Misfit(f'the result is not Python: {error.msg}') from error
  except RecursionError as error:
    raise Misfit('an expression or a chain of elif is too deep') from error


def _faults(text: str) -> collections.Counter[str]:
  """What pyflakes finds in a module, apart from imports without a use."""
  return collections.Counter(
      fault.message % fault.message_args
      for fault in checker.Checker(ast.parse(text)).messages
      if not isinstance(fault, messages.UnusedImport)
  )


def _target(statement: _Statement) -> str:
  """What a definition or an assignment gives a value to, if it is one thing."""
  if isinstance(statement, _DEFINITION):
    return statement.name.value
  if m.matches(statement, _ASSIGNMENT):
    return code(statement.body[0].targets[0].target)
  return ''


def _misfit(statement: _Statement, why: str, remedy: str) -> Misfit:
  """An error that names a statement of ours by its first line."""
  line = code(statement.with_changes(leading_lines=())).split('\n')[0]
  return Misfit(f'`{line}` {why}', remedy)


def _inner(statement: _Statement) -> _Statement:
  """The one statement of upstream's inside a compound statement of ours."""
  lines = m.findall(statement, m.SimpleStatementLine())
  found = [line for line in lines if notation.has_hole(line)]
  if len(found) != 1 or not m.matches(found[0], _ASSIGNMENT):
    why = f'holds {len(found)} places of upstream\'s'
    raise _misfit(statement, why, 'write one `name = ...` in it')
  return found[0]


@dataclasses.dataclass(frozen=True)
class _Weaver:
  """Finds upstream's statement for each of a sparse suite, and adds to it."""

  scopes: Mapping[cst.CSTNode, metadata.Scope]

  def module(self, ours: cst.Module, theirs: cst.Module) -> _Suite:
    scope = next(iter(self.scopes.values())).globals
    body, rest = theirs.body, []
    for statement in ours.body:
      if additions.is_import(statement):
        body = additions.with_import(statement, body, scope)
      else:
        rest.append(statement)
    return self.suite(rest, body, scope)

  def suite(
      self, ours: _Suite, theirs: _Suite, scope: metadata.Scope
  ) -> _Suite:
    """The statements of a module, a class or a function, with ours added.

    A statement of ours goes right after the anchor that precedes it, or else
    right before the one that follows it; after a bare ``...`` to the end.
    """
    result, run, after, follows_hole = list(theirs), [], None, False
    for statement in ours:
      if m.matches(statement, notation.ANY_STATEMENTS):
        if run:
          break
        after, follows_hole = None, True
      elif notation.has_hole(statement):
        index, added = self.woven(statement, result, scope)
        result[index : index + 1] = [*run, added]
        after, run, follows_hole = index + len(run) + 1, [], False
      else:
        is_inside = isinstance(scope, metadata.FunctionScope)
        may_replace = is_inside and not isinstance(statement, _DEFINITION)
        if scope.assignments[_target(statement)] and not may_replace:
          raise Misfit(f'upstream has `{_target(statement)}` already')
        if m.matches(statement, _STRING):
          raise Misfit('a docstring would be added', 'begin it with `...`')
        if after is None:
          run.append(statement)
        else:
          result.insert(after, statement)
          after += 1
    if run and not (follows_hole and statement is run[-1]):
      remedy = 'write it beside an anchor, as `name = ...`'
      raise _misfit(run[0], 'has no place of its own', remedy)
    return result + run

  def woven(
      self, ours: _Statement, body: _Suite, scope: metadata.Scope
  ) -> tuple[int, _Statement]:
    """The index of upstream's statement that ours stands for, and the two."""
    if not isinstance(ours, (*_DEFINITION, cst.SimpleStatementLine)):
      inner = _inner(ours)
      index, added = self.woven(inner, body, scope)
      whole = ours.deep_replace(inner, added.with_changes(leading_lines=()))
      return index, whole.with_changes(leading_lines=added.leading_lines)
    if m.matches(ours, notation.DOCSTRING):
      name = 'a docstring'
      fits = lambda x: x is body[0] and m.matches(x, _STRING)
    elif m.matches(ours, _RETURN):
      name, fits = 'a return here', lambda x: m.matches(x, _RETURN)
    elif name := _target(ours):
      fits = lambda x: _target(x) == name
    else:
      remedy = 'anchor on an assignment or a return'
      raise _misfit(ours, 'stands for nothing of upstream\'s', remedy)
    found = [index for index, x in enumerate(body) if fits(x)]
    number = len(scope.assignments[name]) or len(found)
    if number != 1:
      raise Misfit(f'upstream has `{name}` {number} times')
    if not found:
      raise Misfit(f'upstream has `{name}` in another form or place')
    theirs = body[found[0]]
    if isinstance(ours, _DEFINITION):
      try:
        return found[0], self.definition(ours, theirs, scope)
      except Misfit as error:
        problem, *remedy = error.args
        raise Misfit(f'{name}: {problem}', *remedy) from error
    there = theirs.body[0].value
    new = additions.with_value(there, ours.body[0].value)
    return found[0], theirs.deep_replace(there, new) if new else theirs

  def definition(
      self, ours: _Statement, theirs: _Statement, scope: metadata.Scope
  ) -> _Statement:
    """Upstream's function or class with what ours adds to it."""
    if type(theirs) is not type(ours) or ours.decorators:
      raise Misfit('upstream defines it as something else')
    if not isinstance(theirs.body, cst.IndentedBlock):
      raise Misfit('upstream has it on one line')
    (assigned,) = scope.assignments[ours.name.value]
    inner = self.scopes[assigned.node.body.body[0]]
    new = ours.body.body if isinstance(ours.body, cst.IndentedBlock) else ()
    for call in m.findall(ours, notation.CALL):
      additions.only_call(theirs, call)
    if isinstance(ours, cst.FunctionDef):
      is_bare = all(m.matches(x, notation.ANY_STATEMENTS) for x in new)
      returns = map(self.scopes.get, m.findall(theirs, m.Return()))
      if not is_bare and list(returns).count(inner) > 1:
        raise Misfit('upstream returns in more than one place')
      theirs = additions.with_parameters(theirs, ours)
    body = self.suite(new, theirs.body.body, inner)
    return theirs.with_changes(body=theirs.body.with_changes(body=body))
