"""Builds and installs of the fork with pip."""

import pathlib
import sys
import tarfile
import tempfile
import zipfile

from absl.testing import absltest
import pytest

from graft import release
from graft import version
from tests.install import environments

_PIN = version.UPSTREAM
_OTHER = '0.2.4'
_REFUSAL = 'graft: adam: 1 is not 2; use a different optax'


def _unpack(archive: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  """Unpacks an sdist or a wheel."""
  if archive.suffix == '.whl':
    with zipfile.ZipFile(archive) as wheel:
      wheel.extractall(folder)
    return folder
  with tarfile.open(archive) as sdist:
    sdist.extractall(folder, filter='data')
  (unpacked,) = folder.iterdir()
  return unpacked


def _requirements(root: pathlib.Path, field: str) -> list[str]:
  """What the metadata of a release of optax requires, without spaces."""
  values = release.distribution(root).metadata.get_all(field)
  return [value.replace(' ', '') for value in values]


@pytest.mark.network
class BuildTest(absltest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    folder = pathlib.Path(cls.enter_context(tempfile.TemporaryDirectory()))
    cls.upstream = release.fetched(_PIN).root
    checkout = environments.checkout(folder)
    cls.sdist = environments.build(checkout, 'sdist', cls.upstream)
    cls.unpacked = _unpack(cls.sdist, folder / 'sdist')
    before = set(cls.unpacked.iterdir())
    cls.wheel = environments.build(cls.unpacked, 'wheel', cls.upstream)
    cls.created = set(cls.unpacked.iterdir()) - before

  def setUp(self):
    super().setUp()
    folder = self.enter_context(tempfile.TemporaryDirectory())
    self.folder = pathlib.Path(folder).resolve()
    self.checkout = environments.checkout(self.folder)

  def _environment(
      self, upstream: pathlib.Path | None = None
  ) -> environments.Environment:
    folder = tempfile.mkdtemp(dir=self.folder)
    return environments.Environment(pathlib.Path(folder), upstream)

  def test_sdist_holds_the_repository_and_no_upstream(self):
    self.assertEqual(self.sdist.name, f'optax-{version.of_fork()}.tar.gz')
    for file in ('graft/backend.py', '.ci/run', 'CONTRIBUTING.md'):
      self.assertTrue((self.unpacked / file).is_file(), msg=file)
    # With this file, `import optax` in a clone would find the sparse folder.
    sparse = [path.name for path in (self.unpacked / 'optax').iterdir()]
    self.assertNotIn('__init__.py', sparse)

  def test_wheel_from_an_sdist_installs_and_works(self):
    environment = self._environment()
    environment.install(self.wheel)
    installed, file = environment.use()
    self.assertEqual(installed, version.of_fork())
    self.assertIn(environment.site, file.parents)

  def test_wheel_has_the_metadata_of_upstream(self):
    unpacked = _unpack(self.wheel, self.folder / 'wheel')
    for field in ('Requires-Dist', 'Provides-Extra', 'Requires-Python'):
      ours = _requirements(unpacked, field)
      theirs = _requirements(self.upstream, field)
      self.assertCountEqual(ours, theirs, msg=field)
    metadata = release.distribution(unpacked).metadata
    self.assertEqual(metadata['License-Expression'], 'Apache-2.0')

  def test_build_creates_only_the_folder_of_the_wheel(self):
    self.assertEqual(self.created, {self.wheel.parent})

  def test_setup_py_alone_builds_nothing(self):
    done = environments.run(
        sys.executable,
        'setup.py',
        'bdist_wheel',
        cwd=self.checkout,
        path=str(self.upstream),
    )
    self.assertEqual(done.returncode, 1)
    self.assertRegex(done.stderr, r'^graft: .*; pip install \.\n$')
    self.assertFalse((self.checkout / 'dist').exists())

  @pytest.mark.slow
  def test_editable_install_is_a_copy(self):
    environment = self._environment(self.upstream)
    environment.install('--editable', self.checkout)
    installed, file = environment.use(self.checkout)
    self.assertEqual(installed, version.of_fork())
    self.assertIn(environment.site, file.parents)

  def test_installs_nothing_that_does_not_follow_the_formulas(self):
    environments.set_check(self.checkout, passes=False)
    environment = self._environment(self.upstream)
    with self.assertRaisesRegex(AssertionError, _REFUSAL) as caught:
      environment.install(self.checkout)
    self.assertNotIn('Traceback', str(caught.exception))
    with self.assertRaisesRegex(AssertionError, "argument 'tf_style'"):
      environment.use()

  @pytest.mark.slow
  def test_a_setting_builds_on_a_different_release(self):
    environment = self._environment()
    # Unlike `install`, it isolates the build, for which pip fetches 0.2.4.
    setting = f'upstream={_OTHER}.0'
    environment.pip_install(
        '--no-deps', self.checkout, '--config-settings', setting
    )
    installed, _ = environment.use()
    self.assertEqual(installed, version.of_fork(_OTHER))


if __name__ == '__main__':
  absltest.main()
