"""The flag costs no traffic, no memory and no loop: by counts, never by times.

What XLA makes of the step on a CPU.
"""

from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import command
from benchmarks import counts
from benchmarks import steps
from benchmarks import trees


def added(*arguments, donate=(0, 1)):
  """What the flag adds to each count."""
  default, flag = (counts.count(*arguments, on, donate) for on in (False, True))
  return {name: flag[name] - default[name] for name in default}


class CostTest(parameterized.TestCase):

  def assert_adds_one_root(self, more):
    self.assertEqual(more['fusions'], 0, more)
    self.assertLessEqual(more['bytes accessed'], 0, more)
    self.assertLessEqual(more['temporary bytes'], 0, more)
    self.assertLessEqual(more['flops'], 0, more)
    self.assertEqual(more['transcendentals'], 1, more)  # A root: it is on.
    self.assertLessEqual(more['equations'], 2, more)

  @parameterized.product(name=[*steps.OPTIMIZERS], dtype=command.DTYPES)
  def test_one_array_of_any_size(self, name, dtype):
    small, large = (
        added(name, trees.one_array(size), dtype) for size in (1_000, 100_000)
    )
    self.assert_adds_one_root(small)
    self.assertEqual(small, large)

  @parameterized.product(name=[*steps.OPTIMIZERS], dtype=command.DTYPES)
  def test_many_arrays_and_a_step_that_overwrites_nothing(self, name, dtype):
    shapes = trees.transformer(10_000, layers=1)
    more = added(name, shapes, dtype)
    self.assert_adds_one_root(more)
    more = added(name, trees.one_array(1_000), dtype, donate=())
    # AMSGrad's last loop needs one scalar more, which XLA pads to 64 bytes.
    more['temporary bytes'] -= 64 if name == 'amsgrad' else 0
    self.assert_adds_one_root(more)


if __name__ == '__main__':
  absltest.main()
