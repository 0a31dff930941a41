"""Measures what the flag costs, relative to the default, in a few minutes."""

import argparse
from collections.abc import Callable, Mapping, Sequence
import functools
import gc
from importlib import metadata
import json
import math
import os
import random
import sys

import jax
import numpy as np
from scipy import stats

from benchmarks import report
from benchmarks import steps

BUILDS, ROUNDS = 10, 2
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
  """Formats a ratio and its 99% interval, from its logarithm in each build."""
  found = stats.ttest_1samp(logs, 0).confidence_interval(0.99)
  value, low, high = np.exp([np.mean(logs), found.low, found.high])
  return f'{value:.2f} ({low:.2f} to {high:.2f})'


def compare(makers: Mapping[str, Callable], builds: int) -> dict[str, str]:
  """The ratios of the other contenders' times to that of the first.

  Of two equal programs, the one built first can stay 10% faster, so each is
  built several times, in random order. In each build, they take turns, and the
  shortest time of each counts, since longer ones include interruptions.
  """
  logs, calls = {}, 0
  first, *others = makers
  for _ in range(builds):
    timers = {}
    gc.collect()
    for name in random.sample([first, *others], len(makers)):
      try:
        timers[name] = makers[name]()
      except ImportError as error:
        print(f'{name} is left out: {error}')
    calls = calls or math.ceil(LEAST_SECONDS / timers[first].timeit(1))
    times = dict.fromkeys(timers, math.inf)
    for name in [*timers, *reversed(timers)] * ROUNDS:
      times[name] = min(times[name], timers[name].timeit(calls))
    for name, seconds in times.items():
      logs.setdefault(name, []).append(math.log(seconds / times[first]))
  return {name: ratio(logs[name]) for name in others if name in logs}


def count(name, dtype, shapes) -> dict[str, str]:
  """The default's counts, and what the flag adds to each."""
  default, flag = (steps.count(name, shapes, dtype, x) for x in (False, True))
  return {k: f'{default[k]:,} {flag[k] - default[k]:+}' for k in default}


def contenders(timer, optimizer, dtype, shapes) -> dict[str, Callable]:
  """The default, the flag, the default again; `PEERS` for a jitted step."""
  rng = np.random.default_rng(0)
  grads = [rng.random(shape, np.float32) - 0.5 for shape in shapes]
  make = functools.partial(timer, optimizer, grads, dtype)
  names = 'default', 'flag', 'default again'
  found = {name: functools.partial(make, name == 'flag') for name in names}
  if timer is steps.jitted_step:
    for name, peer in PEERS.items():
      found[name] = functools.partial(peer, grads, dtype)
  return found


def cases(quick: bool) -> list[tuple]:
  """What to measure: the function, the optimizer, the dtype and the shapes."""
  size = 10**8 if jax.default_backend() == 'gpu' else 4 * 10**6
  trees = [(size,)], [(size // 100,)] * 100
  found = [(count, name, 'float32', [(10**5,)]) for name in steps.OPTIMIZERS]
  for shapes in [[(10**5,)]] if quick else trees:
    found += [
        (steps.jitted_step, 'adam', 'float32', shapes),
        (steps.jitted_step, 'adam', 'bfloat16', shapes),
        (steps.eager_step, 'adam', 'float32', shapes),
        (steps.first_call, 'adam', 'float32', shapes),
    ]
  return found


def main() -> None:
  """Prints each row as it is measured, and saves them all unless quick."""
  parser = argparse.ArgumentParser('python -m benchmarks', description=__doc__)
  parser.add_argument('--quick', action='store_true', help='save no results')
  quick = parser.parse_args().quick
  os.environ['KERAS_BACKEND'] = 'jax'
  os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # They share a GPU.
  os.environ['TF_FORCE_GPU_ALLOW_GROWTH'] = 'true'
  facts = [jax.devices()[0].device_kind, f'{os.cpu_count()} CPU cores']
  facts += [f'load average {os.getloadavg()[0]:.0f} at the start']
  rows = []
  for what, optimizer, dtype, shapes in cases(quick):
    row = {'device': jax.default_backend().upper(), 'optimizer': optimizer}
    row |= {'measured': what.__name__.replace('_', ' ')}
    row |= {'dtype': dtype, 'arrays': f'{len(shapes)}'}
    row |= {'parameters': f'{sum(map(math.prod, shapes)):,}'}
    if what is count:
      row |= count(optimizer, dtype, shapes)
    else:
      makers = contenders(what, optimizer, dtype, shapes)
      row |= compare(makers, 2 if quick else BUILDS)
    print(*row.values(), sep=' | ', flush=True)
    rows.append(row)
  facts += [f'{n} {metadata.version(n)}' for n in PACKAGES if n in sys.modules]
  rows.append({'machine': ', '.join(facts)})
  if not quick:
    path = report.FOLDER / f'{jax.default_backend()}.jsonl'
    path.write_text(''.join(f'{json.dumps(row)}\n' for row in rows), 'utf-8')


if __name__ == '__main__':
  main()
