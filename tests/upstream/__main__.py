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
from tests.upstream import suite


def _failures(found: dict[str, str]) -> set[str]:
  return {test for test, outcome in found.items() if outcome == 'failed'}


def _fail_on_release(failed: set[str]) -> set[str]:
  """Returns which of these tests fail on the unmodified release, too."""
  upstream = release.fetched().root
  files = {test.split('::')[0] for test in failed}
  existing = sorted(file for file in files if (upstream / file).is_file())
  if not existing:
    return set()
  names = ' or '.join(test.rpartition('.')[2] for test in failed)
  found = suite.outcomes(upstream, existing, '-n2', '-k', names)
  return failed & _failures(found)


def main(arguments: list[str]) -> int:
  """Runs the tests of modules, with options of pytest's; returns the status."""
  options = [x for x in arguments if x.startswith('-')]
  modules = [x for x in arguments if not x.startswith('-')]
  root = pathlib.Path(importlib.util.find_spec('optax').origin).parent.parent
  files = [f'{module.replace(".", "/")}.py' for module in modules] or ['optax']
  found = suite.outcomes(root, files, '-n2', *options)
  failed = _failures(found)
  fail_on_both = _fail_on_release(failed) if failed else set()
  for test in sorted(failed):
    both = test in fail_on_both
    print(f'fails on the {"release too" if both else "fork alone"}: {test}')
  count = collections.Counter(found.values())
  print(
      f'upstream: {count["passed"]} passed,'
      f' {len(failed - fail_on_both)} failed, {count["skipped"]} skipped,'
      f' {len(fail_on_both)} failed on both'
  )
  # A suite that did not run is not a suite that passed.
  return int(failed > fail_on_both or not count['passed'])


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
