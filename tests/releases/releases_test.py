"""The sparse files fit every release, and the flag holds on each.

The page says what was found when it was written, and with which jax. A release
or a jax that is newer than the page is a warning; a page that is wrong about
what it names is a failure.
"""

import tempfile
import warnings

from absl.testing import absltest
from absl.testing import parameterized
from packaging import version
import pytest

from graft import notation
from graft import release
from tests.releases import __main__ as page
from tests.releases import survey

pytestmark = pytest.mark.network


def cells(table):
  """A table's rows, the rule left out, each as a list of cells."""
  head, _, *rows = table.splitlines()
  return [row.strip('| ').split(' | ') for row in (head, *rows)]


def unlisted(listed, described):
  """The releases that a page leaves out, and those that are newer than it."""
  newest = max(described, key=version.Version)
  missing = [v for v in listed if v not in described]
  newer = [v for v in missing if notation.is_since(v, newest)]
  return [v for v in missing if v not in newer], newer


def differences(written, found):
  """Where two tables differ in what does not depend on rounding, or on jax."""
  written, found = cells(written), cells(found)
  # The last column is a figure, the one before it is of the jax in its head.
  kept = 4 if written[0] == found[0] else 3
  return [
      (old[:kept], new[:kept])
      for old, new in zip(written[1:], found[1:], strict=True)
      if old[:kept] != new[:kept]
  ]


class ReleasesTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.described = [row[0] for row in cells(page.written())[1:]]
    cls.findings = list(map(survey.examine, cls.described))
    cls.probed = [f for f in cls.findings if f.probed]

  def test_the_page_describes_every_release_there_was(self):
    self.assertEqual(self.described[0], survey.FIRST)
    self.assertIn(release.UPSTREAM, self.described)
    missing, newer = unlisted(survey.listed(), self.described)
    self.assertEmpty(missing)
    for found in map(survey.examine, newer):
      warnings.warn(
          f'optax {found.version} is newer than docs/releases.md; grafts:'
          f' {found.refusal or "yes"}; run python -m tests.releases --write',
          stacklevel=1,
      )

  def test_the_page_says_what_is_found(self):
    found = page.table(self.findings)
    self.assertEmpty(differences(page.written(), found))
    written, here = (cells(table)[0][3] for table in (page.written(), found))
    if written != here:
      warnings.warn(f'docs/releases.md: {written}; here: {here}', stacklevel=1)

  def test_the_sparse_files_fit_and_only_add(self):
    for finding in self.findings:
      with self.subTest(finding.version):
        self.assertEmpty(finding.refusal)
        self.assertTrue(finding.only_adds)

  def test_what_runs_as_released_runs_with_the_flag(self):
    for finding in self.findings:
      with self.subTest(finding.version):
        if finding.upstream_works:
          self.assertEmpty(finding.problem)

  def test_the_flag_follows_the_formula(self):
    self.assertIn(release.UPSTREAM, [f.version for f in self.probed])
    for finding in self.probed:
      with self.subTest(finding.version):
        self.assertStartsWith(finding.probed['file'], tempfile.gettempdir())
        for name, found in finding.probed['deviations'].items():
          self.assertLessEqual(found['of_bound'], 1, msg=name)
        flagged = [k for k in finding.probed['deviations'] if 'True' in k]
        self.assertNotEmpty(flagged)

  @parameterized.parameters(
      ('adam', '0.1.7'),
      ('adamw', '0.1.7'),
      ('nadam', '0.1.9'),
      ('nadamw', '0.1.9'),
      ('amsgrad', '0.2.7'),
  )
  def test_takes_the_flag_since(self, name, first):
    for finding in self.findings:
      with self.subTest(finding.version):
        expected = notation.is_since(finding.version, first)
        self.assertEqual(name in finding.in_text, expected)

  def test_what_takes_the_flag_by_its_text_does(self):
    self.assertNotEmpty(self.probed)
    for finding in self.probed:
      with self.subTest(finding.version):
        names = finding.probed['take_the_flag']
        self.assertCountEqual(names, finding.in_text)


class PageTest(absltest.TestCase):
  """What is a warning and what a failure."""

  def test_a_new_release_is_told_from_one_that_was_left_out(self):
    self.assertEqual(
        unlisted(['0.2.7', '0.2.8', '0.2.10'], ['0.2.8']),
        (['0.2.7'], ['0.2.10']),
    )

  def test_another_jax_is_told_from_a_stale_page(self):
    table = '| a | b | takes | runs on 1 | error |\n|\n| 2 | yes | x | no | 1 |'
    self.assertEmpty(differences(table, table.replace('1 |', '9 |')))
    other = table.replace('no', 'yes')
    self.assertNotEmpty(differences(table, other))
    self.assertEmpty(differences(table, other.replace('on 1', 'on 2')))
    self.assertNotEmpty(differences(table, table.replace('x', 'y')))

  def test_what_is_lost_is_noticed(self):
    self.assertTrue(survey.only_adds('f(a)\nb', 'if x:\n  f(a, b)\nb'))
    for other in ('b f(a)', 'f()\nb', 'f(a)'):
      self.assertFalse(survey.only_adds('f(a)\nb', other))


if __name__ == '__main__':
  absltest.main()
