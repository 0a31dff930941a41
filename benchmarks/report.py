"""Tables of the kept results, in Markdown, for the page about costs."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).with_name('cpu.jsonl')


def read(*columns: str) -> list[list[str]]:
  """The rows that have all of these columns."""
  rows = map(json.loads, RESULTS.read_text('utf-8').splitlines())
  return [[row[c] for c in columns] for row in rows if row.keys() >= {*columns}]


def table(*columns: str, flip: bool = False) -> str:
  """Those rows in Markdown; flipped, each row is a column."""
  lines = [columns, *read(*columns)]
  head, *body = zip(*lines, strict=True) if flip else lines
  lines = [head, ['---'] * len(head), *body]
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
