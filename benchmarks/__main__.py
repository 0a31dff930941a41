"""Measures what the flag costs, relative to the default, in a few minutes."""

import argparse
import collections
from collections.abc import Callable, Iterator, Mapping, Sequence
import functools
import gc
from importlib import metadata
import json
import math
import os
import random
import sys
import timeit

import jax
import numpy as np
from scipy import stats

from benchmarks import report
from benchmarks import steps
from graft import formula

BUILDS = 10
ROUNDS = 2
LEAST_SECONDS = 0.02  # Of one timing; a shorter step is repeated.
PACKAGES = 'optax', 'jax', 'keras', 'tensorflow', 'torch'
PEERS = {
    'Keras on JAX': steps.keras_on_jax,
    'TensorFlow kernel': steps.tensorflow_kernel,
    'PyTorch': steps.pytorch,
    'PyTorch, fused': functools.partial(steps.pytorch, fused=True),
    'copy': steps.copy,
}


def ratio(logs: Sequence[float]) -> str:
  """Returns a ratio and its 99% interval, from its logarithms in each build."""
  interval = stats.ttest_1samp(logs, 0).confidence_interval(0.99)
  value = math.exp(np.mean(logs))
  low = math.exp(interval.low)
  high = math.exp(interval.high)
  return f'{value:.2f} ({low:.2f} to {high:.2f})'


def _build(makers: Mapping[str, Callable]) -> dict[str, timeit.Timer]:
  """Builds each contender's timer, in random order."""
  timers = {}
  names = list(makers)
  random.shuffle(names)
  for name in names:
    try:
      timers[name] = makers[name]()
    except ImportError as error:
      print(f'{name} is left out: {error}')
  return timers


def _shortest_times(timers: Mapping[str, timeit.Timer], calls: int):
  """Returns the shortest time of each; longer ones include interruptions."""
  times = dict.fromkeys(timers, math.inf)
  for _ in range(ROUNDS):
    # There and back, so that a drift of the clock affects all alike.
    for name in [*timers, *reversed(timers)]:
      times[name] = min(times[name], timers[name].timeit(calls))
  return times


def compare(makers: Mapping[str, Callable], builds: int) -> dict[str, str]:
  """Returns the ratios of the other contenders' times to that of the first.

  Of two equal programs, the one built first can stay 10% faster, so each is
  built several times, in random order. In each build, they take turns.
  """
  first, *others = makers
  logs = collections.defaultdict(list)
  calls = None
  for _ in range(builds):
    gc.collect()
    timers = _build(makers)
    if calls is None:
      calls = math.ceil(LEAST_SECONDS / timers[first].timeit(1))
    times = _shortest_times(timers, calls)
    for name, seconds in times.items():
      logs[name].append(math.log(seconds / times[first]))
  return {name: ratio(logs[name]) for name in others if name in logs}


def count(name: str, dtype: str, shapes: list) -> dict[str, str]:
  """Returns the default's counts, and what the flag adds to each."""
  default = steps.count(name, shapes, dtype, epsilon_hat=False)
  flag = steps.count(name, shapes, dtype, epsilon_hat=True)
  found = {}
  for key, number in default.items():
    added = flag[key] - number
    found[key] = f'{number:,} {added:+}'
  return found


def contenders(
    timer: Callable, name: str, dtype: str, shapes: list
) -> dict[str, Callable]:
  """Returns the default, the flag, the default again, and their peers."""
  rng = np.random.default_rng(0)
  grads = [rng.random(shape, np.float32) - 0.5 for shape in shapes]
  make = functools.partial(timer, name, grads, dtype)
  found = {
      'default': functools.partial(make, epsilon_hat=False),
      'flag': functools.partial(make, epsilon_hat=True),
      'default again': functools.partial(make, epsilon_hat=False),
  }
  if timer is steps.jitted_step:
    for peer, make_peer in PEERS.items():
      found[peer] = functools.partial(make_peer, grads, dtype)
  return found


def timings(quick: bool) -> list[tuple]:
  """Returns what to time: the kind of step, the dtype and the shapes."""
  if quick:
    trees = [[(10**5,)]]
  else:
    size = 10**8 if jax.default_backend() == 'gpu' else 4 * 10**6
    trees = [[(size,)], [(size // 100,)] * 100]
  found = []
  for shapes in trees:
    found.append((steps.jitted_step, 'float32', shapes))
    found.append((steps.jitted_step, 'bfloat16', shapes))
    found.append((steps.eager_step, 'float32', shapes))
    found.append((steps.first_call, 'float32', shapes))
  return found


def _describe(
    optimizer: str, measured: str, dtype: str, shapes: list
) -> dict[str, str]:
  """Returns the first columns of a row."""
  return {
      'device': jax.default_backend().upper(),
      'optimizer': optimizer,
      'measured': measured,
      'dtype': dtype,
      'arrays': f'{len(shapes)}',
      'parameters': f'{sum(map(math.prod, shapes)):,}',
  }


def measure(quick: bool) -> Iterator[dict[str, str]]:
  """Yields a row for each measurement."""
  shapes = [(10**5,)]
  for name in formula.OPTIMIZERS:
    row = _describe(name, 'count', 'float32', shapes)
    yield row | count(name, 'float32', shapes)
  builds = 2 if quick else BUILDS
  for timer, dtype, shapes in timings(quick):
    row = _describe('adam', timer.__name__.replace('_', ' '), dtype, shapes)
    yield row | compare(contenders(timer, 'adam', dtype, shapes), builds)


def _describe_machine(load_average: float) -> str:
  """Returns what the results depend on."""
  facts = [
      jax.devices()[0].device_kind,
      f'{os.cpu_count()} CPU cores',
      f'load average {load_average:.0f} at the start',
  ]
  for name in PACKAGES:
    if name in sys.modules:
      facts.append(f'{name} {metadata.version(name)}')
  return ', '.join(facts)


def _save(rows: list[dict[str, str]]) -> None:
  path = report.FOLDER / f'{jax.default_backend()}.jsonl'
  lines = [json.dumps(row) + '\n' for row in rows]
  path.write_text(''.join(lines), 'utf-8')


def main() -> None:
  """Prints each row as it is measured, and saves them all unless quick."""
  parser = argparse.ArgumentParser('python -m benchmarks', description=__doc__)
  parser.add_argument('--quick', action='store_true', help='save no results')
  quick = parser.parse_args().quick
  os.environ['KERAS_BACKEND'] = 'jax'
  os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # They share a GPU.
  os.environ['TF_FORCE_GPU_ALLOW_GROWTH'] = 'true'
  load_average, _, _ = os.getloadavg()
  rows = []
  for row in measure(quick):
    print(*row.values(), sep=' | ', flush=True)
    rows.append(row)
  rows.append({'machine': _describe_machine(load_average)})
  if not quick:
    _save(rows)


if __name__ == '__main__':
  main()
