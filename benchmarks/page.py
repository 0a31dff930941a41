"""The pages: tables, sentences and the figure, all from the kept results."""

from collections.abc import Sequence
import pathlib
import re
import textwrap

import numpy as np

from benchmarks import ratios
from benchmarks import results
from docs import pages

DOCS = pathlib.Path(pages.__file__).parent
FLOOR = 'floor: the bytes alone'
_COUNTED = {
    'bytes accessed': 'bytes moved',
    'temporary bytes': 'bytes of memory',
    'fusions': 'loops',
    'equations': 'equations traced',
}
_DESCRIBING = 6  # Columns, before those of ratios.

Rows = Sequence[results.Row]


def _number(text: str) -> str:
  return re.sub(r'\b\d{4,}\b', lambda digits: f'{int(digits[0]):,}', text)


def _arrays(row: results.Row) -> str:
  return '1 array' if row['arrays'] == '1' else f'{row["arrays"]} arrays'


def full(rows: Rows, width: int | None = None) -> str:
  """The first columns, or all, of a table."""
  columns = list(rows[0])[:width]
  lines = ([_number(row[name]) or 'none' for name in columns] for row in rows)
  return pages.table(columns, lines)


def added(row: results.Row, name: str) -> int:
  """What the flag adds to a count."""
  return int(row[name].partition('(')[2].rstrip(')'))


def counts_in_brief(counts: Rows) -> str:
  """The most that the flag adds in any program."""
  lines = [
      [words, f'{max(added(row, name) for row in counts):+}'.replace('+0', '0')]
      for name, words in _COUNTED.items()
  ]
  return pages.table(['counted', 'the flag adds'], lines)


def times_in_brief(times: Rows) -> str:
  """Adam in float32 and the first size: the flag, and the noise below it."""
  cells = {}
  for row in times:
    if (row['optimizer'], row['dtype']) == ('adam', 'float32'):
      cells.setdefault(row['what'], {}).setdefault(_arrays(row), row)
  lines = []
  for what, rows in cells.items():
    for name, words in (('flag', f'**{what}**'), ('default again', 'no flag')):
      found = [ratios.Ratio.parse(row[name]) for row in rows.values()]
      shown = [f'{r.value:.2f} ± {(r.high - r.low) / 2:.2f}' for r in found]
      lines.append([words, *shown])
  return pages.table(['time', *cells['jitted step']], lines)


def summary(words: str, times: Rows, name: str) -> str:
  """A line: the range of the ratios, and which are not the same."""
  found = [ratios.Ratio.parse(row[name]) for row in times]
  low, high = min(found).value, max(found).value
  line = f'- {words}: {low:.2f} to {high:.2f} times the default in'
  line += f' {len(found)} comparisons'
  for verdict in ('slower', 'faster'):
    named = [
        f'{row["what"]} of {row["optimizer"]}, {row["dtype"]}, {_arrays(row)}'
        for row, ratio in zip(times, found, strict=True)
        if ratio.verdict() == verdict
    ]
    listed = f'{len(named)} ({"; ".join(named)})' if named else 'none'
    every = len(named) == len(found)
    line += f', {verdict} in {"all" if every else listed}'
  return textwrap.fill(line, 80, subsequent_indent='  ')


def draw(times: Rows, path: pathlib.Path) -> None:
  """Draws Adam's largest steps in float32, a line for each contender."""
  import matplotlib.figure  # pylint: disable=import-outside-toplevel

  found = [row for row in times if row[FLOOR] and row['dtype'] == 'float32']
  rows = {_arrays(row): row for row in found}
  names = list(times[0])[_DESCRIBING:]
  names = [name for name in names if all(row[name] for row in rows.values())]
  matplotlib.rcParams.update({'font.size': 13, 'svg.hashsalt': 'cost'})
  figure = matplotlib.figure.Figure((5.6, 5.0), layout='constrained')
  axes = figure.subplots()
  for number, (label, row) in enumerate(rows.items()):
    places = [place + 0.3 * number - 0.15 for place in range(len(names))]
    value, low, high = np.transpose(
        [ratios.Ratio.parse(row[name]) for name in names]
    )
    style = {'fmt': 'os'[number], 'mfc': ('0', 'white')[number], 'ms': 8}
    spread = value - low, high - value
    axes.errorbar(value, places, xerr=spread, label=label, color='0', **style)
  axes.axvline(1, color='0', lw=1)
  axes.set_xscale('log', base=2)
  axes.xaxis.set_major_formatter('{x:g}')
  axes.set_yticks(range(len(names)), names)
  axes.invert_yaxis()
  axes.grid(axis='x', alpha=0.3)
  axes.set_xlabel("time / time of optax's default")
  axes.legend()
  figure.savefig(path, metadata={'Date': None})


def blocks() -> dict[str, dict[str, str]]:
  """What stands in the marked blocks of each page."""
  note, times = results.read(results.FOLDER / results.TIMES)
  _, counts = results.read(results.FOLDER / results.COUNTS)
  machine = textwrap.fill(f'{note}.', 80)
  lines = [
      summary(what, [row for row in times if row['what'] == what], 'flag')
      for what in dict.fromkeys(row['what'] for row in times)
  ]
  lines.append(summary('the default against itself', times, 'default again'))
  return {
      'cost.md': {
          'counts': counts_in_brief(counts),
          'times': times_in_brief(times),
          'all times': '\n'.join(lines),
          'machine': machine,
      },
      'cost_tables.md': {
          'counts': full(counts),
          'times': full(times, _DESCRIBING + 2),
          'peers': full([row for row in times if row[FLOOR]]),
          'machine': machine,
      },
  }


def fill() -> None:
  """Writes the blocks of both pages, and the figure."""
  for name, written in blocks().items():
    path = DOCS / name
    path.write_text(pages.fill(path.read_text('utf-8'), written), 'utf-8')
  _, times = results.read(results.FOLDER / results.TIMES)
  draw(times, DOCS / '_static' / 'cost.svg')
