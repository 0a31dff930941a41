"""The command line, and what a run compares."""

import argparse
import itertools
from typing import NamedTuple

from benchmarks import counts
from benchmarks import page
from benchmarks import peers
from benchmarks import ratios
from benchmarks import results
from benchmarks import steps
from benchmarks import trees

DTYPES = ('float32', 'bfloat16')
SIZES = (10**6, 10**7)
COUNTED = 10**5
"""Parameters in the steps that are counted, few enough for exact flops."""

TIMED = {
    'jitted step': steps.jitted,
    'eager step': steps.eager,
    'tracing': steps.tracing,
}
PEERS = {
    page.FLOOR: ('jax', steps.floor),
    'Keras on JAX': ('jax', peers.keras_on_jax),
    'TensorFlow kernel': ('tensorflow', peers.tensorflow_kernel),
    'PyTorch, default': ('torch', peers.pytorch),
    'PyTorch, fused': ('torch', peers.pytorch_fused),
}
"""The process that each lives in, and what makes its timer."""


class Cell(NamedTuple):
  """What is counted or compared: a row of the results."""

  what: str
  optimizer: str
  dtype: str
  tree: str
  size: int


def cells(quick: bool) -> list[Cell]:
  """Adam in every dtype and size; the rest in float32 and one size."""
  every = [
      Cell('counts', *cell, COUNTED)
      for cell in itertools.product(steps.OPTIMIZERS, DTYPES, trees.TREES)
  ]
  every += [
      Cell('jitted step', 'adam', *cell)
      for cell in itertools.product(DTYPES, trees.TREES, SIZES)
  ]
  every += [
      Cell(what, name, 'float32', tree, SIZES[0])
      for what, name, tree in itertools.product(
          TIMED, steps.OPTIMIZERS, trees.TREES
      )
      if (what, name) != ('jitted step', 'adam')
  ]
  smallest = ('adam', 'float32', 'one array')
  return [cell for cell in every if not quick or cell[1:4] == smallest]


def row_of(processes: ratios.Processes, cell: Cell, quick: bool) -> results.Row:
  """Counts the step of a cell, or compares everything that does it."""
  shapes = trees.TREES[cell.tree](cell.size)
  row = {
      'what': cell.what,
      'optimizer': cell.optimizer,
      'dtype': cell.dtype,
      'arrays': f'{len(shapes)}',
      'parameters': f'{trees.parameters(shapes)}',
  }
  arguments = cell.optimizer, shapes, cell.dtype
  if cell.what == 'counts':
    found = processes.run('jax', counts.compare, *arguments)
    return row | {name: f'{n} ({more:+})' for name, (n, more) in found.items()}
  # What has many arrays takes longer to build.
  effort = (3, 1) if quick else (12, 7) if len(shapes) == 1 else (6, 5)
  default, flag = (
      ratios.Contender('jax', TIMED[cell.what], (*arguments, epsilon_hat))
      for epsilon_hat in (False, True)
  )
  contenders = {'default': default, 'flag': flag, 'default again': default}
  if (cell.what, cell.optimizer) == ('jitted step', 'adam'):
    contenders |= {
        name: ratios.Contender(process, make, arguments[1:])
        for name, (process, make) in PEERS.items()
    }
  found = ratios.compare(processes, contenders, *effort)
  row['builds'] = f'{effort[0]}'
  columns = 'flag', 'default again', *PEERS
  return row | {name: str(found.get(name, '')) for name in columns}


def run(quick: bool) -> None:
  """Prints every row as it comes, and keeps them unless it is quick."""
  note = results.machine()
  tables = {results.COUNTS: [], results.TIMES: []}
  with ratios.Processes() as processes:
    for cell in cells(quick):
      row = row_of(processes, cell, quick)
      print(', '.join(filter(None, row.values())), flush=True)
      name = results.COUNTS if cell.what == 'counts' else results.TIMES
      tables[name].append(row)
  if not quick:
    for name, rows in tables.items():
      results.write(results.FOLDER / name, rows, note)


def main() -> None:
  """Runs the command line."""
  parser = argparse.ArgumentParser(
      prog='python -m benchmarks',
      description='Measures what the flag costs, in some ten minutes.',
  )
  choice = parser.add_mutually_exclusive_group()
  choice.add_argument(
      '--quick',
      action='store_true',
      help='the least, to see that it runs; keeps nothing',
  )
  choice.add_argument(
      '--page',
      action='store_true',
      help='measure nothing: fill the pages and the figure from the results',
  )
  options = parser.parse_args()
  if options.page:
    page.fill()
  else:
    run(options.quick)
