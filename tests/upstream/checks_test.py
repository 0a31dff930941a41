"""Upstream's linters and type checker find nothing new in the change."""

import collections
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
    settings = _settings()
    before = collections.Counter(check(self.pristine, self.files, settings))
    after = collections.Counter(check(self.fork, self.files, settings))
    self.assertEmpty(after - before)

  def test_the_diff_applies_and_only_extends_a_condition(self):
    folder = _folder(self)
    self.upstream.copy(folder)

    def git(*arguments, **kwargs):
      command = ['git', *arguments]
      return subprocess.check_output(command, cwd=folder, text=True, **kwargs)

    git('init', '-q')
    git('add', '.')
    git('apply', input=package.diff(self.upstream).decode())
    for name, text in self.grafted.items():
      self.assertEqual((folder / name).read_text(), text)
    lines = git('diff', '--ignore-all-space').splitlines()
    removed = [line for line in lines if re.match('-(?!--)', line)]
    self.assertEqual(removed, ['-    if bias_correction_nu:'])

  def test_own_tests_pass_with_the_oldest_jax(self):
    files = [f'optax/_src/{module}_test.py' for module in suite.MODULES]
    found = suite.outcomes(
        self.fork, files, '-k', suite.own_tests(), python=_old_python()
    )
    self.assertEqual(set(found.values()), {'passed'})


if __name__ == '__main__':
  absltest.main()
