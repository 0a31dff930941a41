"""Upstream's linters and type checker find nothing new in the change."""

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
    install = [python, '-m', 'pip', 'install', '--quiet', '--no-compile']
    subprocess.run([*install, *wanted], check=True)
    (folder / 'ready').touch()
  return python


@pytest.mark.network
class ChecksTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    upstream = release.fetched()
    folder = tempfile.TemporaryDirectory()
    cls.addClassCleanup(folder.cleanup)
    # Outside of this repository, whose settings the tools would find.
    cls.pristine = pathlib.Path(folder.name, 'pristine')
    cls.fork = pathlib.Path(folder.name, 'fork')
    upstream.copy(cls.pristine)
    package.write_tree(upstream, cls.fork)
    sparse = package.REPOSITORY.glob('optax/**/*.py')
    cls.files = [str(x.relative_to(package.REPOSITORY)) for x in sparse]

  def _describe(self, finding):
    """Returns a finding with the line of the merged file that it is about."""
    lines = (self.fork / finding.file).read_text('utf-8').splitlines()
    code = lines[finding.line - 1]
    return f'{finding.file}: {finding.text}, at\n{code}'

  @parameterized.named_parameters(
      (check.__name__, check) for check in checks.ALL
  )
  def test_finds_nothing_new_in_the_change(self, check):
    settings = _settings()
    after = check(self.fork, self.files, settings)
    before = check(self.pristine, self.files, settings) if after else []
    new = [self._describe(x) for x in checks.new_findings(before, after)]
    if new:
      self.fail('\n'.join(['Correct the sparse file:', *new]))

  def test_the_change_removes_only_a_condition_that_it_extends(self):
    command = ['git', 'diff', '--no-index', '--ignore-all-space']
    done = subprocess.run(
        [*command, self.pristine, self.fork],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    removed = [line for line in lines if re.match('-(?!--)', line)]
    self.assertEqual(removed, ['-    if bias_correction_nu:'])

  def test_own_tests_pass_with_the_oldest_jax(self):
    files = [f'optax/_src/{module}_test.py' for module in suite.MODULES]
    outcomes = suite.outcomes(
        self.fork, files, '-k', suite.own_tests(), python=_old_python()
    )
    self.assertNotEmpty(outcomes)
    not_passed = {k: v for k, v in outcomes.items() if v != 'passed'}
    self.assertEmpty(not_passed)


class RepositoryTest(absltest.TestCase):

  def test_ruff_finds_nothing_in_the_repository(self):
    command = [sys.executable, '-m', 'ruff', 'check', '--output-format=concise']
    done = subprocess.run(
        [*command, package.REPOSITORY],
        capture_output=True,
        text=True,
        check=False,
    )
    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == '__main__':
  absltest.main()
