import functools

import jax
from optax._src import utils


@functools.partial(jax.jit, inline=True)
def _move_bias_correction(mu_hat, nu, decay, count):
  """Applies the bias correction of the second moment to the first moment."""
  # Cast last: in low precision decay**count may round to 1. A quotient, as the
  # first moment's correction is one: XLA compiles the two as fast as one.
  divisor = jax.lax.rsqrt(1.0 - decay**count)
  return jax.tree.map(lambda m, v: m / divisor.astype(v.dtype), mu_hat, nu)


def scale_by_adam(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Whether ``eps`` is an epsilon hat, see :func:`optax.adam`.
  """
  utils.check_epsilon_hat(epsilon_hat=epsilon_hat)

  def update_fn():
    if epsilon_hat:
      mu_hat, nu_hat = _move_bias_correction(mu_hat, nu, b2, count_inc), nu
    else:
      nu_hat = ...


@since('0.2.7')
def scale_by_amsgrad(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Whether ``eps`` is an epsilon hat, see :func:`optax.amsgrad`.
  """
  utils.check_epsilon_hat(epsilon_hat=epsilon_hat)
  move_bias_correction = epsilon_hat and bias_correction_nu
  bias_correction_nu = bias_correction_nu and not epsilon_hat

  def update_fn():

    if move_bias_correction:
      mu_hat = _move_bias_correction(mu_hat, nu, b2, count_inc)
    nu_max = ...
