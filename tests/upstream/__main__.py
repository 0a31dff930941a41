"""Runs upstream's tests on the built fork: ``python -m tests.upstream``.

Takes the modules to run, as ``optax._src.alias_test``, and by default runs the
whole suite. What fails is run again on the pristine release, and only what
passes there, or is not there, counts as a failure of the fork.
"""

import collections
import importlib.util
import pathlib
import sys

from graft import release
from tests.upstream.suite import outcomes


def _failed(found: dict[str, str]) -> set[str]:
  return {test for test, outcome in found.items() if outcome == 'failed'}


def failed_upstream(tests: set[str], upstream: pathlib.Path) -> set[str]:
  """Those of some tests that fail on the pristine release too."""
  files = sorted({test.split('::')[0] for test in tests})
  files = [file for file in files if (upstream / file).is_file()]
  there = outcomes(upstream, files, '--collect-only', '-qq')
  again = sorted(tests & there.keys())
  return _failed(outcomes(upstream, again)) if again else set()


def main(modules: list[str]) -> int:
  """Runs the tests; gives the exit status."""
  root = pathlib.Path(importlib.util.find_spec('optax').origin).parent.parent
  files = [f'{module.replace(".", "/")}.py' for module in modules]
  found = outcomes(root, files or ['optax'], '-n2')
  failed = _failed(found)
  theirs = set()
  if failed:
    theirs = failed_upstream(failed, release.fetched(release.pin()).root)
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
