"""Runs upstream's tests on the built fork: ``python -m tests.upstream``.

Takes modules such as ``optax._src.alias_test``, and by default runs the whole
suite. Tests that fail run again on the unmodified release. They count as
failures of the fork only if they pass there or don't exist there.
"""

import collections
import importlib.util
import pathlib
import sys

from graft import release
from tests.upstream.suite import outcomes


def _failed(root: pathlib.Path, found: dict[str, str]) -> set[str]:
  """The tests that failed, of those whose file is in a folder."""
  failed = {test for test, outcome in found.items() if outcome == 'failed'}
  return {test for test in failed if (root / test.split('::')[0]).is_file()}


def main(arguments: list[str]) -> int:
  """Runs the tests of modules, with options of pytest's; gives the status."""
  options = [x for x in arguments if x.startswith('-')]
  modules = [x for x in arguments if x not in options]
  root = pathlib.Path(importlib.util.find_spec('optax').origin).parent.parent
  files = [f'{module.replace(".", "/")}.py' for module in modules]
  found = outcomes(root, files or ['optax'], '-n2', *options)
  failed = _failed(root, found)
  upstream = release.fetched().root if failed else root
  again = _failed(upstream, found)
  files = sorted({test.split('::')[0] for test in again})
  names = ' or '.join(test.rpartition('.')[2] for test in again)
  there = outcomes(upstream, files, '-n2', '-k', names) if again else {}
  theirs = failed & _failed(upstream, there)
  for test in sorted(theirs):
    print(f'fails on the pristine release too: {test}')
  for test in sorted(failed - theirs):
    print(f'FAILS ON THE FORK ALONE: {test}')
  count = collections.Counter(found.values())
  print(
      f'upstream: {count["passed"]} passed, {len(failed - theirs)} failed,'
      f' {count["skipped"]} skipped, {len(theirs)} failed on both'
  )
  # A suite that did not run is not a suite that passed.
  return int(bool(failed - theirs) or not count['passed'])


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
