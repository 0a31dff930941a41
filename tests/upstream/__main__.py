"""Runs upstream's tests on the built fork: ``python -m tests.upstream``.

Takes modules such as ``optax._src.alias_test``, and by default runs the whole
suite, for which XLA optimizes nothing, since compiling takes most of the time.
Tests that fail run again, with XLA's defaults, on the fork and on the
unmodified release. They count as failures of the fork if they fail on it again,
and pass on the release or don't exist there.
"""

import collections
import importlib.util
import pathlib
import sys

from graft import release
from tests import xla_flags
from tests.upstream import suite

# Importing it replaces XLA_FLAGS. So it runs by itself, with XLA's defaults.
_SHARDING = 'optax/_src/sharding_test.py'


def _installed_root() -> pathlib.Path:
  """Returns the folder that the installed optax is in."""
  spec = importlib.util.find_spec('optax')
  return pathlib.Path(spec.origin).parent.parent


def _file_of(module: str) -> str:
  return module.replace('.', '/') + '.py'


def _run_whole_suite(root: pathlib.Path, *options: str) -> dict[str, str]:
  """Returns the outcomes of all tests of a package."""
  others = f'--ignore={root / _SHARDING}'
  flags = xla_flags.without_optimization()
  outcomes = suite.outcomes(root, ['optax'], others, *options, xla_flags=flags)
  return outcomes | suite.outcomes(root, [_SHARDING], *options)


def _failed(outcomes: dict[str, str]) -> set[str]:
  return {test for test, outcome in outcomes.items() if outcome == 'failed'}


def _fail_again(root: pathlib.Path, tests: set[str]) -> set[str]:
  """Runs tests of a package again, and returns which of them fail."""
  files = {test.split('::')[0] for test in tests}
  existing = [file for file in sorted(files) if (root / file).is_file()]
  if not existing:
    return set()
  names = {test.rpartition('.')[2] for test in tests}
  selection = ' or '.join(sorted(names))
  return tests & _failed(suite.outcomes(root, existing, '-n2', '-k', selection))


def _print_each(what: str, tests: set[str]) -> None:
  for test in sorted(tests):
    print(f'{what}: {test}')


def main(arguments: list[str]) -> int:
  """Runs the tests of modules, with options of pytest's; returns the status."""
  options = ['-n2', *(x for x in arguments if x.startswith('-'))]
  files = [_file_of(x) for x in arguments if not x.startswith('-')]
  root = _installed_root()
  if files:
    outcomes = suite.outcomes(root, files, *options)
  else:
    outcomes = _run_whole_suite(root, *options)
  failed = _failed(outcomes)
  on_fork = _fail_again(root, failed)
  on_both = _fail_again(release.fetched().root, on_fork)
  on_fork_alone = on_fork - on_both
  _print_each('passes when it runs again', failed - on_fork)
  _print_each('fails on the release too', on_both)
  _print_each('fails on the fork alone', on_fork_alone)
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
