"""Prints the figures of the porting guide, or writes them to its pages.

python -m tests.parity            measure everything and print the blocks
python -m tests.parity --write    put them into the guide and its figures
"""

import argparse

from docs import pages
from tests.parity import measure
from tests.parity import rows
from tests.parity import tables


def figures_of_all():
  """Measures everything."""
  tables_ = (rows.TENSORFLOW, rows.KERAS, rows.TORCH)
  tensorflow, keras, torch = map(measure.measure_all, tables_)
  keras += measure.measure_keras_on_tensorflow()
  gaps = measure.measure_all(rows.GAPS, ('float64',))
  return tensorflow, keras, torch, gaps


def blocks(figures, halves):
  """Returns the blocks of each page."""
  return {
      tables.GUIDE: {**tables.of_guide(*figures), 'defaults': tables.defaults()},
      tables.FIGURES: {
          **tables.of_figures(*figures, halves),
          'versions': tables.versions(),
      },
  }


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter
  )
  parser.add_argument('--write', action='store_true')
  args = parser.parse_args()
  made = blocks(figures_of_all(), measure.measure_halves())
  for path, texts in made.items():
    if args.write:
      page = pages.fill(path.read_text('utf-8'), texts)
      path.write_text(page, 'utf-8')
    else:
      for name, text in texts.items():
        print(f'{name}\n\n{text}\n')


if __name__ == '__main__':
  main()
