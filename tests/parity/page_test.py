"""The guide shows what was run, and the figures of the page of figures."""

import re

from absl.testing import absltest
from absl.testing import parameterized

from docs import pages
from tests.parity import measure
from tests.parity import rows
from tests.parity import tables


def _figures(table, dtypes=measure.DTYPES, keras=('jax', 'tensorflow')):
  """Returns a figure of no meaning for every column of a table."""
  return [
      measure.Figure(row.name, backend, dtype, 0, 0.1, 0.1, other)
      for row in table
      for other in [0.1 if row.other else None]
      for backend in (keras if row.framework == 'keras' else ('',))
      for dtype in dtypes
  ]


class PageTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.guide = tables.GUIDE.read_text('utf-8')
    self.figures = tables.FIGURES.read_text('utf-8')

  def test_show_what_was_run(self):
    figures = [*map(_figures, (rows.TENSORFLOW, rows.KERAS, rows.TORCH))]
    figures.append(_figures(rows.GAPS, ('float64',), ('jax',)))
    halves = [
        measure.Figure(row.name, '', dtype, setting, 0.1, 0.1, 0.1)
        for row in rows.HALVES
        for dtype, setting in rows.HALF_SETTINGS
    ]
    guide = tables.fill_guide(self.guide, *figures)
    page = tables.fill_figures(self.figures, *figures[:3], halves)
    self.assertEqual(tables.blank(guide), tables.blank(self.guide))
    self.assertEqual(tables.blank(page), tables.blank(self.figures))

  def test_a_changed_call_is_noticed(self):
    changed = self.guide.replace('eps=1e-7', 'eps=1e-8')
    self.assertNotEqual(tables.blank(changed), tables.blank(self.guide))

  def test_the_guide_has_the_figures_of_the_other_page(self):
    for name, parts, table in (
        ('tensorflow', [''], rows.TENSORFLOW),
        ('keras', ['', '-schedules', '-others'], rows.KERAS),
        ('torch', ['', '-schedules'], rows.TORCH),
    ):
      shown = {}
      for part in parts:
        for line in pages.read(self.guide, name + part).splitlines()[2:]:
          had, _, shown[had] = line.strip('| ').rsplit(' | ', 2)
      for row in table:
        if row.title and row.shown:
          text = self.guide.split(f'\n### {row.title}\n')[1]
          (shown[row.name],) = re.findall(r'deviation of (\S+),', text)[:1]
      full = pages.read(self.figures, name).splitlines()[2:]
      full = dict(line.strip('| ').split(' | ')[:2] for line in full)
      for row in table:
        if row.shown:
          self.assertEqual(full[row.name].split(' of ')[0], shown[row.name])

  def test_begin_with_their_only_title(self):
    for page in (self.guide, self.figures):
      text = re.sub('```.*?```', '', page, flags=re.DOTALL)
      titles = [line for line in text.splitlines() if line[:2] == '# ']
      self.assertLen(titles, 1)
      self.assertTrue(page.startswith(titles[0]))


if __name__ == '__main__':
  absltest.main()
