"""Extreme gradients and dtypes: the flag is no worse than the default.

Where optax's default gives NaN, the flag may too, and the test says so.
"""

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
import numpy as np
import optax


def _scale_by_nadam(**kwargs):
  return optax.scale_by_adam(nesterov=True, **kwargs)


_SCALERS = (optax.scale_by_adam, _scale_by_nadam, optax.scale_by_amsgrad)


def _run(opt, grads):
  """Returns the updates of a sequence of gradients, in float64."""
  state = opt.init(grads[0])
  history = []
  for grad in grads:
    updates, state = opt.update(grad, state)
    history.append(np.asarray(updates, np.float64))
  return np.stack(history)


class EdgesTest(parameterized.TestCase):

  @parameterized.product(
      scaler=_SCALERS,
      dtype=('float32', 'bfloat16', 'float16'),
      eps=(1.0, 1e-3, 1e-7),
  )
  def test_zero_gradients_give_zero_updates(self, scaler, dtype, eps):
    opt = scaler(eps=eps, epsilon_hat=True)
    zeros = jnp.zeros(3, dtype)
    updates = _run(opt, [zeros, zeros, zeros])
    np.testing.assert_array_equal(updates, 0)

  @parameterized.product(
      scaler=_SCALERS,
      size=(1e-38, 1e-20, 1e20, 1e38),
      eps=(1e-8, 0.0),
  )
  def test_updates_are_finite_and_smaller_than_by_default(
      self, scaler, size, eps
  ):
    # Squares of 1e-38 are zero in float32, squares of 1e38 infinite.
    grad = jnp.float32([size, -size, 1.0, 0.3 * size])
    grads = [grad, grad, grad, grad]
    default = _run(scaler(eps=eps), grads)
    flag = _run(scaler(eps=eps, epsilon_hat=True), grads)
    # The effective epsilon is larger, so the updates are smaller, up to
    # rounding. NaN is not smaller.
    is_smaller = np.abs(flag) <= np.abs(default) * 1.0001
    may_be_larger = ~np.isfinite(default)
    message = f'the flag gives {flag}, the default {default}'
    self.assertTrue(np.all(is_smaller | may_be_larger), message)

  @parameterized.product(scaler=_SCALERS, bad=(np.inf, -np.inf, np.nan))
  def test_a_bad_gradient_spoils_only_its_own_element(self, scaler, bad):
    opt = scaler(eps=1e-2, epsilon_hat=True)
    good = jnp.float32([1.0, -2.0, 3.0])
    clean = _run(opt, [good, good, good])
    spoiled = _run(opt, [good, good.at[1].set(bad), good])
    np.testing.assert_array_equal(spoiled[:, 0], clean[:, 0])
    np.testing.assert_array_equal(spoiled[:, 2], clean[:, 2])
    from_then_on = spoiled[1:, 1]
    self.assertFalse(np.any(np.isfinite(from_then_on)), from_then_on)

  @parameterized.product(scaler=_SCALERS, epsilon_hat=(False, True))
  def test_float16_gives_nan_if_eps_rounds_to_zero(self, scaler, epsilon_hat):
    grad = jnp.array([0.0, 1.0], jnp.float16)
    grads = [grad, grad, grad]
    rounded = _run(scaler(eps=1e-8, epsilon_hat=epsilon_hat), grads)
    np.testing.assert_array_equal(rounded[:, 0], np.nan)
    self.assertTrue(np.all(np.isfinite(rounded[:, 1])), rounded)
    kept = _run(scaler(eps=1e-7, epsilon_hat=epsilon_hat), grads)
    self.assertTrue(np.all(np.isfinite(kept)), kept)


if __name__ == '__main__':
  absltest.main()
