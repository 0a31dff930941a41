"""The settings of a build, what it refuses, and where it finds upstream."""

from importlib import metadata
import json
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

_EMPTY_HASH = 'sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'


def _write_release(folder, number, direct_url=None):
  """Writes an installed toy release called optax into a folder."""
  (folder / 'optax').mkdir(parents=True)
  (folder / 'optax' / '__init__.py').write_text('')
  info = folder / f'optax-{number}.dist-info'
  info.mkdir()
  (info / 'METADATA').write_text(f'Name: optax\nVersion: {number}\n')
  (info / 'RECORD').write_text(f'optax/__init__.py,{_EMPTY_HASH},0\n')
  if direct_url:
    (info / 'direct_url.json').write_text(json.dumps(direct_url))
  return folder


class TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    folder = self.enter_context(tempfile.TemporaryDirectory())
    self.folder = pathlib.Path(folder).resolve()

  def install(self, number, direct_url=None):
    """Makes a toy release the installed optax."""
    _write_release(self.folder, number, direct_url)
    found = release.distribution(self.folder)
    self.enter_context(
        mock.patch.object(metadata, 'distribution', lambda _: found)
    )

  def assert_exits(self, line, function, *arguments):
    with self.assertRaisesRegex(SystemExit, rf'\Agraft: {line}\Z'):
      function(*arguments)


class SettingTest(TestCase):

  @parameterized.parameters('wheel', 'editable', 'sdist')
  def test_requires_the_pinned_release(self, kind):
    requires = getattr(backend, f'get_requires_for_build_{kind}')
    self.assertEqual(requires(), [f'optax=={version.UPSTREAM}'])

  @parameterized.parameters('wheel', 'editable')
  def test_requires_the_release_that_is_set(self, kind):
    requires = getattr(backend, f'get_requires_for_build_{kind}')
    self.assertEqual(requires({'upstream': '0.2.4'}), ['optax==0.2.4'])

  def test_requires_the_checkout_that_is_set(self):
    _write_release(self.folder, '1.2')
    settings = {'upstream': str(self.folder)}
    (requirement,) = backend.get_requires_for_build_wheel(settings)
    self.assertEqual(requirement, f'optax @ file://{self.folder}')

  def test_an_sdist_refuses_to_lose_the_setting(self):
    line = '.*cannot hold the setting upstream; build a wheel, as .*'
    settings = {'upstream': '0.2.4'}
    self.assert_exits(line, backend.get_requires_for_build_sdist, settings)
    self.assert_exits(line, backend.build_sdist, 'dist', settings)

  def test_an_sdist_is_of_the_pinned_release(self):
    self.install('0.2.4')
    line = 'optax==.* is set, optax 0.2.4 is installed; .*'
    self.assert_exits(line, backend.build_sdist, 'dist')

  @parameterized.parameters(
      ({'upstream': 'banana'}, 'upstream=banana: not a version, .*'),
      ({'upstream': '/'}, 'upstream=/: not a version, and no folder .*'),
      ({'upstream': ['0.2.4', '0.2.5']}, 'upstream is set more than once; .*'),
      ({'upsteam': '0.2.4'}, 'unknown setting upsteam=0.2.4; .*'),
      ({'check': 'off'}, 'unknown setting check=off; .*'),
  )
  def test_refuses_a_wrong_setting(self, settings, line):
    self.assert_exits(line, backend.get_requires_for_build_wheel, settings)

  def test_passes_settings_of_setuptools_on(self):
    self.install(version.UPSTREAM)
    settings = {'--build-option': '--quiet'}
    with mock.patch('setuptools.build_meta.build_sdist') as build:
      backend.build_sdist('dist', settings)
    build.assert_called_once_with('dist', settings)


