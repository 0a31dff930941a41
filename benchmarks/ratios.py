"""Ratios of times: contenders built anew in every order, timed in turns.

pyperf, asv and pytest-benchmark time one program after another, but a machine
drifts by more than what is asked for here. Contenders therefore take turns, in
an order that reads the same forwards and backwards: a drift slows them alike.

Of two equal programs the one built first may be a tenth faster for as long as
it lives, so all are built several times, in every order. The build is then what
varies: each counts once, with the median of its rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
import contextlib
import gc
import importlib
import itertools
import math
import multiprocessing
import os
import random
import re
import timeit
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.99
"""Of equal programs one in a hundred should seem to differ."""

_LEAST_SECONDS = 5e-3  # Tracing takes longer, so that it is never repeated.
_ENVIRONMENT = {
    'JAX_PLATFORMS': 'cpu',
    'CUDA_VISIBLE_DEVICES': '',
    'KERAS_BACKEND': 'jax',
}


class Contender(NamedTuple):
  """What is timed: ``make(*arguments)`` in a process of that name."""

  process: str
  make: Callable[..., timeit.Timer]
  arguments: tuple


class Ratio(NamedTuple):
  """A ratio of times and its interval."""

  value: float
  low: float
  high: float

  def __str__(self):
    return f'{self.value:.3f} [{self.low:.3f} {self.high:.3f}]'

  @classmethod
  def parse(cls, text: str) -> 'Ratio':
    """Reads what `str` wrote."""
    return cls(*map(float, re.findall(r'[\d.]+|inf', text)))

  def verdict(self) -> str:
    """Whether the interval leaves out that the two are equal."""
    return 'slower' if self.low > 1 else 'faster' if self.high < 1 else 'same'


def over_builds(builds: Sequence[Sequence[float]]) -> Ratio:
  """The ratio of two contenders, from that of each round of each build.

  Returns:
    The geometric mean of the builds' medians, and Student's interval of it.
  """
  logs = [math.log(np.median(rounds)) for rounds in builds]
  half = stats.t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1) * stats.sem(logs)
  mean = np.mean(logs)
  return Ratio(*np.exp([mean, mean - half, mean + half]).tolist())


def in_turns(
    seconds: Callable[[str, int], float], names: Sequence[str], rounds: int
) -> dict[str, np.ndarray]:
  """Times contenders in turns, in an order drawn for each round.

  Args:
    seconds: The time of a call of a contender, over a number of calls.
    names: The contenders, the reference first.
    rounds: How often all of them are timed, forwards and backwards.

  Returns:
    The time of each contender in each round.
  """
  calls = math.ceil(_LEAST_SECONDS / seconds(names[0], 1))
  times = {name: np.zeros(rounds) for name in names}
  for number in range(rounds):
    turns = random.sample(names, len(names))
    for name in turns + turns[::-1]:
      times[name][number] += seconds(name, calls)
  return times


_TIMERS = {}


def _build(name, contender):
  _TIMERS[name] = contender.make(*contender.arguments)
  _TIMERS[name].timeit(1)


def _seconds(name, calls):
  return _TIMERS[name].timeit(calls) / calls


def _drop(name):
  del _TIMERS[name]
  gc.collect()


def _import(name):
  # With Keras loaded small steps on JAX differ: loaded for all or for none.
  with contextlib.suppress(ImportError):
    importlib.import_module('keras' if name == 'jax' else name)


class Processes(contextlib.ExitStack):
  """Processes by name, each started when it is first needed."""

  def __init__(self):
    super().__init__()
    self._named = {}

  def run(self, name: str, function: Callable, *arguments):
    """What the function gives in the process of that name."""
    if name not in self._named:
      os.environ.update(_ENVIRONMENT)
      spawn = multiprocessing.get_context('spawn')
      executor = futures.ProcessPoolExecutor(1, spawn, _import, (name,))
      self._named[name] = self.enter_context(executor)
    return self._named[name].submit(function, *arguments).result()


def compare(
    processes: Processes,
    contenders: Mapping[str, Contender],
    builds: int,
    rounds: int,
) -> dict[str, Ratio]:
  """Compares the first contender with each of the others.

  Args:
    processes: Where the contenders live.
    contenders: What to time, the reference first. The first three are built in
      every order. One whose framework is not installed is left out.
    builds: How often everything is built.
    rounds: How often everything takes its turns, for each build.

  Returns:
    The ratio to the reference for each of the others.
  """

  def ask(name, function, *arguments):
    return processes.run(contenders[name].process, function, name, *arguments)

  found = {}
  some, others = list(contenders)[:3], list(contenders)[3:]
  orders = itertools.cycle(itertools.permutations(some))
  for order in itertools.islice(orders, builds):
    missing = set()
    for name in (*others, *order):
      try:
        ask(name, _build, contenders[name])
      except ImportError:
        missing.add(name)
    times = in_turns(
        lambda name, calls: ask(name, _seconds, calls),
        [name for name in contenders if name not in missing],
        rounds,
    )
    for name in times:
      ask(name, _drop)
      found.setdefault(name, []).append(times[name] / times[some[0]])
  return {name: over_builds(found[name]) for name in found if name != some[0]}
