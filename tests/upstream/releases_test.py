"""The sparse files merge with every release, and match the formulas."""

import pathlib
import re
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from graft import package
from graft import release
from graft import since
from graft import version
from graft.errors import GraftError

# The functions that get the flag, as in docs/install.md.
_ADAM = 'scale_by_adam, adam, adamw, nadam, nadamw'
_ALL = 'scale_by_adam, scale_by_amsgrad, adam, adamw, nadam, nadamw, amsgrad'
_RELEASES = {
    '0.2.0': _ADAM,
    '0.2.1': _ADAM,
    '0.2.2': _ADAM,
    '0.2.3': _ADAM,
    '0.2.4': _ADAM,
    '0.2.5': _ADAM,
    '0.2.6': _ADAM,
    '0.2.7': _ALL,
    '0.2.8': _ALL,
}
_DO_NOT_IMPORT = ('0.2.7',)  # On JAX 0.10, with the flag or without.


@pytest.mark.network
class ReleasesTest(parameterized.TestCase):

  @parameterized.parameters(*_RELEASES)
  def test_merges_and_follows_the_formulas(self, number):
    upstream = release.fetched(number)
    with tempfile.TemporaryDirectory() as folder:
      try:
        found = package.write_checked_tree(upstream, pathlib.Path(folder))
      except GraftError as error:
        if number not in _DO_NOT_IMPORT:
          raise
        self.assertIn(f'optax {number} does not import here', str(error))
      else:
        self.assertEqual(found, f'{_RELEASES[number]} follow the formulas')

  def test_an_older_release_is_refused(self):
    upstream = release.fetched(version.UPSTREAM)
    older = package.Upstream(upstream.root, '0.1.9')
    with self.assertRaisesRegex(GraftError, '0.1.9 is older than 0.2.0; copy'):
      package.grafted(older)

  def test_lists_every_release(self):
    """A release that is newer than the pinned one may be missing."""
    command = [sys.executable, '-m', 'pip', 'index', 'versions', 'optax']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = re.search(r'Available versions: (.*)', done.stdout)[1].split(', ')
    first, newest = version.OLDEST, version.UPSTREAM
    supported = [
        x
        for x in listed
        if since.is_since(x, first) and since.is_since(newest, x)
    ]
    self.assertCountEqual(supported, _RELEASES)


if __name__ == '__main__':
  absltest.main()
