"""The benchmarks count and compare as they say, and their command runs."""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import counts
from benchmarks import peers
from benchmarks import ratios
from benchmarks import steps
from benchmarks import trees

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


class CountsTest(parameterized.TestCase):

  def test_operations_are_counted_by_shape(self):
    program = """
      %a = f32[3,4]{1,0} parameter(0)
      %b = f32[] sqrt(%c)
      %d = f32[3,4]{1,0} multiply(%a, %e)
      %f = (f32[3,4]{1,0}, f32[]) tuple(%d, %b)
    """
    found = counts.operations(program)
    self.assertEqual(found.scalar, {'sqrt': 1})
    self.assertEqual(found.array, {'multiply': 12})

  def test_a_compiled_step_counts_what_xla_counts(self):
    step = counts.compiled(
        steps.make('adam', epsilon_hat=False), trees.one_array(1_000), 'float32'
    )
    found = counts.count(step)
    # XLA counts the roots apart from its flops.
    executed = found['array operations'] // 1_000
    of_xla = (found['flops'] + found['transcendentals']) // 1_000
    self.assertEqual(executed, of_xla)

  @parameterized.parameters(1_000, 123_456, 10_000_000)
  def test_a_transformer_has_the_size_asked_for(self, size):
    shapes = trees.transformer(size)
    width = shapes['ln_f/scale'][0]
    self.assertBetween(trees.parameters(shapes), size - width, size)


class RatiosTest(parameterized.TestCase):

  def test_a_steady_drift_cancels(self):
    """Machines slow down while they are measured; ratios must not."""
    clock = itertools.count(100)
    timers = {
        'default': lambda calls: 1.0 * next(clock),
        'twice': lambda calls: 2.0 * next(clock),
        'again': lambda calls: 1.0 * next(clock),
    }
    effort = ratios.Effort(0.0, rounds=9, builds=1)

    times = ratios.interleave(timers, effort, calls=1, warm=False)

    found = ratios.against('default', times)
    self.assertEqual(found['again'], ratios.Ratio(1, (1, 1), (1, 1), 9))
    self.assertEqual(found['twice'], ratios.Ratio(2, (2, 2), (2, 2), 9))

  def test_the_spread_is_that_over_builds(self):
    steady = [[1.0] * 99] * 6
    lucky = [[0.9] * 99] + [[1.0] * 99] * 4 + [[1.1] * 99]

    self.assertEqual(ratios.ratio(steady, steady).interval, (1, 1))
    low, high = ratios.ratio(lucky, steady).interval
    # The median is that of one build where another was never drawn.
    self.assertLess(low, 1)
    self.assertGreater(high, 1)

  def test_builds_share_the_effort(self):
    share = ratios.Effort(seconds=3.0, rounds=7, builds=6).of_one_build()
    self.assertEqual(share, ratios.Effort(0.5, 2, 1))

  @parameterized.parameters(
      ((1.1, 1.2), (0.9, 1.05), True),
      ((1.1, 1.2), (0.9, 1.15), False),
      ((0.9, 1.2), (0.8, 0.85), False),
      ((0.8, 0.9), (0.6, 0.7), False),
  )
  def test_above_noise(self, measured, repeated, expected):
    measured, repeated = (
        ratios.Ratio(1.0, interval, interval, 7)
        for interval in (measured, repeated)
    )
    self.assertEqual(ratios.above_noise(measured, repeated), expected)


class PeersTest(parameterized.TestCase):

  def test_a_process_that_has_ended_is_replaced(self):
    with peers.Pool('cpu') as pool:
      worker = pool.worker('torch')
      self.assertIs(pool.worker('torch'), worker)
      worker.close()
      self.assertEqual(pool.worker('torch').ask(do='drop', slot='peer'), {})

  def test_without_the_reference_every_peer_says_why(self):
    effort = ratios.Effort(0.0, rounds=1, builds=1)
    with peers.Pool('a device that is not here') as pool:
      found = dict(
          peers.compare(
              pool, peers.PEERS, 'one array', 1_000, 'float32', effort
          )
      )
    self.assertSameElements(found, peers.PEERS)
    for reason in found.values():
      self.assertEndsWith(reason, 'sees no a device that is not here')


class CommandTest(parameterized.TestCase):

  def test_everything_in_brief(self):
    with tempfile.TemporaryDirectory() as folder:
      stem, page = (pathlib.Path(folder) / name for name in ('run', 'page.md'))
      page.write_text((REPOSITORY / 'docs' / 'cost.md').read_text())
      command = [sys.executable, '-m', 'benchmarks', '--quick']
      command += [f'--out={stem}', f'--page={page}']
      done = subprocess.run(
          command, cwd=REPOSITORY, check=False, capture_output=True, text=True
      )
      self.assertEqual(done.returncode, 0, done.stderr[-2000:])
      # As where matplotlib cannot lay out the one size.
      self.assertNotIn('RuntimeWarning', done.stderr)
      results = json.loads(stem.with_suffix('.json').read_text())
      self.assertEqual(stem.with_suffix('.png').read_bytes()[:4], b'\x89PNG')
      written = page.read_text()

    self.assertStartsWith(done.stdout, '\ncounts\n')
    self.assertLen(results['counts'], 2 * 2 * len(steps.OPTIMIZERS))
    self.assertContainsSubset(
        ('jitted step', 'eager step', 'tracing', 'compilation', 'import optax'),
        [row['what'] for row in results['ratios'] if 'reason' not in row],
    )
    self.assertLen(results['peers'], 2 * 2)
    for row in results['peers']:
      self.assertLen(row['peers'], len(peers.PEERS))
      for name, found in row['peers'].items():
        # What is not installed says so; what is on JAX always is.
        if not isinstance(found, dict):
          self.assertNotIn(name, [peer.name for peer in peers.PEERS[:4]], found)
          self.assertIn(f'- {name}: {found}', written)
    self.assertIn('| jitted step | adam | float32 | 1 | 1,000 |', written)


if __name__ == '__main__':
  absltest.main()
