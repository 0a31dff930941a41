"""Tables of the kept results, in Markdown, for the page about costs."""

from collections.abc import Callable, Sequence
import json
import pathlib

RESULTS = pathlib.Path(__file__).with_name('cpu.jsonl')


def table(keep: Callable, columns: Sequence[str], flip: bool = False) -> str:
  """Some columns of the rows to keep; flipped, each row is a column."""
  rows = map(json.loads, RESULTS.read_text('utf-8').splitlines())
  lines = [columns]
  lines += [[row[name] for name in columns] for row in rows if keep(row)]
  head, *body = zip(*lines, strict=True) if flip else lines
  lines = [head, ['---'] * len(head), *body]
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
