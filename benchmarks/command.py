"""Measures what the flag costs, or fills the pages from what was measured."""

import argparse
import functools
import itertools

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
    'first call': functools.partial(steps.tracing, compiles=True),
}
PEERS = {
    page.FLOOR: ('jax', steps.floor),
    'Keras on JAX': ('jax', peers.keras_on_jax),
    'TensorFlow kernel': ('tensorflow', peers.tensorflow_kernel),
    'PyTorch, default': ('torch', peers.pytorch),
    'PyTorch, fused': ('torch', functools.partial(peers.pytorch, fused=True)),
}
"""The process that each lives in, and what makes its timer."""

Cell = tuple[str, str, str, str, int]
"""What is measured of which optimizer, dtype, tree and number of parameters."""


def cells(quick: bool) -> list[Cell]:
  """Adam in every dtype and size; the rest in one, some as one array only."""
  every = [
      ('counts', *cell, COUNTED)
      for cell in itertools.product(steps.OPTIMIZERS, DTYPES, trees.TREES)
  ]
  every += [
      ('jitted step', 'adam', *cell)
      for cell in itertools.product(DTYPES, trees.TREES, SIZES)
  ]
  every += [
      (what, name, 'float32', tree, SIZES[0])
      for what, name in itertools.product(TIMED, steps.OPTIMIZERS)
      for tree in trees.TREES
      if (what, name) != ('jitted step', 'adam')
      if tree == 'one array' or name in ('adam', 'amsgrad')
      if what != 'first call' or name == 'adam'
  ]
  smallest = ('adam', 'float32', 'one array')
  return [cell for cell in every if not quick or cell[1:4] == smallest]


def row_of(processes: ratios.Processes, cell: Cell, quick: bool) -> results.Row:
  """Counts the step of a cell, or compares everything that takes it."""
  what, optimizer, dtype, tree, size = cell
  shapes = trees.TREES[tree](size)
  row = {'optimizer': optimizer, 'dtype': dtype}
  row['arrays'] = f'{len(shapes)}'
  row['parameters'] = f'{trees.parameters(shapes)}'
  if what == 'counts':
    found = processes.run('jax', counts.compare, optimizer, shapes, dtype)
    return row | {name: f'{n} ({more:+})' for name, (n, more) in found.items()}
  default, flag = (
      ratios.Contender('jax', TIMED[what], (optimizer, shapes, dtype, on))
      for on in (False, True)
  )
  contenders = {'default': default, 'flag': flag, 'default again': default}
  if (what, optimizer) == ('jitted step', 'adam'):
    for name, (process, make) in PEERS.items():
      contenders[name] = ratios.Contender(process, make, (shapes, dtype))
  brief = len(shapes) == 1 and size == SIZES[0]
  builds, rounds = (3, 1) if quick else (12, 5) if brief else (6, 2)
  found = ratios.compare(processes, contenders, builds, rounds)
  row = {'what': what, **row, 'builds': f'{builds}'}
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
      name = results.COUNTS if cell[0] == 'counts' else results.TIMES
      tables[name].append(row)
  if not quick:
    for name, rows in tables.items():
      results.write(results.FOLDER / name, rows, note)


def main() -> None:
  """Runs the command line."""
  parser = argparse.ArgumentParser('python -m benchmarks', description=__doc__)
  choice = parser.add_mutually_exclusive_group()
  quick = 'the least, to see that it runs; keeps nothing'
  choice.add_argument('--quick', action='store_true', help=quick)
  fill = 'fill the pages and the figure from the results, measure nothing'
  choice.add_argument('--page', action='store_true', help=fill)
  options = parser.parse_args()
  if options.page:
    page.fill()
  else:
    run(options.quick)
