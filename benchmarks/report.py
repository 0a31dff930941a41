"""Markdown tables of the saved results, for docs/cost.md."""

from collections.abc import Sequence
import json
import pathlib

FOLDER = pathlib.Path(__file__).parent


def read() -> list[dict[str, str]]:
  """The rows measured on the CPU and on the GPU."""
  rows = []
  for name in ('cpu.jsonl', 'gpu.jsonl'):
    lines = (FOLDER / name).read_text('utf-8').splitlines()
    rows += [json.loads(line) for line in lines]
  return rows


def _table_row(cells: Sequence[str]) -> str:
  return f'| {" | ".join(cells)} |'


def table(*columns: str) -> str:
  """A Markdown table of the rows that have the last column."""
  lines = [_table_row(columns), _table_row(['---'] * len(columns))]
  for row in read():
    if columns[-1] in row:
      cells = [row.get(name, 'not run') for name in columns]
      lines.append(_table_row(cells))
  return '\n'.join(lines)
