import jax
import numpy as np


def canonicalize_dtype():
  ...


def check_epsilon_hat(value: bool, name: str = 'epsilon_hat') -> None:
  """Check that `epsilon_hat`, or its alias `name`, is a bool."""
  if isinstance(value, (bool, np.bool_)):
    return
  message = f'`{name}` must be True or False, got {value!r}.'
  if isinstance(value, (int, float, np.number, np.ndarray, jax.Array)):
    message += ' The value of epsilon goes in `eps`.'
  raise TypeError(message)
