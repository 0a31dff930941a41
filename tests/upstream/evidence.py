"""Prints what upstream's tests and checks say before and after the change.

  python -m tests.upstream.evidence ../optax

The argument is a checkout of optax, which is copied and not changed. The table
is the one in ``docs/pull_request.md``.
"""

import collections
import pathlib
import shutil
import subprocess
import sys
import tempfile

from graft import package
from graft import release
from tests.upstream import checks
from tests.upstream import suite

_TESTS = [f'optax/_src/{module}_test.py' for module in suite.MODULES]


def _count_outcomes(root: pathlib.Path) -> str:
  outcomes = suite.outcomes(root, _TESTS, '-n2')
  count = collections.Counter(outcomes.values())
  return (
      f'{count["passed"]} passed, {count["skipped"]} skipped,'
      f' {count["failed"]} failed'
  )


def _count_findings(
    check: checks.Check, root: pathlib.Path, files: list[str]
) -> str:
  settings = str(root / 'pyproject.toml')
  if check is checks.pyrefly:
    files = []  # It checks the project then, as upstream's workflow does.
  return str(len(check(root, files, settings)))


def measure(root: pathlib.Path, files: list[str]) -> dict[str, str]:
  """Returns what the tests and each check find in a checkout, by name."""
  found = {'tests': _count_outcomes(root)}
  for check in checks.ALL:
    found[check.__name__] = _count_findings(check, root, files)
  return found


def _describe_commit(checkout: str) -> str:
  command = ['git', '-C', checkout, 'log', '-1', '--format=%h of %cs']
  return subprocess.check_output(command, text=True).strip()


def main(checkout: str) -> None:
  """Measures a copy of a checkout, applies the diff and measures it again."""
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    shutil.copytree(checkout, root, dirs_exist_ok=True)
    upstream = release.in_folder(root)
    files = [str(file) for file in package.grafted(upstream)]
    diff = package.diff(upstream)
    before = measure(root, files)
    subprocess.run(['git', 'apply'], input=diff, cwd=root, check=True)
    after = measure(root, files)
  print(f'| commit {_describe_commit(checkout)} | before | after |')
  print('| --- | --- | --- |')
  for name in before:
    print(f'| {name} | {before[name]} | {after[name]} |')


if __name__ == '__main__':
  main(*sys.argv[1:])
