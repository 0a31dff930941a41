import jax
import jax.numpy as jnp
from optax._src import utils


def scale_by_adam(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Whether to add ``eps`` before the second moment's bias
      correction, see :func:`optax.adam`.
  """
  ...
  utils.check_epsilon_hat(epsilon_hat)

  def init_fn():
    ...

  def update_fn():
    if epsilon_hat:
      nu_hat = nu
    else:
      nu_hat = ...
    updates = ...
    if epsilon_hat:
      # The bias correction becomes part of the step size, as in the paper.
      scale = jnp.sqrt(1 - b2**count_inc)
      updates = jax.tree.map(lambda u: u * scale.astype(u.dtype), updates)


@since('0.2.7')
def scale_by_amsgrad(*, epsilon_hat: bool = False):
  """...

  Args:
    epsilon_hat: Whether to take the maximum and add ``eps`` before the second
      moment's bias correction, see :func:`optax.amsgrad`.
  """
  ...
  utils.check_epsilon_hat(epsilon_hat)

  def init_fn():
    ...

  def update_fn():
    if ... and not epsilon_hat:
      nu_eff = ...
    updates = ...
    if bias_correction_nu and epsilon_hat:
      # The bias correction becomes part of the step size, as in Adam's paper.
      scale = jnp.sqrt(1 - b2**count_inc)
      updates = jax.tree.map(lambda u: u * scale.astype(u.dtype), updates)
