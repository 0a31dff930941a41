"""The sparse files merge with every release, and match the formulas."""

import pathlib
import re
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from graft import notation
from graft import package
from graft import release
from graft import version
from graft.errors import GraftError

_ADAM = 'scale_by_adam, adam, adamw'
_NADAM = f'{_ADAM}, nadam, nadamw'
_AMSGRAD = 'scale_by_adam, scale_by_amsgrad, adam, adamw'
_AMSGRAD += ', nadam, nadamw, amsgrad'
# The functions that get the flag, as in docs/install.md.
_RELEASES = {
    **dict.fromkeys(('0.1.7', '0.1.8'), _ADAM),
    **dict.fromkeys(('0.1.9', '0.2.0', '0.2.1', '0.2.2', '0.2.3'), _NADAM),
    **dict.fromkeys(('0.2.4', '0.2.5', '0.2.6'), _NADAM),
    **dict.fromkeys(('0.2.7', '0.2.8'), _AMSGRAD),
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

  def test_lists_every_release(self):
    """A release that is newer than the pinned one may be missing."""
    command = [sys.executable, '-m', 'pip', 'index', 'versions', 'optax']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = re.search(r'Available versions: (.*)', done.stdout)[1].split(', ')
    newest = version.UPSTREAM
    is_since = notation.is_since
    listed = [x for x in listed if is_since(x, '0.1.7') and is_since(newest, x)]
    self.assertCountEqual(listed, _RELEASES)


if __name__ == '__main__':
  absltest.main()
