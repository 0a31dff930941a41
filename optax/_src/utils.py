import jax.numpy as jnp
import numpy as np


def canonicalize_dtype():
  ...


def check_epsilon_hat(**flags: object) -> None:
  """Refuses numbers, in arrays too, as they would be taken for True."""
  for name, flag in flags.items():
    if not isinstance(flag, (bool, np.bool_)):
      raise TypeError(f'`{name}` is a flag, got {flag!r}: set `eps` instead.')
