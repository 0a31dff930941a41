"""The settings of a build, and where upstream is found, without a network."""

from importlib import metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from graft import backend
from graft import errors
from graft import package
from graft import release
from graft import version
from tests.install import environments


def _release(
    folder: pathlib.Path, version: str, origin: str = ''
) -> pathlib.Path:
  """Unpacks a release of a toy by the name of optax into a folder."""
  (folder / 'optax').mkdir(parents=True)
  (folder / 'optax' / '__init__.py').write_text('')
  info = folder / f'optax-{version}.dist-info'
  info.mkdir()
  (info / 'METADATA').write_text(f'Name: optax\nVersion: {version}\n')
  empty = 'sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
  (info / 'RECORD').write_text(f'optax/__init__.py,{empty},0\n')
  if origin:
    (info / 'direct_url.json').write_text(f'{{"url": "{origin}"}}')
  return folder


class TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name).resolve()


class SettingTest(TestCase):

  @parameterized.product(
      kind=('wheel', 'editable', 'sdist'),
      case=((None, version.UPSTREAM), ({'upstream': '0.2.4'}, '0.2.4')),
  )
  def test_asks_for_the_pinned_release_or_another(self, kind, case):
    settings, release_ = case
    requires = getattr(backend, f'get_requires_for_build_{kind}')(settings)
    self.assertEqual(requires, [f'optax=={release_}'])

  def test_asks_for_a_checkout(self):
    _release(self.folder, '1.2')
    (requirement,) = backend.get_requires_for_build_wheel(
        {'upstream': str(self.folder)}
    )
    self.assertEqual(requirement, f'optax @ file://{self.folder}')

  @parameterized.parameters(
      ({'upstream': 'banana'}, 'upstream=banana: not a version'),
      ({'upstream': '/'}, 'upstream=/: not a version, and no folder of optax'),
      ({'upstream': ['0.2.4', '0.2.5']}, 'not a version'),
      ({'upsteam': '0.2.4'}, "unknown setting in {'upsteam': '0.2.4'}"),
      ({'check': 'no'}, "unknown setting in {'check': 'no'}"),
  )
  def test_refuses_a_wrong_setting_in_one_line(self, settings, line):
    with self.assertRaisesRegex(SystemExit, f'^graft: .*{line}.*$'):
      backend.get_requires_for_build_wheel(settings)

  def install(self, version: str, origin: str = '') -> None:
    """Makes a toy the optax that is installed."""
    found = release.distribution(_release(self.folder, version, origin))
    there = mock.patch.object(metadata, 'distribution', lambda _: found)
    self.enter_context(there)

  @parameterized.parameters(
      ('1.2', '', '1.2'),
      ('1.3.dev0', 'file:///there', '/there'),
  )
  def test_setuptools_builds_on_what_is_installed(self, version, origin, value):
    self.install(version, origin)
    called = mock.Mock(return_value='an sdist')
    self.enter_context(mock.patch('setuptools.build_meta.build_sdist', called))
    self.enter_context(mock.patch.object(pathlib.Path, 'is_file', lambda _: 1))
    settings = {'upstream': value, '--build-option': '--quiet'}
    self.assertEqual(backend.build_sdist('dist', settings), 'an sdist')
    others = {'--build-option': '--quiet'}
    out = str(pathlib.Path('dist').absolute())
    called.assert_called_once_with(out, others)

  @parameterized.parameters(
      ('0.2.8', r"pip install 'setuptools.*txt 'optax==0\.2\.4' first"),
      ('0.2.4+epsilon.hat', r"install --force-reinstall .*'optax==0\.2\.4'"),
      ('0.2.4+epsilon.hat.2', r"install --force-reinstall .*'optax==0\.2\.4'"),
  )
  def test_the_remedy_names_the_release_that_is_set(self, version, remedy):
    self.install(version)
    line = rf'^graft: optax==0\.2\.4 is set, optax==.* is installed; .*{remedy}'
    with self.assertRaisesRegex(SystemExit, line):
      backend.build_wheel('dist', {'upstream': '0.2.4'})

  def test_a_build_that_raises_restores_the_working_directory(self):
    self.install('1.2')
    before = os.getcwd()
    write = mock.patch.object(package, 'write_tree')
    broken = mock.patch(
        'setuptools.build_meta.build_wheel', side_effect=RuntimeError
    )
    with write, broken, self.assertRaises(RuntimeError):
      backend.build_wheel('dist', {'check': 'off'})
    self.assertEqual(os.getcwd(), before)

  @parameterized.parameters(
      (None, 'refused'), ({'check': 'on'}, 'refused'), ({'check': 'off'}, '')
  )
  def test_only_an_explicit_setting_turns_the_check_off(self, settings, line):
    self.install('1.2')
    check = mock.patch.object(
        package, 'write_checked_tree', side_effect=errors.GraftError('refused')
    )
    build = mock.patch('setuptools.build_meta.build_wheel', lambda *_: '')
    with check, build, mock.patch.object(package, 'write_tree'):
      if line:
        with self.assertRaisesRegex(SystemExit, line):
          backend.build_wheel('dist', settings)
      else:
        self.assertEqual(backend.build_wheel('dist', settings), '')

  @parameterized.parameters('setuptools', 'libcst', 'packaging', 'pyflakes')
  def test_names_what_a_build_without_isolation_lacks(self, name):
    code = (
        f'import sys; sys.modules[{name!r}] = None\n'
        f'from graft import backend; backend.build_wheel({str(self.folder)!r})'
    )
    done = environments.run(sys.executable, '-c', code, cwd=package.REPOSITORY)
    line = rf'^graft: {name}.* is not installed; pip install .+ first, or .+\n$'
    self.assertRegex(done.stderr, line)
    self.assertEqual(done.returncode, 1)

  def test_names_an_old_setuptools_and_a_full_disk(self):
    with mock.patch('setuptools.__version__', '65.5.0'):
      with self.assertRaisesRegex(SystemExit, 'setuptools 65.5.0 is old'):
        backend.build_wheel('dist')
    full = OSError(28, 'No space left on device', '/tmp/optax')
    with mock.patch.object(release, 'verified', side_effect=full):
      with self.assertRaisesRegex(SystemExit, '^graft: .*No space.*/tmp/optax'):
        backend.build_wheel('dist')

  def test_what_graft_needs_is_what_the_build_requires(self):
    needed = package.REPOSITORY / 'graft' / 'requirements.txt'
    build = (package.REPOSITORY / 'pyproject.toml').read_text()
    for line in needed.read_text().splitlines()[1:]:
      self.assertIn(f'"{line}"', build.partition('\n\n')[0])


