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


def measure(root: pathlib.Path, files: list[str]) -> dict[str, str]:
  """What the tests and checks find in a checkout, a row each."""
  outcomes = collections.Counter(suite.outcomes(root, _TESTS, '-n2').values())
  kinds = ('passed', 'skipped', 'failed')
  rows = {'tests': ', '.join(f'{outcomes[x]} {x}' for x in kinds)}
  for check in checks.ALL:
    # Without files, pyrefly checks the project, as upstream's workflow does.
    some = [] if check is checks.pyrefly else files
    found = check(root, some, str(root / 'pyproject.toml'))
    rows[check.__name__] = str(len(found))
  return rows


def main(checkout: str) -> None:
  """Measures a copy of a checkout, applies the diff and measures it again."""
  git = ['git', '-C', checkout, 'log', '-1', '--format=%h of %cs']
  commit = subprocess.check_output(git, text=True).strip()
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(shutil.copytree(checkout, folder, dirs_exist_ok=True))
    upstream = release.in_folder(root)
    grafted = package.grafted(upstream)
    files = [str(file) for file in grafted if file.suffix == '.py']
    diff = package.diff(upstream)
    before = measure(root, files)
    subprocess.run(['git', 'apply'], input=diff, cwd=root, check=True)
    after = measure(root, files)
  print(f'| commit {commit} | before | after |\n| --- | --- | --- |')
  for name in before:
    print(f'| {name} | {before[name]} | {after[name]} |')


if __name__ == '__main__':
  main(*sys.argv[1:])