class WheelTest(TestCase):

  def build(self, settings=None):
    """Returns where setuptools would build a wheel; skips the slow parts."""
    self.enter_context(
        mock.patch.object(package, 'write_checked_tree', return_value='')
    )
    self.enter_context(
        mock.patch('setuptools.build_meta.build_wheel', lambda *_: os.getcwd())
    )
    return backend.build_wheel('dist', settings)

  @parameterized.parameters('0.2.4', '0.2.4.0', 'v0.2.4', '0.2.04')
  def test_builds_on_a_release_however_it_is_written(self, upstream):
    self.install('0.2.4')
    self.assertNotEqual(self.build({'upstream': upstream}), os.getcwd())

  def test_builds_on_a_checkout(self):
    self.install('1.3.dev0', {'url': self.folder.as_uri(), 'dir_info': {}})
    folder = self.build({'upstream': str(self.folder)})
    self.assertNotEqual(folder, os.getcwd())

  @parameterized.parameters(
      ('0.2.9', r"pip install 'setuptools.*txt 'optax==0\.2\.4' first.*"),
      ('0.2.4+epsilon.hat', r".*--force-reinstall .*'optax==0\.2\.4'.*"),
      ('0.2.4+epsilon.hat.2', r".*--force-reinstall .*'optax==0\.2\.4'.*"),
  )
  def test_names_the_release_that_is_set(self, number, remedy):
    self.install(number)
    line = rf'optax==0\.2\.4 is set, optax .* is installed; {remedy}'
    self.assert_exits(line, self.build, {'upstream': '0.2.4'})

  def test_a_build_that_raises_restores_the_working_directory(self):
    self.install('1.2')
    before = os.getcwd()
    broken = mock.patch(
        'setuptools.build_meta.build_wheel', side_effect=RuntimeError
    )
    check = mock.patch.object(package, 'write_checked_tree', return_value='')
    with check, broken, self.assertRaises(RuntimeError):
      backend.build_wheel('dist')
    self.assertEqual(os.getcwd(), before)

  @parameterized.parameters('setuptools', 'libcst', 'packaging', 'pyflakes')
  def test_names_a_missing_requirement(self, name):
    code = (
        f'import sys; sys.modules[{name!r}] = None\n'
        f'from graft import backend; backend.build_wheel({str(self.folder)!r})'
    )
    done = environments.run(sys.executable, '-c', code, cwd=package.REPOSITORY)
    line = rf'^graft: {name}.* is not installed; pip install .+ first, or .+\n$'
    self.assertRegex(done.stderr, line)
    self.assertEqual(done.returncode, 1)

  def test_names_an_old_setuptools(self):
    self.enter_context(mock.patch('setuptools.__version__', '65.5.0'))
    self.assert_exits('setuptools 65.5.0 is old; .*', self.build)

  def test_names_a_full_disk(self):
    self.install('1.2')
    full = OSError(28, 'No space left on device', '/somewhere/optax')
    self.enter_context(
        mock.patch.object(release, 'verified', side_effect=full)
    )
    self.assert_exits('.*No space.*/somewhere/optax.*', self.build)

  def test_the_build_requires_what_graft_needs(self):
    needed = package.REPOSITORY / 'graft' / 'requirements.txt'
    project = (package.REPOSITORY / 'pyproject.toml').read_text()
    build_system = project.partition('\n\n')[0]
    for line in needed.read_text().splitlines()[1:]:
      self.assertIn(f'"{line}"', build_system)


