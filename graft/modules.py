"""Merges one sparse module with the upstream module of the same path.

Two texts and upstream's version go in, and the merged text comes out. Raises a
``GraftError`` if it is unclear where one of our statements belongs, if
upstream already contains it, or if it uses a name that nothing defines.
"""

import ast
import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
import itertools
from typing import Any

import libcst as cst
from libcst import matchers as m
from libcst import metadata
from pyflakes import checker
from pyflakes import messages

from graft import additions
from graft import notation
from graft.errors import GraftError

_Suite = Sequence[notation.Statement]
_Scope = metadata.Scope


def merge(sparse: str, upstream: str, version: str) -> str:
  """Upstream's module, or an empty one, with what a sparse file adds."""
  try:
    ours, theirs = cst.parse_module(sparse), cst.parse_module(upstream)
    if not upstream and not notation.has_hole(ours):
      return sparse
    if not upstream:
      raise GraftError('upstream has no such file')
    suite = [*notation.for_release(ours.body, version)]
    _check_unapplied(suite, theirs.body)
    merged = _merge_modules(suite, theirs, version)
    if notation.count_holes(merged) > notation.count_holes(theirs):
      problem = 'a `...` of the sparse file has no place in upstream'
      raise GraftError(problem, 'write `name = ...` or `if ... and CONDITION:`')
    if new := _findings(merged.code) - _findings(upstream):
      raise GraftError(f'the result has {min(new)}')
    return merged.code
  except (cst.ParserSyntaxError, SyntaxError) as error:
    raise GraftError(f'not Python: {error}'.split('\n')[0]) from error
  except RecursionError as error:
    raise GraftError('an expression or a chain of elif is too deep') from error


def _merge_modules(
    ours: _Suite, theirs: cst.Module, version: str
) -> cst.Module:
  """Upstream's module with the statements of a sparse one."""
  wrapper = metadata.MetadataWrapper(theirs, unsafe_skip_copy=True)
  scopes = wrapper.resolve(metadata.ScopeProvider)
  unlisted = m.findall(theirs, _unlisted(m.Name()))
  merger = _Merger(version, scopes, unlisted)
  scope = next(iter(scopes.values())).globals
  imports = [x for x in ours if m.matches(x, notation.IMPORT)]
  others = [x for x in ours if x not in imports]
  body = merger.merge_suite(imports, theirs.body, scope)
  body = merger.merge_suite(others, body, scope)
  return theirs.with_changes(body=body)


def _parameters(suite: _Suite) -> Iterator[tuple[str, str]]:
  """Yields the keyword-only parameters of the functions of a module."""
  for statement in suite:
    if isinstance(statement, cst.FunctionDef):
      for parameter in statement.params.kwonly_params:
        yield statement.name.value, parameter.name.value


def _check_unapplied(ours: _Suite, theirs: _Suite) -> None:
  """Raises a GraftError if upstream has all parameters that ours adds."""
  extended = [x for x in ours if notation.has_hole(x)]
  new = {*_parameters(extended)}
  if new and new <= {*_parameters(theirs)}:
    problem = 'the change is already in it'
    raise GraftError(problem, 'undo it there before you merge it again')


def _findings(text: str) -> collections.Counter[str]:
  """What pyflakes finds in a module, apart from imports without a use."""
  return collections.Counter(
      fault.message % fault.message_args
      for fault in checker.Checker(ast.parse(text)).messages
      if not isinstance(fault, messages.UnusedImport)
  )


def _unlisted(name: m.Name) -> m.OneOf:
  """The bindings of a name that the scopes of LibCST lack."""
  return m.OneOf(
      m.NamedExpr(target=name),
      m.MatchAs(name=name),
      m.MatchStar(name=name),
      m.MatchMapping(rest=name),
      m.NameItem(name=name),
  )


def _count_bindings(
    name: str, suite: _Suite, scope: _Scope, unlisted: Sequence[cst.CSTNode]
) -> int:
  """How often a function binds a name, apart from its parameters."""
  assignments = [x.node for x in scope.assignments[name]]
  known = [x for x in assignments if not isinstance(x, cst.Param)]
  if not unlisted:  # As in most modules. The search below takes long.
    return len(known)
  forms = _unlisted(m.Name(name))
  found = itertools.chain(*(m.findall(x, forms) for x in suite))
  others = [x for x in found if getattr(x, 'target', None) not in known]
  return len(known) + len(others)


def _with_comments(theirs: Any, ours: Any) -> Any:
  """Upstream's statement with the comments above ours below its own."""
  comments = [line for line in ours.leading_lines if line.comment]
  return theirs.with_changes(leading_lines=[*theirs.leading_lines, *comments])


