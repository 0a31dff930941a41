"""Measures everything and prints the porting guide and its page of figures.

python -m tests.parity --write puts the figures into the two pages.
"""

import argparse

from docs import pages
from tests.parity import measure
from tests.parity import rows
from tests.parity import tables


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--write', action='store_true')
  write = parser.parse_args().write

  figures = [
      measure.measure_all(table)
      for table in (rows.TENSORFLOW, rows.KERAS, rows.TORCH)
  ]
  figures[1] += measure.measure_keras_on_tensorflow()
  figures.append(measure.measure_all(rows.GAPS, ('float64',)))

  guide = tables.GUIDE.read_text('utf-8')
  guide = tables.fill_guide(guide, *figures)
  blocks = dict(defaults=tables.defaults(), relu=tables.drifts())
  guide = pages.fill(guide, blocks)

  page = tables.FIGURES.read_text('utf-8')
  page = tables.fill_figures(page, *figures[:3], measure.measure_halves())
  page = pages.fill(page, dict(versions=tables.versions()))

  for path, text in ((tables.GUIDE, guide), (tables.FIGURES, page)):
    if write:
      path.write_text(text, 'utf-8')
    else:
      print(text)


if __name__ == '__main__':
  main()
