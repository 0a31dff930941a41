"""Prints the figures of the porting guide, or writes them to its page.

python -m tests.parity                 print the tables
python -m tests.parity --write         put them into docs/porting.md
python -m tests.parity --only torch    measure some of the tables only
"""

import argparse

from docs import pages
from tests.parity import measure
from tests.parity import rows
from tests.parity import tables


def _matches(head, table):
  return lambda: tables.matches(head, table, measure.measure_all(table))


def _keras():
  figures = measure.measure_all(rows.KERAS) + measure.on_tensorflow()
  return tables.matches('Keras', rows.KERAS, figures)


# What makes each block of the page.
BLOCKS = {
    'versions': tables.versions,
    'tensorflow': _matches('TensorFlow', rows.TENSORFLOW),
    'keras': _keras,
    'torch': _matches('PyTorch', rows.TORCH),
    'defaults': tables.defaults,
    'gaps': lambda: tables.gaps(measure.measure_all(rows.GAPS, ('float64',))),
    'halves': lambda: tables.halves(measure.measure_halves()),
}


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter
  )
  parser.add_argument('--write', action='store_true')
  parser.add_argument('--only', nargs='+', choices=BLOCKS, default=BLOCKS)
  parser.add_argument('--keras-json', help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.keras_json:
    measure.write_keras(args.keras_json)
    return
  for name in args.only:
    text = BLOCKS[name]()
    if args.write:
      page = tables.PAGE.read_text(encoding='utf-8')
      page = pages.fill(page, {name: text})
      tables.PAGE.write_text(page, encoding='utf-8')
    else:
      print(f'{name}\n\n{text}\n')


if __name__ == '__main__':
  main()
