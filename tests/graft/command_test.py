"""The command line: what it prints and refuses."""

import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from graft import __main__ as graft
from graft import errors
from graft import package
from graft import release
from graft import version
from tests.install import environments

_PIN = version.UPSTREAM
_ALIAS = 'optax/_src/alias.py'  # The first file that graft merges.
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

  def main(self, command: str):
    """Runs a command in this process."""
    arguments = ['graft', command, '--onto', str(self.checkout)]
    with mock.patch.object(sys, 'argv', arguments):
      graft.main()

  def assert_diff_refuses(self, *parts: str):
    """Asks for the diff, which exits with one line."""
    before = self.contents(self.folder)
    with self.assertRaises(SystemExit) as caught, errors.exit_on_error(''):
      self.main('diff')
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
      self.assert_diff_refuses('already')

  def test_a_full_disk(self):
    # Files of at most 4 blocks of 512 or 1024 bytes.
    limited = 'ulimit -f 4; exec "$0" "$@"'
    found = _run('sh', '-c', limited, *self.command, 'diff')
    self.assertEqual(found[:2], (1, ''))
    self.assertRegex(found[2], r'\Agraft: [^\n]+File too large[^\n]+; .+\n\Z')

  @parameterized.named_parameters(
      ('not_utf_8', b'# \xff\n', 'save it as UTF-8'),
      ('mixed_line_endings', b'x = 1\r\ny = 2\n', 'mixes line endings'),
      ('byte_order_mark', b'\xef\xbb\xbfx = 1\n', 'byte order mark'),
  )
  def test_a_file_that_cannot_be_read(self, content, why):
    (self.checkout / _ALIAS).write_bytes(content)
    self.assert_diff_refuses(_ALIAS, why)

  def test_an_upstream_without_a_file_of_the_change(self):
    (self.checkout / _ALIAS).unlink()
    self.assert_diff_refuses(_ALIAS, 'has no such file')

  def test_a_folder_without_optax(self):
    self.checkout = self.folder / 'docs'
    self.assert_diff_refuses(f'{self.checkout}: holds no optax/__init__.py')

  def test_check_prints_the_release_and_what_the_check_says(self):
    check = mock.Mock(return_value='adam follows the formulas')
    printed = io.StringIO()
    with (
        mock.patch.object(package, 'write_checked_tree', check),
        contextlib.redirect_stdout(printed),
    ):
      self.main('check')
    line = f'optax {_PIN}: adam follows the formulas\n'
    self.assertEqual(printed.getvalue(), line)

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
