"""The command line: ``python -m benchmarks``."""

import argparse
from collections.abc import Callable, Iterator
import itertools
import os
import pathlib
import platform
import re

import jax
import optax
import tqdm

from benchmarks import counts
from benchmarks import flag
from benchmarks import peers
from benchmarks import ratios
from benchmarks import report
from benchmarks import steps
from benchmarks import trees
from benchmarks.frameworks import jax as on_jax
from graft import errors
from graft import release

SECTIONS = ('counts', 'ratios', 'peers')
SIZES = tuple(10**exponent for exponent in range(3, 9))
DTYPES = ('float32', 'bfloat16')

Job = tuple[str, str, Callable[[], dict]]
"""The section, what the progress bar says, and what makes the row."""


def device_name() -> str:
  """The name of the device that JAX runs on."""
  device = jax.devices()[0]
  cpuinfo = pathlib.Path('/proc/cpuinfo')
  if device.platform == 'cpu' and cpuinfo.exists():
    found = re.search(r'model name\s*: (.+)', cpuinfo.read_text())
    if found and found[1] != 'unknown':
      return found[1]
  if device.platform == 'cpu':
    return platform.processor() or platform.machine()
  return device.device_kind


def _cell(name: str, tree: str, size: int, dtype: str) -> dict:
  shapes = trees.TREES[tree](size)
  return {
      'optimizer': name,
      'dtype': dtype,
      'tree': tree,
      'size': size,
      'arrays': len(shapes),
      'parameters': trees.parameters(shapes),
  }


def count_jobs(sizes: tuple[int, ...]) -> Iterator[Job]:
  """Every optimizer in every tree, size and dtype."""
  for tree, size, name, dtype in itertools.product(
      trees.TREES, sizes, steps.OPTIMIZERS, DTYPES
  ):

    def row(tree=tree, size=size, name=name, dtype=dtype):
      found = counts.compare(name, trees.TREES[tree](size), dtype)
      return _cell(name, tree, size, dtype) | {'counts': found}

    yield 'counts', f'{name}, {tree}, {size:,} {dtype}', row


def ratio_jobs(sizes: tuple[int, ...], effort: ratios.Effort) -> Iterator[Job]:
  """Adam's jitted step in every size and dtype; the rest in one of them."""
  size = min(trees.TYPICAL, sizes[-1])
  cells = [
      ('jitted step', 'adam', tree, each, dtype)
      for tree in trees.TREES
      for dtype in DTYPES
      for each in sizes
  ]
  cells += [
      ('jitted step', name, tree, size, 'float32')
      for name in steps.OPTIMIZERS
      if name != 'adam'
      for tree in trees.TREES
  ]
  cells += [
      (what, 'adam', tree, size, 'float32')
      for what in ('eager step', 'tracing', 'compilation')
      for tree in trees.TREES
  ]
  compare = {
      'jitted step': flag.jitted_step,
      'eager step': flag.eager_step,
      'tracing': lambda *cell: flag.build('tracing', *cell),
      'compilation': lambda *cell: flag.build('compilation', *cell),
  }
  for what, name, tree, each, dtype in cells:

    def row(what=what, name=name, tree=tree, each=each, dtype=dtype):
      shapes = trees.TREES[tree](each)
      found = compare[what](name, shapes, dtype, effort)
      return {'what': what} | _cell(name, tree, each, dtype) | found

    yield 'ratios', f'{what}, {name}, {tree}, {each:,} {dtype}', row


def import_job(pristine: pathlib.Path | None, effort: ratios.Effort) -> Job:
  """`import optax`, against the release under this fork."""

  def row():
    blank = dict.fromkeys(('optimizer', 'dtype', 'tree'), '')
    blank |= {'size': 0, 'arrays': 0, 'parameters': 0}
    try:
      folder = pristine or release.fetched(optax.__version__).root
      found = flag.importing(folder.resolve(), effort)
    except errors.GraftError as error:
      found = {'reason': f'{error}; or name its folder with --pristine'}
    return {'what': 'import optax'} | blank | found

  return 'ratios', 'import optax', row


