"""The flag adds one equation and no memory traffic: by counts, not by times.

XLA counts what it compiles for the device that JAX finds.
"""

import functools
import math
import random
import timeit

from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import __main__ as benchmarks
from benchmarks import steps
from graft import formula


class CountTest(parameterized.TestCase):

  @parameterized.product(
      name=formula.OPTIMIZERS, dtype=('float32', 'bfloat16')
  )
  def test_flag_adds_one_equation_and_no_bytes(self, name, dtype):
    shapes = [(1000,), (10, 10), ()]
    default = steps.count(name, shapes, dtype, epsilon_hat=False)
    flag = steps.count(name, shapes, dtype, epsilon_hat=True)
    expected = {**default, 'equations': default['equations'] + 1}
    if name == 'amsgrad':  # One more scalar, which XLA pads to 64 bytes.
      expected['temporary bytes, not donated'] += 64
    for key, most in expected.items():
      message = f'{key}: the flag costs more than docs/cost.md says'
      self.assertLessEqual(flag[key], most, message)
    self.assertEqual(flag['equations'], expected['equations'])

  def test_flag_adds_one_equation_for_300_arrays(self):
    shapes = [(2,)] * 300
    default = steps.count_equations('adam', shapes, 'float32', False)
    flag = steps.count_equations('adam', shapes, 'float32', True)
    self.assertEqual(flag, default + 1)

  @parameterized.parameters(('float32', 4), ('bfloat16', 2))
  def test_bytes_of_every_parameter_are_counted(self, dtype, size):
    few = steps.count('adam', [(1000,)], dtype, epsilon_hat=True)
    many = steps.count('adam', [(2000,)], dtype, epsilon_hat=True)
    added = many['bytes accessed, donated'] - few['bytes accessed, donated']
    # Adam reads at least four numbers for each parameter, and writes three.
    self.assertGreaterEqual(added, 7 * size * 1000)


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

    makers = {
        'default': functools.partial(make, 1),
        'twice': functools.partial(make, 2),
        'half': functools.partial(make, 0.5),
        'missing': missing,
    }
    found = benchmarks.compare(makers, builds=3)
    self.assertEqual(list(found), ['twice', 'half'])
    self.assertRegex(found['twice'], r'^2\.00 \(.*\)$')
    self.assertRegex(found['half'], r'^0\.50 \(.*\)$')

  def test_ratios_around_1_are_no_difference(self):
    logs = [math.log(ratio) for ratio in (0.9, 1, 1.1, 1.2)]
    self.assertEqual(benchmarks.ratio(logs), '1.04 (0.73 to 1.50)')


if __name__ == '__main__':
  absltest.main()
