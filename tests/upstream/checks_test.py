"""Upstream's linters and type checker find nothing new in the change."""

import collections
import functools
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import venv

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from graft import package
from graft import release
from tests.upstream import checks
from tests.upstream import suite

_CACHE = package.REPOSITORY / 'build' / 'upstream'
_BUDGETS = {'source': 90, 'tests': 115}
_OLDEST_JAX = '0.5.3'  # In upstream's pyproject.toml.


def _settings() -> str:
  """Upstream's ``pyproject.toml``, from a source distribution."""
  folder = _CACHE / f'{release.UPSTREAM}-settings'
  found = folder / f'optax-{release.UPSTREAM}' / 'pyproject.toml'
  if not found.is_file():
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps']
    command += ['--no-binary=optax', f'optax=={release.UPSTREAM}']
    subprocess.run(command, cwd=folder, check=True)
    (archive,) = folder.glob('*.tar.gz')
    with tarfile.open(archive) as sdist:
      sdist.extractall(folder, filter='data')
  return str(found)


def _old_python() -> str:
  """An interpreter with the oldest jax that upstream supports."""
  folder = _CACHE / f'jax-{_OLDEST_JAX}'
  python = str(folder / 'bin' / 'python')
  if not (folder / 'ready').is_file():
    venv.create(folder, with_pip=True, clear=True)
    wanted = [f'jax=={_OLDEST_JAX}', f'jaxlib=={_OLDEST_JAX}', 'absl-py']
    wanted += ['pytest', 'scikit-learn', 'scipy']
    subprocess.run([python, '-m', 'pip', 'install', '-q', *wanted], check=True)
    (folder / 'ready').touch()
  return python


def _folder(test: absltest.TestCase) -> pathlib.Path:
  return pathlib.Path(test.enter_context(tempfile.TemporaryDirectory()))


@pytest.mark.network
class ChecksTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.upstream = release.fetched()
    folder = tempfile.TemporaryDirectory()
    cls.addClassCleanup(folder.cleanup)
    # Outside of this repository, whose settings the tools would find.
    cls.pristine, cls.fork = (pathlib.Path(folder.name, x) for x in 'ab')
    cls.upstream.copy(cls.pristine)
    package.write_tree(cls.upstream, cls.fork)
    cls.grafted = package.grafted(cls.upstream)
    cls.files = [str(name) for name in cls.grafted if name.suffix == '.py']

  @parameterized.parameters(*checks.ALL)
  def test_finds_nothing_new(self, check):
    count = lambda root: collections.Counter(check(root, self.files, settings))
    settings = _settings()
    if after := count(self.fork):
      after -= count(self.pristine)
    self.assertEmpty(after)

  def test_the_diff_applies_removes_nothing_and_is_short(self):
    folder = _folder(self)
    git = functools.partial(subprocess.check_output, cwd=folder, text=True)
    self.upstream.copy(folder)
    git(['git', 'init', '-q'])
    git(['git', 'add', '.'])
    git(['git', 'apply'], input=package.diff(self.upstream).decode())
    for name, text in self.grafted.items():
      self.assertEqual((folder / name).read_text(), text)
    removed = re.findall(r'\t(\d+)\t', git(['git', 'diff', '-w', '--numstat']))
    self.assertEqual(set(removed), {'0'})
    added = collections.Counter()
    for line in git(['git', 'diff', '--numstat', '*.py']).splitlines():
      number, _, name = line.split()
      added['tests' if name.endswith('_test.py') else 'source'] += int(number)
    for part, budget in _BUDGETS.items():
      self.assertBetween(added[part], 1, budget)

  def test_own_tests_pass_with_the_oldest_jax(self):
    files = [f'optax/_src/{module}_test.py' for module in suite.MODULES]
    found = suite.outcomes(
        self.fork, files, '-k', suite.own_tests(), python=_old_python()
    )
    self.assertEqual(set(found.values()), {'passed'})


if __name__ == '__main__':
  absltest.main()
