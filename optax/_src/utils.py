import jax.numpy as jnp
import numpy as np


def canonicalize_dtype():
  ...


def resolve_epsilon_hat(epsilon_hat, tf_style=False, nesterov=False) -> bool:
  """Returns whether either flag is set, or raises if one is not supported."""
  for name, flag in (('epsilon_hat', epsilon_hat), ('tf_style', tf_style)):
    if not isinstance(flag, (bool, np.bool_)):
      raise TypeError(
          f'`{name}` must be a bool, got {flag!r}. The value of epsilon goes in'
          ' `eps`.'
      )
  if tf_style and nesterov:
    raise ValueError(
        '`tf_style` does not support Nesterov momentum: the Nadam of Keras'
        ' follows Algorithm 1. `epsilon_hat=True` selects the formula anyway.'
    )
  return epsilon_hat or tf_style
