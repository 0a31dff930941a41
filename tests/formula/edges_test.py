"""Extreme gradients, counts and dtypes: the flag is no worse than the default.

Where optax's default gives NaN, the flag may too, and the test says so.
"""

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
import numpy as np
import optax

_VARIANTS = (
    (optax.scale_by_adam, {}),
    (optax.scale_by_adam, {'nesterov': True}),
    (optax.scale_by_amsgrad, {}),
)


def _run(variant, grads, **more):
  """The updates of a sequence of gradients, in float64."""
  factory, kwargs = variant
  opt = factory(**kwargs, **more)
  state, updates = opt.init(grads[0]), []
  for g in grads:
    u, state = opt.update(g, state)
    updates.append(np.asarray(u, np.float64))
  return np.stack(updates)


class EdgesTest(parameterized.TestCase):

  @parameterized.product(
      variant=_VARIANTS, dtype=('float32', 'bfloat16', 'float16')
  )
  def test_zero_gradients_give_zero_updates(self, variant, dtype):
    zeros = [jnp.zeros(3, dtype)] * 3
    for eps in (1.0, 1e-3, 1e-7):
      updates = _run(variant, zeros, eps=eps, epsilon_hat=True)
      np.testing.assert_array_equal(updates, 0)

  @parameterized.product(
      variant=_VARIANTS, size=(1e-38, 1e-20, 1e20, 1e38), eps=(1e-8, 0.0)
  )
  def test_tiny_and_huge_gradients(self, variant, size, eps):
    """Squares of 1e-38 are zero in float32, squares of 1e38 infinite."""
    grads = [jnp.float32([size, -size, 1.0, 0.3 * size])] * 4
    default, flag = (
        _run(variant, grads, eps=eps, epsilon_hat=x) for x in (False, True)
    )
    finite = np.isfinite(default)
    self.assertTrue(np.all(np.isfinite(flag[finite])))
    # The effective epsilon is larger, so the updates are smaller.
    is_smaller = np.abs(flag) <= np.abs(default) * 1.0001
    self.assertTrue(np.all(is_smaller[finite]))

  @parameterized.product(variant=_VARIANTS, bad=(np.inf, -np.inf, np.nan))
  def test_a_bad_gradient_spoils_its_own_element_only(self, variant, bad):
    good = jnp.float32([1.0, -2.0, 3.0])
    kwargs = {'eps': 1e-2, 'epsilon_hat': True}
    clean = _run(variant, [good] * 3, **kwargs)
    spoiled = _run(variant, [good, good.at[1].set(bad), good], **kwargs)
    np.testing.assert_array_equal(spoiled[:, [0, 2]], clean[:, [0, 2]])
    self.assertTrue(np.all(~np.isfinite(spoiled[1:, 1])))

  @parameterized.product(variant=_VARIANTS, epsilon_hat=(False, True))
  def test_float16_gives_nan_if_eps_rounds_to_zero(self, variant, epsilon_hat):
    grads = [jnp.array([0.0, 1.0], jnp.float16)] * 3
    for eps, is_nan in ((1e-8, True), (1e-7, False)):
      updates = _run(variant, grads, eps=eps, epsilon_hat=epsilon_hat)
      self.assertEqual(np.all(np.isnan(updates[:, 0])), is_nan)
      self.assertTrue(np.all(np.isfinite(updates[:, 1])))


if __name__ == '__main__':
  absltest.main()
