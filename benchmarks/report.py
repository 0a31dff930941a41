"""What a run found, as a table, as JSON, as a figure, and on a page."""

from collections.abc import Sequence
import dataclasses
import itertools
import json
import pathlib
import textwrap

import jax.numpy as jnp

from benchmarks import peers
from benchmarks import ratios
from benchmarks import trees
from docs import pages

Table = list[list[str]]

_COUNTS = (
    'flops',
    'transcendentals',
    'bytes accessed',
    'temporary bytes',
    'fusions',
    'array operations',
    'scalar operations',
)


def per_parameter(row: dict) -> float:
  """Numbers that the default step moves for each parameter."""
  accessed = row['counts']['default']['bytes accessed']
  return accessed / jnp.dtype(row['dtype']).itemsize / row['parameters']


def counts_table(rows: Sequence[dict]) -> Table:
  """The default's counts, and in brackets what the flag adds to them."""
  head = ['optimizer', 'dtype', 'arrays', 'parameters', *_COUNTS]
  table = [[*head, 'numbers moved a parameter']]
  for row in rows:
    default, difference = row['counts']['default'], row['counts']['difference']
    cells = [f'{default[key]:,} ({difference[key]:+,})' for key in _COUNTS]
    cells = [cell.replace('(+0)', '(0)') for cell in cells]
    table.append(
        [
            row['optimizer'],
            row['dtype'],
            f'{row["arrays"]:,}',
            f'{row["parameters"]:,}',
            *cells,
            f'{per_parameter(row):.2f}',
        ]
    )
  return table


def interval(measured: ratios.Ratio) -> str:
  """A ratio with its interval, as the tables have it."""
  low, high = measured.interval
  return f'{measured.median:.2f} [{low:.2f}, {high:.2f}]'


def quartiles(measured: ratios.Ratio) -> str:
  """The quartiles over the rounds."""
  low, high = measured.quartiles
  return f'{low:.2f} to {high:.2f}'


def ratios_table(rows: Sequence[dict]) -> Table:
  """The flag's ratio to the default, and the default's to itself."""
  table = [
      [
          'what',
          'optimizer',
          'dtype',
          'arrays',
          'parameters',
          'flag / default',
          'its quartiles',
          'default / default',
          'rounds',
          'above noise',
      ]
  ]
  for row in rows:
    if 'reason' in row:
      continue
    flag, again = row['epsilon_hat'], row['default again']
    table.append(
        [
            row['what'],
            row['optimizer'],
            row['dtype'],
            f'{row["arrays"]:,}' if row['arrays'] else '',
            f'{row["parameters"]:,}' if row['parameters'] else '',
            interval(flag),
            quartiles(flag),
            interval(again),
            str(flag.rounds),
            'yes' if ratios.above_noise(flag, again) else 'no',
        ]
    )
  return table


def peers_table(rows: Sequence[dict]) -> Table:
  """Each peer's time relative to the default step, in one tree and dtype."""
  names = [peer.name for peer in peers.PEERS]
  columns = [[f'{rows[0]["dtype"]}, {rows[0]["tree"]}', *names]]
  for row in rows:
    cells = []
    for name in names:
      measured = row['peers'].get(name)
      found = isinstance(measured, ratios.Ratio)
      cells.append(interval(measured) if found else 'none')
    columns.append([f'{row["parameters"]:,}', *cells])
  return [list(cells) for cells in zip(*columns, strict=True)]


def peers_tables(rows: Sequence[dict]) -> list[Table]:
  """A table for each tree and dtype."""
  groups = itertools.groupby(rows, lambda row: (row['tree'], row['dtype']))
  return [peers_table(list(group)) for _, group in groups]


def reasons(rows: Sequence[dict]) -> list[str]:
  """Why something was not run, each reason once."""
  found = {f'{row["what"]}: {row["reason"]}' for row in rows if 'reason' in row}
  found |= {
      f'{name}: {measured}'
      for row in rows
      for name, measured in row.get('peers', {}).items()
      if isinstance(measured, str)
  }
  return sorted(found)


def tables(results: dict) -> dict[str, list[Table]]:
  """The tables of what was run, by section."""
  made = {
      'counts': lambda rows: [counts_table(rows)],
      'ratios': lambda rows: [ratios_table(rows)],
      'peers': peers_tables,
  }
  return {
      section: make(results[section])
      for section, make in made.items()
      if results.get(section)
  }


def plain(table: Table) -> str:
  """A table for the terminal."""
  widths = [max(map(len, column)) for column in zip(*table, strict=True)]
  return '\n'.join(
      '  '.join(
          cell.ljust(width) for cell, width in zip(row, widths, strict=True)
      ).rstrip()
      for row in table
  )


def machine(results: dict) -> str:
  """Where and with what a run was made, in a sentence."""
  facts = results['machine']
  versions = ', '.join(results['versions'])
  load = facts['load']
  return (
      f'{facts["device"]}, {facts["cores"]} cores, load average'
      f' {load["before"]:.1f} before the run and {load["after"]:.1f} after it;'
      f' {versions}.'
  )


def to_json(results: dict) -> str:
  """The results, every ratio with its spread."""
  return json.dumps(results, default=dataclasses.asdict, indent=1) + '\n'


def of_one_size(rows: Sequence[dict]) -> list[dict]:
  """The rows of the typical size, or of the largest below it."""
  size = max(row['size'] for row in rows if row['size'] <= trees.TYPICAL)
  return [row for row in rows if row['size'] == size]


def fill(page: pathlib.Path, results: dict) -> None:
  """Writes the tables into the blocks that a page has for them.

  Args:
    page: Markdown with a block for each section, and one named ``machine``.
    results: What a run found.
  """
  shown = dict(results)
  if shown.get('counts'):
    shown['counts'] = of_one_size(shown['counts'])
  blocks = {
      section: '\n\n'.join(pages.table(head, rows) for head, *rows in made)
      for section, made in tables(shown).items()
  }
  for section in blocks:
    if missing := reasons(shown[section]):
      listed = '\n'.join(f'- {reason}' for reason in missing)
      blocks[section] += f'\n\nNot run:\n\n{listed}'
  blocks['machine'] = textwrap.fill(machine(results), 80)
  page.write_text(pages.fill(page.read_text(), blocks))
