"""The command line: what it prints, writes and refuses."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from graft import package
from graft import release
from graft import version

_PIN = version.UPSTREAM
_TRANSFORM = 'optax/_src/transform.py'
_FULL = 'ulimit -f 4; exec "$0" "$@"'  # Files of at most 4 KiB.
_GIT = '''[diff]
  external = false
  noprefix
[color]
  ui = always
[core]
  autocrlf = true
'''


class CommandTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name)
    self.checkout = self.folder / 'checkout'
    release.fetched(_PIN).copy(self.checkout)

  def edit(self, name: str, *pairs: tuple[str, str]):
    path = self.checkout / name
    for old, new in pairs:
      self.assertIn(old, path.read_text())
      path.write_text(path.read_text().replace(old, new))

  def graft(self, *arguments, shell: str = 'exec "$0" "$@"', **env):
    """Runs one command; gives its status, output and errors."""
    python = [sys.executable, '-B', '-m', 'graft', *map(str, arguments)]
    done = subprocess.run(
        ['sh', '-c', shell, *python, '--onto', str(self.checkout)],
        cwd=package.REPOSITORY,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr

  def assert_refuses(self, *parts: str, commands=('diff',), **kwargs):
    """Says why in one line, and leaves everything as it was."""
    before = self.contents(self.folder)
    for command in commands:
      out = [self.folder / 'out'] if command == 'tree' else []
      status, printed, message = self.graft(command, *out, **kwargs)
      self.assertEqual((status, printed), (1, ''), msg=message)
      self.assertRegex(message, r'\Agraft: [^\n]+\n\Z')
      for part in parts:
        self.assertIn(part, message)
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
    repository = str(self.folder / 'repository')
    subprocess.run(['git', 'init', '-q', repository], check=True)
    shutil.copyfile(config, f'{repository}/.git/config')
    status, diff, message = self.graft(
        'diff',
        GIT_CONFIG_GLOBAL=str(config),
        GIT_CONFIG_SYSTEM=str(config),
        GIT_EXTERNAL_DIFF='false',
        GIT_DIFF_OPTS='-u0',
        TMPDIR=repository,
    )
    self.assertEqual((status, message), (0, ''))
    out = self.folder / 'out'
    self.assertEqual(self.graft('tree', out), (0, '', ''))
    self.assertEqual(self.contents(self.checkout), before)
    apply = ['git', 'apply', '-']
    subprocess.run(apply, input=diff.encode(), cwd=self.checkout, check=True)
    self.assertEqual(self.contents(self.checkout), self.contents(out))
    self.assertNotEqual(self.contents(out), before)
    with self.subTest('the fork cannot be merged again'):
      self.assert_refuses('upstream')
    with self.subTest('an existing tree stays'):
      self.checkout = release.fetched(_PIN).root
      self.assert_refuses(f'{out}/optax is there already', commands=('tree',))

  def test_an_upstream_that_does_not_fit(self):
    self.edit(_TRANSFORM, ('nu_hat', 'v_hat'))
    place = f'{_TRANSFORM}: scale_by_adam'
    told = (place, '`nu_hat` 0 times', f'(optax {_PIN}); ')
    self.assert_refuses(*told, commands=('diff', 'tree', 'check'))

  def test_a_full_disk(self):
    commands = ('diff', 'tree', 'check')
    self.assert_refuses('File too large', commands=commands, shell=_FULL)

  def test_an_upstream_that_cannot_be_read(self):
    (self.checkout / _TRANSFORM).write_bytes(b'# \xff\n')
    self.assert_refuses(_TRANSFORM, 'utf-8')
    (self.checkout / _TRANSFORM).write_bytes(b'x = 1\r\ny = 2\n')
    self.assert_refuses(_TRANSFORM, 'mixes line endings')
    (self.checkout / _TRANSFORM).unlink()
    self.assert_refuses(_TRANSFORM)
    self.checkout /= 'docs'
    self.assert_refuses(str(self.checkout))

  def test_windows_line_endings_stay(self):
    path = self.checkout / _TRANSFORM
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    self.assertEqual(self.graft('tree', self.folder / 'out'), (0, '', ''))
    result = (self.folder / 'out' / _TRANSFORM).read_bytes()
    self.assertIn(b'epsilon_hat', result)
    self.assertEqual(result.count(b'\n'), result.count(b'\r\n'))

  def test_a_result_that_is_wrong(self):
    anchor = '    nu_hat = optax.tree.bias_correction(nu, b2, count_inc)\n'
    self.edit(
        _TRANSFORM,
        (anchor, f'    direction = mu_hat\n{anchor}'),
        ('mu_hat,\n        nu_hat', 'direction,\n        nu_hat'),
    )
    parts = ('adam(', 'epsilon_hat=True', ' gives ', ' at step 1', 'the formula ')
    self.assert_refuses(*parts, commands=('check',))

  def test_a_parameter_that_the_check_does_not_cover(self):
    options = '    *,\n    nesterov: bool = False,\n'
    self.edit(
        _TRANSFORM,
        (options, f'{options}    bias_correction_nu: bool = True,\n'),
    )
    self.assert_refuses(
        'scale_by_adam has a parameter `bias_correction_nu`',
        commands=('check',),
    )

  def test_a_result_that_is_right(self):
    names = 'adam, adamw, nadam, nadamw, amsgrad'
    line = f'optax {_PIN}: scale_by_adam, scale_by_amsgrad, {names} follow'
    self.assertEqual(self.graft('check'), (0, f'{line} the formulas\n', ''))

  @parameterized.parameters((), ('--help',), ('check', '--help'))
  def test_help_needs_nothing_that_is_not_in_python(self, *arguments):
    done = subprocess.run(
        [sys.executable, '-S', '-m', 'graft', *arguments],
        cwd=package.REPOSITORY,
        env=os.environ | {'PYTHONPATH': ''},
        capture_output=True,
        text=True,
        check=True,
    )
    self.assertStartsWith(done.stdout, 'usage: python -m graft')


if __name__ == '__main__':
  absltest.main()
