"""Markdown tables of the saved results, for docs/cost.md."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).parent


def read() -> list[dict[str, str]]:
  """The rows measured on the CPU and on the GPU."""
  files = FOLDER / 'cpu.jsonl', FOLDER / 'gpu.jsonl'
  text = ''.join(file.read_text('utf-8') for file in files)
  return [json.loads(line) for line in text.splitlines()]


def table(*columns: str) -> str:
  """A Markdown table of the rows that have the last column."""
  rows = [row for row in read() if columns[-1] in row]
  lines = [columns, ['---'] * len(columns)]
  lines += [[row.get(name, 'not run') for name in columns] for row in rows]
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
