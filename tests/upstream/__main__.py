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


def _installed_root() -> pathlib.Path:
  """Returns the folder that the installed optax is in."""
  spec = importlib.util.find_spec('optax')
  return pathlib.Path(spec.origin).parent.parent


def _file_of(module: str) -> str:
  return module.replace('.', '/') + '.py'


def _failed(outcomes: dict[str, str]) -> set[str]:
  return {test for test, outcome in outcomes.items() if outcome == 'failed'}


def _failed_on_release(tests: set[str]) -> set[str]:
  """Returns which of these tests fail on the unmodified release, too."""
  root = release.fetched().root
  files = {test.split('::')[0] for test in tests}
  existing = [file for file in sorted(files) if (root / file).is_file()]
  if not existing:
    return set()
  names = {test.rpartition('.')[2] for test in tests}
  selection = ' or '.join(sorted(names))
  outcomes = suite.outcomes(root, existing, '-n2', '-k', selection)
  return tests & _failed(outcomes)


def main(arguments: list[str]) -> int:
  """Runs the tests of modules, with options of pytest's; returns the status."""
  options = [x for x in arguments if x.startswith('-')]
  modules = [x for x in arguments if not x.startswith('-')]
  files = [_file_of(module) for module in modules] or ['optax']
  outcomes = suite.outcomes(_installed_root(), files, '-n2', *options)
  failed = _failed(outcomes)
  on_both = _failed_on_release(failed) if failed else set()
  on_fork_alone = failed - on_both
  for test in sorted(on_both):
    print(f'fails on the release too: {test}')
  for test in sorted(on_fork_alone):
    print(f'fails on the fork alone: {test}')
  count = collections.Counter(outcomes.values())
  print(
      f'upstream: {count["passed"]} passed, {len(on_fork_alone)} failed,'
      f' {count["skipped"]} skipped, {len(on_both)} failed on both'
  )
  if not count['passed']:  # A suite that did not run has not passed.
    print("upstream: no test passed; see pytest's output above")
    return 1
  return 1 if on_fork_alone else 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