@dataclasses.dataclass(frozen=True)
class _Merger:
  """Finds upstream's statement for each of a sparse suite, and adds to it."""

  version: str
  scopes: Mapping[cst.CSTNode, _Scope]
  unlisted: Sequence[cst.CSTNode]  # Bindings that the scopes lack.

  def merge_suite(self, ours: _Suite, theirs: _Suite, scope: _Scope) -> _Suite:
    """The statements of a module, a class or a function, with ours added."""
    names = {notation.name_of(statement) for statement in theirs}

    def is_anchor(statement):
      if m.matches(statement, notation.IMPORT):
        return notation.name_of(statement) in names
      is_docstring = m.matches(statement, notation.DOCSTRING)
      return is_docstring or notation.has_hole(statement)

    suite = notation.for_release(ours, self.version)
    anchors, at_end = notation.anchors(suite, is_anchor)
    parts = [[statement] for statement in theirs]
    new = list(at_end)
    for anchor in anchors:
      index, merged = self.merge_statement(anchor.statement, theirs, scope)
      if parts[index] != [theirs[index]]:
        line = notation.first_line(anchor.statement)
        problem = f'`{line}` stands for a statement that another stands for'
        raise GraftError(problem, 'write the two as one')
      parts[index] = [*anchor.before, merged, *anchor.after]
      new += [*anchor.before, *anchor.after]
    _check_new(new, scope)
    return [*itertools.chain(*parts), *at_end]

  def merge_statement(
      self, ours: Any, theirs: _Suite, scope: _Scope
  ) -> tuple[int, notation.Statement]:
    """The index of upstream's statement that ours stands for, and the two."""
    if notation.extends_condition(ours):
      index, merged = self.merge_condition(ours, theirs)
    elif isinstance(ours, cst.SimpleStatementLine):
      name = notation.name_of(ours) or notation.first_line(ours)
      index = self.find(name, theirs, scope)
      merged = self.merge_line(ours, theirs[index])
    elif isinstance(ours, notation.Definition):
      index = self.find(ours.name.value, theirs, scope)
      merged = self.merge_definition(ours, theirs[index])
    else:
      line = notation.line_with_hole(ours)
      index, inner = self.merge_statement(line, theirs, scope)
      bare = inner.with_changes(leading_lines=line.leading_lines)
      whole = ours.deep_replace(line, bare)
      merged = whole.with_changes(leading_lines=theirs[index].leading_lines)
    return index, _with_comments(merged, ours)

  def find(self, name: str, suite: _Suite, scope: _Scope) -> int:
    """The index of the statement of upstream's that binds a name, or is it."""
    there = [i for i, x in enumerate(suite) if notation.name_of(x) == name]
    bindings = _count_bindings(name, suite, scope, self.unlisted)
    count = bindings or len(there)
    if count != 1:
      raise GraftError(f'upstream has `{name}` {count} times')
    if not there:
      raise GraftError(f'upstream has `{name}` in a different form or place')
    return there[0]

  def merge_line(self, ours: Any, theirs: Any) -> cst.SimpleStatementLine:
    """Upstream's assignment, return or docstring with what ours adds."""
    if m.matches(ours, notation.IMPORT):
      return theirs
    value = additions.with_value(theirs.body[0].value, ours.body[0].value)
    return theirs.with_deep_changes(theirs.body[0], value=value)

  def merge_condition(
      self, ours: cst.If, theirs: _Suite
  ) -> tuple[int, cst.If]:
    """The index of the ``if`` whose condition ours extends, and the result."""
    name = notation.name_in_condition(ours)
    there = [
        (index, statement)
        for index, statement in enumerate(theirs)
        if isinstance(statement, cst.If)
        and name in map(notation.name_of, statement.body.body)
    ]
    if len(there) != 1:
      problem = f'upstream has {len(there)} `if` that assign `{name}`'
      raise GraftError(problem)
    ((index, statement),) = there
    test = additions.with_condition(statement.test, ours.test)
    return index, statement.with_changes(test=test)

  def merge_definition(self, ours: Any, theirs: Any) -> notation.Definition:
    """Upstream's function or class with what ours adds to it."""
    name = ours.name.value
    try:
      if type(theirs) is not type(ours) or ours.decorators:
        raise GraftError('upstream defines it in a different form')
      if isinstance(ours, cst.FunctionDef):
        theirs = additions.with_parameters(theirs, ours)
      return self.merge_body(ours, theirs)
    except GraftError as error:
      problem, remedy = error.args
      raise GraftError(f'{name}: {problem}', remedy) from error

  def merge_body(self, ours: Any, theirs: Any) -> notation.Definition:
    """Adds our statements to upstream's function or class."""
    if m.matches(ours.body, m.SimpleStatementSuite([m.Expr(notation.HOLE)])):
      return theirs
    for body in (ours.body, theirs.body):
      if not isinstance(body, cst.IndentedBlock):
        raise GraftError('a body is on the line of its definition')
    scope = self.scopes[theirs.body.body[0]]
    if not all(m.matches(x, notation.GAP) for x in ours.body.body):
      returns = map(self.scopes.get, m.findall(theirs.body, m.Return()))
      if [*returns].count(scope) > 1:
        raise GraftError('upstream returns in more than one place')
    suite = self.merge_suite(ours.body.body, theirs.body.body, scope)
    return theirs.with_changes(body=theirs.body.with_changes(body=suite))


def _check_new(statements: Iterable[notation.Statement], scope: _Scope) -> None:
  """Raises a GraftError if upstream binds the name of a new statement.

  A function may assign to a name again.
  """
  in_function = isinstance(scope, metadata.FunctionScope)
  for statement in statements:
    name = notation.name_of(statement)
    is_definition = isinstance(statement, notation.Definition)
    if scope.assignments[name] and (is_definition or not in_function):
      raise GraftError(f'upstream has `{name}` already')
