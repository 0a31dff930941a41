"""The sparse files merge with every release, and match the formulas."""

import pathlib
import re
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import jax
import pytest

from graft import formula
from graft import package
from graft import release
from graft import since
from graft import version
from graft.errors import GraftError

_RELEASES = (
    '0.2.0',
    '0.2.1',
    '0.2.2',
    '0.2.3',
    '0.2.4',
    '0.2.5',
    '0.2.6',
    '0.2.7',
    '0.2.8',
)


def _merge_and_check(number: str) -> str:
  """Returns what the check says of the fork of a release."""
  upstream = release.fetched(number)
  with tempfile.TemporaryDirectory() as folder:
    return package.write_checked_tree(upstream, pathlib.Path(folder))


def _list_published() -> list[str]:
  """Returns the releases of optax on the package index."""
  command = [sys.executable, '-m', 'pip', 'index', 'versions', 'optax']
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  return re.search(r'Available versions: (.*)', done.stdout)[1].split(', ')


@pytest.mark.network
class ReleasesTest(parameterized.TestCase):

  @parameterized.named_parameters((number, number) for number in _RELEASES)
  def test_merges_and_follows_the_formulas(self, number):
    if number == '0.2.7' and since.is_since(jax.__version__, '0.10'):
      # Upstream's own release does not import there.
      with self.assertRaisesRegex(GraftError, '0.2.7 does not import here'):
        _merge_and_check(number)
      return
    names = [
        name
        for name, function in formula.FUNCTIONS.items()
        if since.is_since(number, function.since)
    ]
    found = _merge_and_check(number)
    self.assertEqual(found, f'{", ".join(names)} follow the formulas')

  def test_an_older_release_is_refused(self):
    upstream = release.fetched(version.UPSTREAM)
    older = package.Upstream(upstream.root, '0.1.9')
    with self.assertRaisesRegex(GraftError, '0.1.9 is older than 0.2.0; copy'):
      package.grafted(older)

  def test_every_release_up_to_the_pinned_one_is_tested(self):
    supported = [
        number
        for number in _list_published()
        if since.is_since(number, version.OLDEST)
        and since.is_since(version.UPSTREAM, number)
    ]
    self.assertIn(version.UPSTREAM, supported)
    missing = set(supported).difference(_RELEASES)
    self.assertEmpty(missing, 'add these to _RELEASES and docs/install.md')


if __name__ == '__main__':
  absltest.main()
