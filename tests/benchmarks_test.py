"""The benchmarks' statistic holds, and the pages say what the results say."""

import itertools
import timeit
import types
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from benchmarks import command
from benchmarks import page
from benchmarks import ratios
from benchmarks import results
from docs import pages


def verdicts(builds, factor=1.0):
  """Those of 1000 comparisons, in which each build has its luck."""
  rng = np.random.default_rng(0)
  for _ in range(1000):
    luck = np.exp(0.05 * rng.normal(size=(builds, 1)))
    rounds = np.exp(0.03 * rng.standard_t(4, (builds, 5)))
    yield ratios.over_builds(factor * luck * rounds).verdict()


class RatiosTest(parameterized.TestCase):

  @parameterized.parameters(3, 6, 12)
  def test_equal_programs_are_the_same(self, builds):
    # At 99 % it is all but 10 of 1000, give or take 3.
    found = list(verdicts(builds))
    self.assertGreaterEqual(found.count('same'), 980)

  def test_a_tenth_is_seen(self):
    found = list(verdicts(12, factor=1.1))
    self.assertGreaterEqual(found.count('slower'), 950)

  def test_a_steady_drift_cancels(self):
    clock = itertools.count(1)
    speeds = {'default': 1, 'twice': 2, 'again': 1}
    seconds = lambda name, calls: speeds[name] * next(clock)

    times = ratios.in_turns(seconds, list(speeds), rounds=9)

    np.testing.assert_array_equal(times['again'], times['default'])
    np.testing.assert_array_equal(times['twice'], 2 * times['default'])

  def test_three_are_built_in_every_order_and_what_is_missing_is_left_out(self):
    built = []

    def make(name):
      built.append(name)
      if name == 'missing':
        raise ImportError
      return timeit.Timer('sum(range(1000))')

    here = types.SimpleNamespace(run=lambda _, function, *args: function(*args))
    contenders = {
        name: ratios.Contender('here', make, (name,))
        for name in ('default', 'flag', 'again', 'peer', 'missing')
    }
    found = ratios.compare(here, contenders, builds=6, rounds=1)

    self.assertEqual(list(found), ['flag', 'again', 'peer'])
    orders = [tuple(built[at : at + 3]) for at in range(2, len(built), 5)]
    self.assertCountEqual(orders, itertools.permutations(list(contenders)[:3]))


class CommandTest(parameterized.TestCase):

  def test_a_row_of_times(self):
    peers = {name: command.PEERS[name] for name in (page.FLOOR, 'Keras on JAX')}
    cell = ('jitted step', 'adam', 'float32', 'one array', 1_000)
    self.enter_context(mock.patch.object(command, 'PEERS', peers))
    with ratios.Processes() as processes:
      row = command.row_of(processes, cell, quick=True)
    for name in ('flag', 'default again', *peers):
      ratio = ratios.Ratio.parse(row[name])
      self.assertBetween(ratio.value, ratio.low, ratio.high)
      self.assertGreater(ratio.value, 0)


class PageTest(parameterized.TestCase):

  def test_the_pages_are_filled_from_the_results(self):
    for name, blocks in page.blocks().items():
      text = (page.DOCS / name).read_text('utf-8')
      for block, written in blocks.items():
        self.assertEqual(pages.read(text, block), written, f'{name}: {block}')

  def test_the_results_are_short_and_the_compiled_step_costs_nothing(self):
    _, times = results.read(results.FOLDER / results.TIMES)
    _, counts = results.read(results.FOLDER / results.COUNTS)
    self.assertLessEqual(len(times) + len(counts), 200)
    for row in counts:
      for name in ('bytes accessed', 'temporary bytes', 'fusions'):
        self.assertLessEqual(page.added(row, name), 0, row)
    noise = [ratios.Ratio.parse(row['default again']) for row in times]
    same = [ratio.verdict() == 'same' for ratio in noise]
    self.assertGreaterEqual(np.mean(same), 0.95)


if __name__ == '__main__':
  absltest.main()
