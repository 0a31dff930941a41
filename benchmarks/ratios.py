"""Ratios of times taken in one run, interleaved, with their spread.

Contenders take turns in an order that reads the same forwards and backwards
(for two of them ABBA or BAAB), so that a machine that drifts slows them alike;
each such round gives one ratio. The order is drawn anew for each round, and a
call that is not timed comes before those that are: else a contender that always
follows another would find its arrays out of the cache more often.

The same program compiled twice may also differ in speed, for as long as the
process lasts: the first one built tends to be the fastest. Contenders are
therefore built several times over, in another order each time, and the spread
is that over builds and rounds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
import math
import time

import numpy as np

Timer = Callable[[int], float]
"""Takes a number of calls and returns the seconds that one of them took."""

LEAST_SECONDS = 5e-3
"""A measurement repeats calls until it should take this long."""

_MOST_ROUNDS = 201
_RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Effort:
  """How much a comparison measures.

  Attributes:
    seconds: Time after which no further round begins.
    rounds: Fewest rounds, whatever time they take.
    builds: How often contenders that can be built anew are.
  """

  seconds: float
  rounds: int
  builds: int

  def of_one_build(self) -> 'Effort':
    """The share of each build."""
    rounds = math.ceil(self.rounds / self.builds)
    return Effort(self.seconds / self.builds, rounds, 1)


@dataclasses.dataclass(frozen=True)
class Ratio:
  """The ratio of two contenders' times over the rounds of a comparison.

  Attributes:
    median: The median over the rounds of all builds.
    quartiles: The first and the third quartile.
    interval: Bootstrap interval of the median, at 95%, which draws builds, and
      rounds from each build drawn.
    rounds: Number of rounds.
  """

  median: float
  quartiles: tuple[float, float]
  interval: tuple[float, float]
  rounds: int


def ratio(
    times: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]
) -> Ratio:
  """Summarizes the rounds' ratios of one contender to the reference.

  Args:
    times: The contender's time in each round, for each build.
    reference: The reference's, likewise.

  Returns:
    Their ratio over all rounds.
  """
  builds = [np.divide(*build) for build in zip(times, reference, strict=True)]
  ratios = np.concatenate(builds)
  rng = np.random.default_rng(0)

  def resampled() -> np.ndarray:
    drawn = rng.integers(len(builds), size=len(builds))
    return np.concatenate(
        [rng.choice(builds[i], len(builds[i])) for i in drawn]
    )

  medians = [np.median(resampled()) for _ in range(_RESAMPLES)]
  return Ratio(
      median=float(np.median(ratios)),
      quartiles=tuple(np.quantile(ratios, (0.25, 0.75)).tolist()),
      interval=tuple(np.quantile(medians, (0.025, 0.975)).tolist()),
      rounds=len(ratios),
  )


def call_timer(call: Callable[[], object], wait: Callable) -> Timer:
  """A timer of a function whose results `wait` waits for."""

  def seconds(calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
      result = call()
    wait(result)
    return (time.perf_counter() - begin) / calls

  return seconds


def calls_needed(timer: Timer) -> int:
  """How many calls make a measurement of `LEAST_SECONDS`, warmed up."""
  timer(1)
  return max(1, math.ceil(LEAST_SECONDS / timer(2)))


def palindrome(names: Iterable[str], rng: np.random.Generator) -> list[str]:
  """The order of a round: all of them as drawn, then all of them backwards."""
  names = rng.permutation(list(names)).tolist()
  return names + names[::-1]


def interleave(
    timers: Mapping[str, Timer],
    effort: Effort,
    *,
    calls: int | None = None,
    warm: bool = True,
) -> dict[str, list[float]]:
  """Times contenders in turn until the time for it has passed.

  Args:
    timers: The contenders, the reference among them.
    effort: How many rounds.
    calls: Calls a measurement, found out on the first contender by default.
    warm: Whether a call that is not timed comes before them.

  Returns:
    For each contender and round, the sum of its two times.
  """
  if calls is None:
    calls = calls_needed(next(iter(timers.values())))
  for timer in timers.values():
    timer(1)
  times = {name: [] for name in timers}
  rng = np.random.default_rng(0)
  begin = time.perf_counter()
  for number in range(_MOST_ROUNDS):
    passed = time.perf_counter() - begin
    if number >= effort.rounds and passed > effort.seconds:
      break
    sums = dict.fromkeys(timers, 0.0)
    for name in palindrome(timers, rng):
      if warm:
        timers[name](1)
      sums[name] += timers[name](calls)
    for name, total in sums.items():
      times[name].append(total)
  return times


def against(
    reference: str, *builds: Mapping[str, Sequence[float]]
) -> dict[str, Ratio]:
  """The ratio of every other contender to one of them, over all builds."""
  times = {name: [build[name] for build in builds] for name in builds[0]}
  return {
      name: ratio(times[name], times[reference])
      for name in times
      if name != reference
  }


def above_noise(measured: Ratio, repeated: Ratio) -> bool:
  """Whether a ratio exceeds 1 by more than a repeat of the reference does.

  Args:
    measured: The contender's ratio to the reference.
    repeated: The ratio of the reference, measured once more, to itself.

  Returns:
    True if the whole of the one interval is above 1 and above the other.
  """
  return measured.interval[0] > max(1.0, repeated.interval[1])
