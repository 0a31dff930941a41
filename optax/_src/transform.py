import functools

import jax
import jax.numpy as jnp
from optax._src import utils


@functools.partial(jax.jit, inline=True)
def _move_bias_correction(mu_hat, nu, decay, count):
  """Moves the bias correction of the second moment to the first moment."""
  factor = jnp.sqrt(1 - decay**count)
  # Cast last, since decay**count may round to 1 in low precision.
  return jax.tree.map(lambda m, v: m * factor.astype(v.dtype), mu_hat, nu)


def scale_by_adam(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Adds ``eps`` before bias correction; see :func:`optax.adam`.
  """
  ...
  epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat)

  def init_fn():
    ...

  def update_fn():
    if epsilon_hat:
      mu_hat, nu_hat = _move_bias_correction(mu_hat, nu, b2, count_inc), nu
    else:
      nu_hat = ...


@since('0.2.7')
def scale_by_amsgrad(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Adds ``eps`` before bias correction; see :func:`optax.amsgrad`.
  """
  ...
  epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat)
  # With the flag, the maximum is over the uncorrected second moment.
  move_bias_correction = epsilon_hat and bias_correction_nu
  bias_correction_nu = bias_correction_nu and not epsilon_hat

  def init_fn():
    ...

  def update_fn():

    if move_bias_correction:
      mu_hat = _move_bias_correction(mu_hat, nu, b2, count_inc)
    nu_max = ...