def peer_jobs(
    pool: peers.Pool, sizes: tuple[int, ...], effort: ratios.Effort
) -> Iterator[Job]:
  """Every tree, dtype and size."""
  for tree, dtype, size in itertools.product(trees.TREES, DTYPES, sizes):

    def row(tree=tree, size=size, dtype=dtype):
      found = peers.compare(pool, peers.PEERS, tree, size, dtype, effort)
      cell = _cell('adam', tree, size, dtype)
      return cell | {'peers': {peer.name: ratio for peer, ratio in found}}

    yield 'peers', f'peers, {tree}, {size:,} {dtype}', row


def run(options: argparse.Namespace) -> dict:
  """Runs the sections that are asked for, with a progress bar."""
  sizes = tuple(size for size in SIZES if size <= options.largest) or SIZES[:1]
  effort = ratios.Effort(options.seconds, rounds=7, builds=6)
  if options.quick:
    sizes, effort = SIZES[:1], ratios.Effort(0.0, rounds=2, builds=1)
  results = {section: [] for section in options.only}
  load = {'before': os.getloadavg()[0]}
  with peers.Pool(jax.devices()[0].platform) as pool:
    jobs = []
    if 'counts' in options.only:
      jobs += count_jobs(sizes)
    if 'ratios' in options.only:
      jobs += ratio_jobs(sizes, effort)
      jobs.append(import_job(options.pristine, effort))
    if 'peers' in options.only:
      jobs += peer_jobs(pool, sizes, effort)
    with tqdm.tqdm(jobs, disable=None, dynamic_ncols=True) as bar:
      for section, label, job in bar:
        bar.set_description(label)
        results[section].append(job())
    versions = {f'optax {optax.__version__} with the flag', on_jax.version()}
    versions |= pool.versions()
  load['after'] = os.getloadavg()[0]
  facts = {'device': device_name(), 'cores': os.cpu_count(), 'load': load}
  return {'machine': facts, 'versions': sorted(versions)} | results


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
      prog='python -m benchmarks',
      description='Measures what the flag costs, and prints tables of it.',
  )
  parser.add_argument(
      '--only',
      nargs='+',
      choices=SECTIONS,
      default=SECTIONS,
      metavar='SECTION',
      help=f'which of {", ".join(SECTIONS)} to run, by default all',
  )
  parser.add_argument(
      '--largest',
      type=float,
      default=SIZES[-1],
      metavar='N',
      help='the largest number of parameters, by default %(default)s',
  )
  parser.add_argument(
      '--seconds',
      type=float,
      default=2.0,
      metavar='S',
      help='time for each comparison, by default %(default)s',
  )
  parser.add_argument(
      '--quick',
      action='store_true',
      help='a thousand parameters and the fewest rounds, to see that it runs',
  )
  parser.add_argument(
      '--pristine',
      type=pathlib.Path,
      metavar='DIR',
      help='folder that holds the optax/ of the release, by default from pip',
  )
  parser.add_argument(
      '--out',
      type=pathlib.Path,
      metavar='STEM',
      help='write STEM.json and STEM.png too',
  )
  parser.add_argument(
      '--page',
      type=pathlib.Path,
      metavar='FILE',
      help='write the tables into this page too, counts of one size only',
  )
  return parser


def main() -> None:
  """Runs the command line."""
  options = _parser().parse_args()
  results = run(options)
  for section, tables in report.tables(results).items():
    print(f'\n{section}')
    print('\n\n'.join(map(report.plain, tables)))
  for section in options.only:
    for reason in report.reasons(results[section]):
      print(f'not run: {reason}')
  print(f'\n{report.machine(results)}')
  if options.out:
    from benchmarks import figure  # Only the figure needs matplotlib.

    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.with_suffix('.json').write_text(report.to_json(results))
    figure.draw(results, options.out.with_suffix('.png'))
  if options.page:
    report.fill(options.page, results)


if __name__ == '__main__':
  main()
