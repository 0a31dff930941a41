"""Every way to build and to install the fork, and every refusal."""

import pathlib
import tarfile
import tempfile
import zipfile

from absl.testing import absltest
import pytest

from graft import package
from graft import release
from graft import version
from tests.install import environments

_PIN = version.UPSTREAM
_OTHER = '0.2.4'


@pytest.mark.network
class BuildTest(absltest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name).resolve()
    self.checkout = environments.checkout(self.folder)
    self.upstream = release.fetched(_PIN).root

  def _environment(
      self, upstream: pathlib.Path | None = None
  ) -> environments.Environment:
    folder = tempfile.mkdtemp(dir=self.folder)
    return environments.Environment(pathlib.Path(folder), upstream)

  def _refuse(self, line: str) -> None:
    """Makes the check of the formulas in the checkout refuse everything."""
    script = self.checkout / 'graft' / 'formula.py'
    script.write_text(f'import sys\nsys.exit({line!r})\n')

  def test_a_wheel_from_the_sdist_holds_the_grafted_package(self):
    sdist = environments.build(self.checkout, 'sdist', self.upstream)
    self.assertEqual(sdist.name, f'optax-{version.of_fork()}.tar.gz')
    with tarfile.open(sdist) as archive:
      archive.extractall(self.folder / 'sdist', filter='data')
    (unpacked,) = (self.folder / 'sdist').iterdir()
    with self.subTest('the sdist holds the repository and no upstream'):
      for file in ('graft/backend.py', 'test.sh', '.ci/run', 'README.md'):
        self.assertTrue((unpacked / file).is_file(), msg=file)
      self.assertEmpty(list(unpacked.rglob('optax/__init__.py')))
    wheel = environments.build(unpacked, 'wheel', self.upstream)
    with self.subTest('the wheel holds the same files as the release'):
      with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if n.startswith('optax/')}
      upstream = release.distribution(self.upstream)
      files = {str(x) for x in upstream.files if x.parts[0] == 'optax'}
      self.assertEqual(names, files)
    with self.subTest('it installs and works'):
      environment = self._environment()
      environment.install(wheel)
      installed, file = environment.use()
      self.assertEqual(installed, version.of_fork())
      self.assertIn(environment.site, file.parents)

  def test_the_metadata_is_upstream_s_and_the_checkout_stays(self):
    before = set(self.checkout.iterdir())
    wheel = environments.build(self.checkout, 'wheel', self.upstream)
    self.assertEqual({*self.checkout.iterdir()} - before, {wheel.parent})
    with zipfile.ZipFile(wheel) as archive:
      archive.extractall(self.folder / 'wheel')
    ours = release.distribution(self.folder / 'wheel').metadata
    theirs = release.distribution(self.upstream).metadata
    for field in ('Requires-Dist', 'Provides-Extra', 'Requires-Python'):
      plain = lambda data, field=field: sorted(
          line.replace(' ', '') for line in data.get_all(field)
      )
      self.assertEqual(plain(ours), plain(theirs), msg=field)
    self.assertEqual(ours['License-Expression'], 'Apache-2.0')

  @pytest.mark.slow
  def test_an_editable_install_survives_later_builds(self):
    environment = self._environment(self.upstream)
    environment.install('--editable', self.checkout)
    installed = environment.use()
    self.assertEqual(installed[0], version.of_fork())
    with self.subTest('used from the root of the repository'):
      self.assertEqual(environment.use(self.checkout), installed)
    with self.subTest('another release, elsewhere'):
      other = self._environment(release.fetched(_OTHER).root)
      other.install('--editable', self.checkout)
      self.assertEqual(other.use()[0], version.of_fork(_OTHER))
      self.assertEqual(environment.use(), installed)
    with self.subTest('a build that is refused'):
      self._refuse('adam: 1 is not 2')
      with self.assertRaisesRegex(AssertionError, 'graft: adam: 1 is not 2'):
        environments.build(
            self.checkout, 'editable', self.upstream, check=True
        )
      self.assertEqual(environment.use(), installed)

  def test_nothing_is_installed_that_does_not_follow_the_formulas(self):
    self._refuse('adam: 1 is not 2')
    environment = self._environment(self.upstream)
    setting = ('--config-settings', 'check=on')
    with self.assertRaisesRegex(AssertionError, 'graft: adam: 1 is not 2') as e:
      environment.install(self.checkout, *setting)
    self.assertNotIn('Traceback', str(e.exception))
    with self.assertRaisesRegex(AssertionError, "argument 'tf_style'"):
      environment.use()

  @pytest.mark.slow
  def test_refuses_to_merge_with_the_fork(self):
    environment = self._environment(self.upstream)
    environment.install(self.checkout)
    before = environment.use()
    with self.assertRaisesRegex(AssertionError, 'is this fork already'):
      environment.install(self.checkout)
    self.assertEqual(environment.use(), before)

  @pytest.mark.slow
  def test_a_setting_takes_another_release_into_a_fresh_environment(self):
    environment = environments.Environment(self.folder / 'fresh', borrow=False)
    setting = ('--config-settings', f'upstream={_OTHER}')
    environment.pip(self.checkout, *setting)
    self.assertEqual(environment.use()[0], version.of_fork(_OTHER))

  def test_the_repository_holds_no_package_that_hides_the_installed_one(self):
    self.assertFalse((package.REPOSITORY / 'optax' / '__init__.py').exists())


if __name__ == '__main__':
  absltest.main()
