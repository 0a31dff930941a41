"""Extreme gradients, counts and dtypes: the flag is no worse than the default.

Where optax's default gives NaN, the flag may too, and the test says so.
"""

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
import numpy as np
import optax


def _nadam(**kwargs):
  return optax.scale_by_adam(nesterov=True, **kwargs)


_SCALERS = (optax.scale_by_adam, _nadam, optax.scale_by_amsgrad)


def _run(opt, grads):
  """Returns the updates of a sequence of gradients, in float64."""
  state = opt.init(grads[0])
  history = []
  for g in grads:
    updates, state = opt.update(g, state)
    history.append(np.asarray(updates, np.float64))
  return np.stack(history)


class EdgesTest(parameterized.TestCase):

  @parameterized.product(
      scaler=_SCALERS,
      dtype=('float32', 'bfloat16', 'float16'),
      eps=(1.0, 1e-3, 1e-7),
  )
  def test_zero_gradients_give_zero_updates(self, scaler, dtype, eps):
    zeros = jnp.zeros(3, dtype)
    updates = _run(scaler(eps=eps, epsilon_hat=True), [zeros] * 3)
    np.testing.assert_array_equal(updates, 0)

  @parameterized.product(
      scaler=_SCALERS, size=(1e-38, 1e-20, 1e20, 1e38), eps=(1e-8, 0.0)
  )
  def test_tiny_and_huge_gradients(self, scaler, size, eps):
    """Squares of 1e-38 are zero in float32, squares of 1e38 infinite."""
    grads = [jnp.float32([size, -size, 1.0, 0.3 * size])] * 4
    default = _run(scaler(eps=eps), grads)
    flag = _run(scaler(eps=eps, epsilon_hat=True), grads)
    finite = np.isfinite(default)
    self.assertTrue(np.all(np.isfinite(flag[finite])))
    # The effective epsilon is larger, so the updates are smaller.
    is_smaller = np.abs(flag) <= np.abs(default) * 1.0001
    self.assertTrue(np.all(is_smaller[finite]))

  @parameterized.product(scaler=_SCALERS, bad=(np.inf, -np.inf, np.nan))
  def test_a_bad_gradient_spoils_its_own_element_only(self, scaler, bad):
    opt = scaler(eps=1e-2, epsilon_hat=True)
    good = jnp.float32([1.0, -2.0, 3.0])
    clean = _run(opt, [good, good, good])
    spoiled = _run(opt, [good, good.at[1].set(bad), good])
    np.testing.assert_array_equal(spoiled[:, 0], clean[:, 0])
    np.testing.assert_array_equal(spoiled[:, 2], clean[:, 2])
    self.assertTrue(np.all(~np.isfinite(spoiled[1:, 1])))

  @parameterized.product(scaler=_SCALERS, epsilon_hat=(False, True))
  def test_float16_gives_nan_if_eps_rounds_to_zero(self, scaler, epsilon_hat):
    grads = [jnp.array([0.0, 1.0], jnp.float16)] * 3
    rounded = _run(scaler(eps=1e-8, epsilon_hat=epsilon_hat), grads)
    self.assertTrue(np.all(np.isnan(rounded[:, 0])))
    self.assertTrue(np.all(np.isfinite(rounded[:, 1])))
    kept = _run(scaler(eps=1e-7, epsilon_hat=epsilon_hat), grads)
    self.assertTrue(np.all(np.isfinite(kept)))


if __name__ == '__main__':
  absltest.main()
