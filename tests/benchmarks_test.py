"""The benchmarks' statistic holds, and the pages say what the results say."""

import itertools
import pathlib
import tempfile
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
    self.assertGreaterEqual([*verdicts(builds)].count('same'), 980)

  def test_a_tenth_is_seen(self):
    self.assertGreater([*verdicts(12, factor=1.1)].count('slower'), 950)

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

    self.assertEqual([*found], ['flag', 'again', 'peer'])
    orders = [tuple(built[at : at + 3]) for at in range(2, len(built), 5)]
    self.assertCountEqual(orders, itertools.permutations(list(contenders)[:3]))


class CommandTest(parameterized.TestCase):

  def test_a_run_keeps_its_tables(self):
    cell = ('adam', 'float32', 'one array', 1_000)
    cells = [(what, *cell) for what in ('counts', 'jitted step')]
    peers = {name: command.PEERS[name] for name in (page.FLOOR, 'Keras on JAX')}
    folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self.enter_context(mock.patch.object(results, 'FOLDER', folder))
    with mock.patch.multiple(command, cells=lambda _: cells, PEERS=peers):
      command.run(quick=False)
    _, (counted,) = results.read(folder / results.COUNTS)
    _, (row,) = results.read(folder / results.TIMES)
    self.assertEqual(counted['bytes accessed'], '40064 (+0)')
    for name in ('flag', 'default again', *peers):
      ratio = ratios.Ratio.parse(row[name])
      self.assertTrue(0 < ratio.low < ratio.value < ratio.high, row)


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
    same = sum(ratio.verdict() == 'same' for ratio in noise)
    self.assertGreaterEqual(same, 0.95 * len(times))


if __name__ == '__main__':
  absltest.main()