class ReleaseTest(TestCase):

  @parameterized.parameters(
      "__version__ = '1.2'\n", '__version__: str = "1.2"  # \xff\n'
  )
  def test_a_checkout_states_its_version(self, text):
    init = _release(self.folder, '1.2') / 'optax' / '__init__.py'
    init.write_bytes(text.encode('latin-1'))
    self.assertEqual(release.in_folder(self.folder).version, '1.2')

  @parameterized.parameters(
      ('', "''"), ('__version__ = find()', "''"), ('__version__ = "x"', "'x'")
  )
  def test_a_checkout_without_a_version_is_refused(self, text, stated):
    init = _release(self.folder, '1.2') / 'optax' / '__init__.py'
    init.write_text(text)
    line = f"no valid __version__: {stated}; state one, as in '0.2.9'$"
    with self.assertRaisesRegex(errors.GraftError, line):
      release.in_folder(self.folder)

  @parameterized.parameters(
      ('optax/__init__.py', '', "--no-deps 'optax==1.3'$"),
      ('optax/__init__.py', 'file:///there', "--no-deps 'file:///there'$"),
      ('optax-1.3.dist-info/RECORD', 'file:///there', 'its folder, file:///there$'),
  )
  def test_a_remedy_names_only_what_pip_has(self, lost, origin, remedy):
    _release(self.folder, '1.3', origin)
    (self.folder / lost).write_text('optax.pth,,\n')
    with self.assertRaisesRegex(errors.GraftError, remedy):
      release.verified(release.distribution(self.folder))

  def fetch(self, *, meanwhile=lambda: None) -> int:
    """Fetches release 1.2 twice; gives how often it was downloaded."""

    def install(command, **_):
      meanwhile()
      _release(pathlib.Path(command[-2].removeprefix('--target=')), '1.2')
      return mock.Mock(returncode=0)

    pip = mock.Mock(side_effect=install)
    self.enter_context(mock.patch.object(subprocess, 'run', pip))
    self.enter_context(mock.patch.object(package, 'REPOSITORY', self.folder))
    for _ in range(2):  # The second time from there.
      self.assertEqual(release.fetched('1.2').version, '1.2')
    return pip.call_count

  @parameterized.parameters('', 'optax', 'optax-1.2.dist-info')
  def test_a_download_replaces_what_is_damaged(self, lost):
    there = self.folder / 'build' / 'upstream' / '1.2'
    shutil.rmtree(_release(there, '1.2') / lost)
    self.assertEqual(self.fetch(), 1)
    self.assertEqual([x.name for x in there.parent.iterdir()], ['1.2'])

  def test_two_processes_can_fetch_a_release_at_the_same_time(self):
    there = self.folder / 'build' / 'upstream' / '1.2'
    faster = lambda: (_release(there, '1.2') / 'faster').touch()
    self.assertEqual(self.fetch(meanwhile=faster), 1)
    self.assertTrue((there / 'faster').exists())
    self.assertEqual([x.name for x in there.parent.iterdir()], ['1.2'])


class VersionTest(absltest.TestCase):

  def test_the_changelog_has_the_version_of_the_fork(self):
    text = (package.REPOSITORY / 'CHANGELOG.md').read_text()
    newest = text.partition('\n## [')[2].partition(']')[0]
    self.assertEqual(newest, version.of_fork())

  def test_a_local_version_of_upstream_is_extended(self):
    self.assertEqual(version.of_fork('1.2'), '1.2+epsilon.hat.2')
    self.assertEqual(version.of_fork('1.2+abc'), '1.2+abc.epsilon.hat.2')


if __name__ == '__main__':
  absltest.main()
