"""The guide shows what was run, and the figures of the page of figures."""

import re

from absl.testing import absltest
from absl.testing import parameterized

from docs import pages
from tests.parity import measure
from tests.parity import rows
from tests.parity import tables


def _figures(table):
  """Returns a figure of no meaning for every column of a table."""
  return [
      measure.Figure(row.name, backend, dtype, 0, 0.1, 0.1, row.other and 0.1)
      for row in table
      for backend in (
          ('jax', 'tensorflow') if row.framework == 'keras' else ('',)
      )
      for dtype in measure.DTYPES
  ]


def _gaps():
  return [
      measure.Figure(
          row.name, measure.backend_of(row), 'float64', 0, 0.1, 0.1,
          0.1 if row.other else None,
      )
      for row in rows.GAPS
  ]


class PageTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.guide = tables.GUIDE.read_text('utf-8')
    self.figures = tables.FIGURES.read_text('utf-8')

  def test_show_what_was_run(self):
    tables_ = rows.TENSORFLOW, rows.KERAS, rows.TORCH
    figures = [*map(_figures, tables_), _gaps()]
    halves = [
        measure.Figure(row.name, '', dtype, setting, 0.1, 0.1, 0.1)
        for row in rows.HALVES
        for dtype, setting in rows.HALF_SETTINGS
    ]
    for page, blocks in (
        (self.guide, tables.of_guide(*figures)),
        (self.figures, tables.of_figures(*figures, halves)),
    ):
      for name, text in blocks.items():
        with self.subTest(name):
          shown = tables.blank(pages.read(page, name))
          self.assertEqual(shown, tables.blank(text))

  def test_a_changed_call_is_noticed(self):
    shown = pages.read(self.guide, 'keras')
    changed = shown.replace('eps=1e-7', 'eps=1e-8')
    self.assertNotEqual(tables.blank(shown), tables.blank(changed))

  def test_every_row_is_shown(self):
    for row in rows.ROWS:
      if row.shown:
        self.assertIn(row.write, self.guide)
        self.assertIn(row.had, self.guide)

  def test_the_guide_has_the_figures_of_the_other_page(self):
    shown = dict(
        re.findall(
            r'^### (.*?)\n.*?deviation of (\S+),', self.guide, re.DOTALL | re.M
        )
    )
    for name in ('tensorflow', 'keras', 'torch'):
      block = pages.read(self.figures, name).splitlines()[2:]
      full = {line.split(' | ')[0][2:]: line.split(' | ')[1] for line in block}
      prefix = [n for n in (name, f'{name}-schedules', f'{name}-others')
                if f'<!-- {n} -->' in self.guide]
      lines = [
          line for n in prefix
          for line in pages.read(self.guide, n).splitlines()[2:]
      ]
      for line in lines:
        had, _, apart = line.strip('| ').rsplit(' | ', 2)
        self.assertEqual(full[had].split(' of ')[0], apart)
      for row in {'tensorflow': rows.TENSORFLOW, 'keras': rows.KERAS,
                  'torch': rows.TORCH}[name]:
        if row.title and row.shown:
          self.assertEqual(full[row.title].split(' of ')[0], shown[row.title])

  def test_begin_with_their_only_title(self):
    for page in (self.guide, self.figures):
      text = re.sub('```.*?```', '', page, flags=re.DOTALL)
      titles = [line for line in text.splitlines() if line[:2] == '# ']
      self.assertLen(titles, 1)
      self.assertTrue(page.startswith(titles[0]))


if __name__ == '__main__':
  absltest.main()
