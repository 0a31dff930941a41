"""The command line: what it prints and refuses."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from graft import __main__ as graft
from graft import errors
from graft import package
from graft import release
from graft import version
from tests.install import environments

_PIN = version.UPSTREAM
_TRANSFORM = 'optax/_src/transform.py'
_GIT = '''[diff]
  external = false
  noprefix
[color]
  ui = always
[core]
  autocrlf = true
'''


def _run(*command, **env) -> tuple[int, str, str]:
  """Runs a command; gives its status, output and errors."""
  done = environments.run(*command, cwd=package.REPOSITORY, **env)
  return done.returncode, done.stdout, done.stderr


class CommandTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name)
    self.checkout = self.folder / 'checkout'
    release.fetched(_PIN).copy(self.checkout)
    self.command = [sys.executable, '-B', '-m', 'graft']

  def assert_refuses(self, command: str, *parts: str):
    """Runs a command in this process; it exits with one line."""
    before = self.contents(self.folder)
    arguments = ['graft', command, '--onto', str(self.checkout)]
    with mock.patch.object(sys, 'argv', arguments):
      with self.assertRaises(SystemExit) as caught, errors.exit_on_error(''):
        graft.main()
    self.assertRegex(str(caught.exception), r'\Agraft: [^\n]+\Z')
    for part in parts:
      self.assertIn(part, str(caught.exception))
    self.assertEqual(self.contents(self.folder), before)

  def contents(self, folder: pathlib.Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {str(x.relative_to(folder)): x.read_bytes() for x in files}

  def test_the_diff_applies_and_gives_the_tree_with_any_git_settings(self):
    for name in ('DATA', '.hidden', 'data.v1/README'):
      (self.checkout / 'optax' / name).parent.mkdir(exist_ok=True)
      (self.checkout / 'optax' / name).write_text(name)
    before = self.contents(self.checkout)
    config = self.folder / 'config'
    config.write_text(_GIT)
    repository = str(self.folder / 'with:colon')
    subprocess.run(['git', 'init', '-q', repository], check=True)
    shutil.copyfile(config, f'{repository}/.git/config')
    status, diff, message = _run(
        *(*self.command, 'diff', '--onto', str(self.checkout)),
        GIT_CONFIG_GLOBAL=str(config),
        GIT_CONFIG_SYSTEM=str(config),
        GIT_EXTERNAL_DIFF='false',
        GIT_DIFF_OPTS='-u0',
        TMPDIR=repository,
    )
    self.assertEqual((status, message), (0, ''))
    out = self.folder / 'out'
    package.write_tree(release.in_folder(self.checkout), out)
    self.assertEqual(self.contents(self.checkout), before)
    apply = ['git', 'apply', '-']
    subprocess.run(apply, input=diff.encode(), cwd=self.checkout, check=True)
    self.assertEqual(self.contents(self.checkout), self.contents(out))
    self.assertNotEqual(self.contents(out), before)
    with self.subTest('the fork cannot be merged again'):
      self.assert_refuses('diff', 'already')

  def test_an_upstream_that_does_not_fit(self):
    path = self.checkout / _TRANSFORM
    path.write_text(path.read_text().replace('nu_hat', 'v_hat'))
    place = f'{_TRANSFORM}: scale_by_adam'
    self.assert_refuses('check', place, '`nu_hat` 0 times', f'(optax {_PIN}); ')

  def test_a_full_disk(self):
    limited = 'ulimit -f 4; exec "$0" "$@"'  # Files of at most 4 KiB.
    found = _run('sh', '-c', limited, *self.command, 'diff')
    self.assertEqual(found[:2], (1, ''))
    self.assertRegex(found[2], r'\Agraft: [^\n]+File too large[^\n]+; .+\n\Z')

  @parameterized.named_parameters(
      ('not_utf_8', b'# \xff\n', 'save it as UTF-8'),
      ('mixed_line_endings', b'x = 1\r\ny = 2\n', 'mixes line endings'),
      ('byte_order_mark', b'\xef\xbb\xbfx = 1\n', 'byte order mark'),
  )
  def test_a_file_that_cannot_be_read(self, content, why):
    (self.checkout / _TRANSFORM).write_bytes(content)
    self.assert_refuses('diff', _TRANSFORM, why)

  def test_an_upstream_without_a_file_of_the_change(self):
    (self.checkout / _TRANSFORM).unlink()
    self.assert_refuses('diff', _TRANSFORM, 'has no such file')

  def test_a_folder_without_optax(self):
    self.checkout = self.folder / 'docs'
    self.assert_refuses('diff', f'{self.checkout}: holds no optax/__init__.py')

  def test_windows_line_endings_stay(self):
    path = self.checkout / _TRANSFORM
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    package.write_tree(release.in_folder(self.checkout), self.folder / 'out')
    result = (self.folder / 'out' / _TRANSFORM).read_bytes()
    self.assertIn(b'epsilon_hat', result)
    self.assertEqual(result.count(b'\n'), result.count(b'\r\n'))

  @pytest.mark.slow
  def test_a_result_that_is_right(self):
    names = 'adam, adamw, nadam, nadamw, amsgrad'
    line = f'optax {_PIN}: scale_by_adam, scale_by_amsgrad, {names} follow'
    found = _run(*self.command, 'check')
    self.assertEqual(found, (0, f'{line} the formulas\n', ''))

  def test_help(self):
    status, usage, _ = _run(*self.command, '--help')
    self.assertEqual(status, 0)
    self.assertStartsWith(usage, 'usage: python -m graft')

  def test_refuses_an_old_python(self):
    code = 'import sys; sys.version_info = (3, 9, 18); import graft.__main__'
    found = _run(sys.executable, '-c', code)
    line = 'graft: this Python is too old; use Python 3.10 or later\n'
    self.assertEqual(found, (1, '', line))

  def test_names_a_missing_requirement(self):
    found = _run(sys.executable, '-S', '-m', 'graft', 'diff')
    self.assertEqual(found[:2], (1, ''))
    self.assertRegex(
        found[2], r'\Agraft: \w+ is not installed; pip install -r .+\n\Z'
    )


if __name__ == '__main__':
  absltest.main()
