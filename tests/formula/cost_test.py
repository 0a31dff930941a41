"""The flag adds one equation and no memory traffic: by counts, not by times.

XLA counts what it compiles for the device that JAX finds.
"""

import math
import random
import timeit

from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import __main__ as benchmarks
from benchmarks import steps


class CountTest(parameterized.TestCase):

  @parameterized.product(
      name=steps.OPTIMIZERS, dtype=('float32', 'bfloat16')
  )
  def test_flag_adds_one_equation_and_no_bytes(self, name, dtype):
    shapes = [(1000,), (10, 10), ()]
    default, flag = (
        steps.count(name, shapes, dtype, on) for on in (False, True)
    )
    added = {key: flag[key] - default[key] for key in default}
    self.assertEqual(added.pop('equations'), 1)
    if name == 'amsgrad':  # One more scalar, which XLA pads to 64 bytes.
      added['temporary bytes, not donated'] -= 64
    self.assertLessEqual(max(added.values()), 0, added)

  @parameterized.parameters(('float32', 4), ('bfloat16', 2))
  def test_bytes_of_every_parameter_are_counted(self, dtype, size):
    few, many = (
        steps.count('adam', [(number,)], dtype, True)['bytes accessed, donated']
        for number in (1000, 2000)
    )
    # Adam reads at least four numbers for each parameter, and writes three.
    self.assertGreaterEqual(many - few, 7 * size * 1000)


class CompareTest(absltest.TestCase):

  def test_ratios_are_relative_to_the_first(self):
    elapsed = 0.0

    def make(seconds):
      def spend():
        nonlocal elapsed
        elapsed += seconds * random.uniform(1, 1.001)

      return timeit.Timer(spend, timer=lambda: elapsed)

    def missing():
      raise ImportError('not installed')

    makers = {'default': lambda: make(1), 'twice': lambda: make(2)}
    makers |= {'half': lambda: make(0.5), 'missing': missing}
    found = benchmarks.compare(makers, builds=3)
    self.assertEqual([*found], ['twice', 'half'])
    self.assertRegex(found['twice'], r'^2\.00 \(.*\)$')
    self.assertRegex(found['half'], r'^0\.50 \(.*\)$')

  def test_ratios_around_1_are_no_difference(self):
    logs = [math.log(ratio) for ratio in (0.9, 1, 1.1, 1.2)]
    self.assertEqual(benchmarks.ratio(logs), '1.04 (0.73 to 1.50)')


if __name__ == '__main__':
  absltest.main()