class ReleaseTest(TestCase):

  def verify(self):
    return release.verified(release.distribution(self.folder))

  @parameterized.parameters(
      "__version__ = '1.2'\n",
      '__version__: str = "1.2"  # \xff\n',
      '\ufeff__version__ = "1.2"\n',
  )
  def test_a_checkout_states_its_version(self, text):
    init = _write_release(self.folder, '1.2') / 'optax' / '__init__.py'
    init.write_text(text, 'utf-8')
    self.assertEqual(release.in_folder(self.folder).version, '1.2')

  @parameterized.parameters(
      ('', "''"), ('__version__ = find()', "''"), ('__version__ = "x"', "'x'")
  )
  def test_refuses_a_checkout_without_a_version(self, text, stated):
    init = _write_release(self.folder, '1.2') / 'optax' / '__init__.py'
    init.write_text(text)
    line = f"no valid __version__: {stated}; state one, as in '0.2.9'$"
    with self.assertRaisesRegex(errors.GraftError, line):
      release.in_folder(self.folder)

  @parameterized.parameters('\n', '\r\n')
  def test_accepts_an_unchanged_release(self, ending):
    _write_release(self.folder, '1.3')
    record = self.folder / 'optax-1.3.dist-info' / 'RECORD'
    lines = f'optax/__init__.py,{_EMPTY_HASH},0\n"optax/a,b",{_EMPTY_HASH},0\n'
    record.write_bytes(lines.replace('\n', ending).encode())
    (self.folder / 'optax' / 'a,b').touch()
    self.assertEqual(self.verify().version, '1.3')

  @parameterized.named_parameters(
      ('index', None, "--no-deps 'optax==1.3'$"),
      ('folder', {'url': 'file:///there'}, "--no-deps 'file:///there'$"),
      (
          'git',
          {
              'url': 'https://there/optax',
              'vcs_info': {'vcs': 'git', 'commit_id': 'abc'},
          },
          r"--no-deps 'git\+https://there/optax@abc'$",
      ),
  )
  def test_refuses_a_changed_file_and_names_where_it_came_from(
      self, direct_url, remedy
  ):
    _write_release(self.folder, '1.3', direct_url)
    (self.folder / 'optax' / '__init__.py').write_text('changed')
    line = f'optax/__init__.py differs from optax 1.3 as released; .*{remedy}'
    with self.assertRaisesRegex(errors.GraftError, line):
      self.verify()

  def test_refuses_a_missing_file(self):
    _write_release(self.folder, '1.3')
    (self.folder / 'optax' / '__init__.py').unlink()
    with self.assertRaisesRegex(errors.GraftError, 'differs from optax 1.3'):
      self.verify()

  def test_refuses_the_fork_and_names_the_release_that_it_is_built_on(self):
    _write_release(self.folder, '1.3+epsilon.hat.2')
    line = r'is this fork already; .*--no-deps optax==1\.3$'
    with self.assertRaisesRegex(errors.GraftError, line):
      self.verify()

  def test_refuses_an_editable_install(self):
    direct_url = {'url': 'file:///there', 'dir_info': {'editable': True}}
    _write_release(self.folder, '1.3', direct_url)
    line = "is an editable install; .*--no-deps 'file:///there'$"
    with self.assertRaisesRegex(errors.GraftError, line):
      self.verify()

  def test_refuses_an_install_without_record(self):
    _write_release(self.folder, '1.3')
    (self.folder / 'optax-1.3.dist-info' / 'RECORD').unlink()
    line = "no RECORD of its files; .*--ignore-installed .*'optax==1.3'$"
    with self.assertRaisesRegex(errors.GraftError, line):
      self.verify()

  def test_refuses_an_install_without_metadata(self):
    _write_release(self.folder, '1.3')
    (self.folder / 'optax-1.3.dist-info' / 'METADATA').unlink()
    line = 'has no version; delete its .dist-info there, and .*$'
    with self.assertRaisesRegex(errors.GraftError, line):
      self.verify()


class FetchTest(TestCase):

  def fetch(self, *, meanwhile=lambda: None):
    """Fetches release 1.2 twice; returns how often it was downloaded."""

    def install(command, **_):
      meanwhile()
      _write_release(pathlib.Path(command[-2].removeprefix('--target=')), '1.2')
      return mock.Mock(returncode=0)

    pip = mock.Mock(side_effect=install)
    self.enter_context(mock.patch.object(subprocess, 'run', pip))
    self.enter_context(mock.patch.object(package, 'REPOSITORY', self.folder))
    for _ in range(2):  # The second call must reuse the download.
      self.assertEqual(release.fetched('1.2').version, '1.2')
    return pip.call_count

  @parameterized.parameters('', 'optax', 'optax-1.2.dist-info')
  def test_replaces_a_damaged_download(self, lost):
    there = self.folder / 'build' / 'upstream' / '1.2'
    shutil.rmtree(_write_release(there, '1.2') / lost)
    self.assertEqual(self.fetch(), 1)
    self.assertEqual([x.name for x in there.parent.iterdir()], ['1.2'])

  def test_two_processes_can_fetch_a_release_at_the_same_time(self):
    there = self.folder / 'build' / 'upstream' / '1.2'

    def faster():
      (_write_release(there, '1.2') / 'faster').touch()

    self.assertEqual(self.fetch(meanwhile=faster), 1)
    self.assertTrue((there / 'faster').exists())
    self.assertEqual([x.name for x in there.parent.iterdir()], ['1.2'])


class VersionTest(absltest.TestCase):

  def test_the_changelog_begins_with_the_version_of_the_fork(self):
    text = (package.REPOSITORY / 'CHANGELOG.md').read_text()
    newest = text.partition('\n## [')[2].partition(']')[0]
    message = 'CHANGELOG.md (first) and graft/version.py'
    self.assertEqual(newest, version.of_fork(), message)

  def test_a_local_version_of_upstream_is_extended(self):
    with mock.patch.object(version, 'BUILD', 2):
      self.assertEqual(version.of_fork('1.2'), '1.2+epsilon.hat.2')
      self.assertEqual(version.of_fork('1.2+abc'), '1.2+abc.epsilon.hat.2')


if __name__ == '__main__':
  absltest.main()
