"""Markdown tables of the saved results, for docs/cost.md."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).with_name('cpu.jsonl')


def read(*columns: str) -> list[list[str]]:
  """The rows that have all of these columns."""
  rows = map(json.loads, RESULTS.read_text('utf-8').splitlines())
  return [[row[c] for c in columns] for row in rows if row.keys() >= {*columns}]


def table(*columns: str, flip: bool = False) -> str:
  """Those rows as a Markdown table; with `flip`, each row is a column."""
  lines = [columns, *read(*columns)]
  head, *body = zip(*lines, strict=True) if flip else lines
  lines = [head, ['---'] * len(head), *body]
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
