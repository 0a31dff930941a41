"""What upstream's continuous integration runs finds nothing new in the fork.

It reads the files of the diff, as released and as grafted; only what was not
found before counts. Settings stand in upstream's ``pyproject.toml``.
"""

import collections
from collections.abc import Callable
import functools
import json
import os
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
from tests.upstream import suite

_CACHE = package.REPOSITORY / 'build' / 'upstream'
_BUDGETS = {'source': 85, 'tests': 110}
_OLDEST_JAX = '0.5.3'  # As upstream's pyproject.toml has it.


def _folder(add_cleanup: Callable[..., None]) -> pathlib.Path:
  """A folder that is removed when the test, or the class, is done."""
  folder = tempfile.TemporaryDirectory()
  add_cleanup(folder.cleanup)
  return pathlib.Path(folder.name)


def _settings() -> str:
  """Upstream's ``pyproject.toml``, from a source distribution."""
  folder = _CACHE / f'{release.pin()}-settings'
  found = folder / f'optax-{release.pin()}' / 'pyproject.toml'
  if not found.is_file():
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps']
    command += ['--no-binary=optax', f'optax=={release.pin()}']
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


def _run(root: pathlib.Path, *command: str) -> str:
  """What a tool prints when it runs in a folder, findings or not."""
  scripts = str(pathlib.Path(sys.executable).parent)  # Where pyrefly's stands.
  done = subprocess.run(
      [sys.executable, '-m', *command],
      cwd=root,
      env=os.environ | {'PATH': scripts + os.pathsep + os.environ['PATH']},
      capture_output=True,
      text=True,
  )
  if done.returncode and not done.stdout:
    raise AssertionError(done.stderr)
  return done.stdout


def _flake8(root: pathlib.Path, files: list[str]) -> list[str]:
  options = ('--select=E9,F63,F7,F82,E225,E251', '--format=%(code)s %(text)s')
  return _run(root, 'flake8', *options, *files).splitlines()


def _ruff(root: pathlib.Path, files: list[str]) -> list[str]:
  options = ('check', '--config', _settings(), '--output-format', 'json')
  found = json.loads(_run(root, 'ruff', *options, *files))
  return [f'{item["code"]} {item["message"]}' for item in found]


def _pylint(root: pathlib.Path, files: list[str]) -> list[str]:
  options = ['--rcfile', _settings(), '--output-format', 'json']
  options += ['--check-quote-consistency=yes']
  found = []
  for disabled, is_test in (('E1102', False), ('W0212,E1102', True)):
    some = [file for file in files if file.endswith('_test.py') == is_test]
    if some:
      found += json.loads(_run(root, 'pylint', *options, '-d', disabled, *some))
  return [f'{item["symbol"]} {item["obj"]} {item["message"]}' for item in found]


def _pyrefly(root: pathlib.Path, files: list[str]) -> list[str]:
  options = ['check', '--preset', 'default', '--search-path', '.']
  options += ['--output-format', 'json']
  found = json.loads(_run(root, 'pyrefly', *options, *files))['errors']
  return [f'{item["name"]} {item["description"]}' for item in found]


def _text(root: pathlib.Path, files: list[str]) -> list[str]:
  flaws = {
      'no licence': r'\A(?!# Copyright .*\n#\n# Licensed under the Apache)',
      'trailing white space': r'[ \t\r]+$',
      'end of file': r'(\n\n|[^\n])\Z',
  }
  found = []
  for file in files:
    text = (root / file).read_bytes().decode()
    for flaw, pattern in flaws.items():
      found += [flaw] * len(re.findall(f'(?m){pattern}', text))
  return found


_CHECKS = (
    ('flake8', _flake8, 'F821'),
    ('ruff', _ruff, 'F821'),
    ('pylint', _pylint, 'dangerous-default-value', 'inconsistent-quotes'),
    ('pyrefly', _pyrefly, 'unknown-name'),
    ('text', _text, 'end of file', 'no licence', 'trailing white space'),
)
_FLAW = 'def f( x,y = [] ): return z, "x", \'y\', \'w\' \n\n'


@pytest.mark.network
class ChecksTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.upstream = release.fetched(release.pin())
    cls.fork = _folder(cls.addClassCleanup)
    package.write_tree(cls.upstream, cls.fork)
    cls.grafted = package.grafted(cls.upstream)
    cls.files = [str(name) for name in cls.grafted if name.suffix == '.py']

  @parameterized.named_parameters(x[:2] for x in _CHECKS)
  def test_finds_nothing_new(self, check):
    after = collections.Counter(check(self.fork, self.files))
    if after:
      after -= collections.Counter(check(self.upstream.root, self.files))
    self.assertEmpty(after)

  @parameterized.named_parameters(*_CHECKS)
  def test_would_find_a_flaw(self, check, *flaws):
    folder = _folder(self.addCleanup)
    (folder / 'flaw.py').write_text(_FLAW)
    found = ' '.join(check(folder, ['flaw.py']))
    for flaw in flaws:
      self.assertIn(flaw, found)

  def test_the_diff_applies_removes_nothing_and_is_short(self):
    folder = _folder(self.addCleanup)
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
    # What was collected only is another of upstream's tests.
    self.assertEqual(set(found.values()), {'passed', 'collected'})


if __name__ == '__main__':
  absltest.main()
