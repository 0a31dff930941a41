"""The flag costs no memory traffic, no memory, and a few scalar operations.

Held on counts from the compiled step, never on times.
"""

from absl.testing import absltest
from absl.testing import parameterized
import jax

from benchmarks import counts
from benchmarks import steps
from benchmarks import trees

FEW = 4
"""The most scalar operations that the flag may add to a step."""

PADDED_SCALAR = 64
"""What XLA's CPU backend sets aside for a scalar, in bytes."""

CASES = [
    {'testcase_name': f'{name}_{dtype}', 'name': name, 'dtype': dtype}
    for name in steps.OPTIMIZERS
    for dtype in ('float32', 'bfloat16')
]


class CostTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.default_device(jax.devices('cpu')[0]))

  def assert_costs_nothing(self, added):
    """What is not a constant number of scalar operations is not added."""
    self.assertEqual(added['fusions'], 0, added)
    self.assertLessEqual(added['bytes accessed'], 0, added)
    self.assertLessEqual(added['temporary bytes'], 0, added)
    self.assertLessEqual(added['array operations'], 0, added)
    self.assertLessEqual(added['scalar operations'], FEW, added)

  @parameterized.named_parameters(CASES)
  def test_one_array_of_any_size(self, name, dtype):
    small, medium, large = (
        counts.compare(name, trees.one_array(size), dtype)['difference']
        for size in (1_000, 100_000, 100_000_000)
    )
    self.assert_costs_nothing(small)
    self.assertEqual(small, medium)
    # The flag reaches the program: one more root is taken, of a scalar.
    self.assertEqual(small['transcendentals'], 1)
    self.assertLessEqual(small['flops'], FEW)
    # XLA's own sums are rounded at this size, the operations are not.
    self.assert_costs_nothing(large)
    for key in ('array operations', 'scalar operations'):
      self.assertEqual(large[key], small[key])

  @parameterized.named_parameters(CASES)
  def test_any_number_of_arrays(self, name, dtype):
    for layers in (1, 2):
      shapes = trees.transformer(10_000, layers)
      added = counts.compare(name, shapes, dtype)['difference']
      with self.subTest(arrays=len(shapes)):
        self.assert_costs_nothing(added)
        self.assertEqual(added['transcendentals'], 1)
        self.assertLessEqual(added['flops'], FEW)

  @parameterized.named_parameters(CASES)
  def test_a_step_that_overwrites_nothing(self, name, dtype):
    jitted = lambda optimizer: jax.jit(steps.step(optimizer))
    # AMSGrad's last loop needs one scalar more.
    room = PADDED_SCALAR if name == 'amsgrad' else 0
    for shapes in (trees.one_array(1_000), trees.transformer(10_000, 2)):
      added = counts.compare(name, shapes, dtype, jitted)['difference']
      with self.subTest(arrays=len(shapes)):
        self.assertLessEqual(added['temporary bytes'], room, added)
        added['temporary bytes'] = 0
        self.assert_costs_nothing(added)

  @parameterized.parameters('float32', 'bfloat16')
  def test_the_arrays_of_a_transformer(self, dtype):
    shapes = trees.transformer(1_000_000)
    self.assertGreater(len(shapes), 200)
    self.assert_costs_nothing(
        counts.compare('adam', shapes, dtype)['difference']
    )


if __name__ == '__main__':
  absltest.main()
