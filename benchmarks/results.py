"""The results as they are kept: two tables that a person can read."""

from collections.abc import Mapping, Sequence
import contextlib
import csv
from importlib import metadata
import os
import pathlib
import platform
import re

FOLDER = pathlib.Path(__file__).resolve().parent / 'results'
TIMES = 'cpu.csv'
COUNTS = 'cpu_counts.csv'

Row = Mapping[str, str]


def machine() -> str:
  """Where and with what a run is made, and how busy it is there, in a line."""
  cpuinfo = pathlib.Path('/proc/cpuinfo')
  text = cpuinfo.read_text('utf-8') if cpuinfo.exists() else ''
  model = re.search(r'model name\s*: (.+)', text)
  facts = [model[1] if model else platform.machine(), f'{os.cpu_count()} cores']
  facts.append(f'load average {os.getloadavg()[0]:.1f} when the run began')
  for name in ('optax', 'jax', 'keras', 'tensorflow', 'torch'):
    with contextlib.suppress(metadata.PackageNotFoundError):
      facts.append(f'{name} {metadata.version(name)}')
  return ', '.join(facts)


def write(path: pathlib.Path, rows: Sequence[Row], note: str) -> None:
  """Writes rows, all of the same columns, below a line with a note."""
  with path.open('w', newline='', encoding='utf-8') as file:
    file.write(f'# {note}\n')
    writer = csv.DictWriter(file, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def read(path: pathlib.Path) -> tuple[str, list[Row]]:
  """The note and the rows that `write` wrote."""
  note, *lines = path.read_text('utf-8').splitlines()
  return note.removeprefix('# '), list(csv.DictReader(lines))
