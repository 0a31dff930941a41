"""Prints, as JSON, how Adam behaves in the optax that is on the path.

Run with a release on ``PYTHONPATH``, grafted or pristine; see ``survey.py``.
"""

import inspect
import json

import jax
import numpy as np
import optax

from tests.numerics import reference
from tests.numerics import rounding

STEPS = 100
_HYPERPARAMS = {'b1': 0.9, 'b2': 0.99, 'eps': 1e-3, 'eps_root': 1e-6}


def takes(function, name: str) -> bool:
  return name in inspect.signature(function).parameters


def deviation(factory, formula, flags: dict[str, bool]) -> dict[str, float]:
  """The largest relative error of the updates, and in units of its bound."""
  options = {k: v for k, v in formula.items() if k != 'amsgrad'}
  made = factory(**_HYPERPARAMS, **options, **flags)
  rng = np.random.default_rng(0)
  sizes = 10.0 ** rng.uniform(-6, 2, 20)
  state = made.init(sizes)
  theirs, errors = reference.init(sizes), rounding.init(sizes)
  relative = of_bound = 0.0
  for _ in range(STEPS):
    grads = sizes * rng.normal(size=20)
    updates, state = made.update(grads, state, sizes)
    expected, bound, theirs, errors = rounding.update(
        grads, theirs, errors, 2.0**-52, **_HYPERPARAMS, **formula, **flags
    )
    error = np.abs(updates - expected)
    relative = max(relative, np.max(error) / np.max(np.abs(expected)))
    of_bound = max(of_bound, np.max(error / bound))
  return {'relative': float(relative), 'of_bound': float(of_bound)}


def probe() -> dict[str, object]:
  """How far the flag is there, and how far all is from the formulas."""
  cases = {'adam': (optax.scale_by_adam, {})}
  if takes(optax.scale_by_adam, 'nesterov'):
    cases['nadam'] = (optax.scale_by_adam, {'nesterov': True})
  if takes(optax.scale_by_amsgrad, 'epsilon_hat'):
    cases['amsgrad'] = (optax.scale_by_amsgrad, {'amsgrad': True})
  return {
      'file': optax.__file__,
      'take_the_flag': [
          name
          for name in ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
          if hasattr(optax, name) and takes(getattr(optax, name), 'tf_style')
      ],
      'deviations': {
          f'{name} {flags}': deviation(factory, formula, flags)
          for name, (factory, formula) in cases.items()
          for flags in ({}, {'epsilon_hat': True})
          if not flags or takes(factory, 'epsilon_hat')
      },
  }


if __name__ == '__main__':
  jax.config.update('jax_enable_x64', True)
  print(json.dumps(probe()))
