"""Prints, as JSON, how the flag behaves in the optax that is on the path.

Run with a grafted release on ``PYTHONPATH``; see ``survey.py``.
"""

import functools
import inspect
import json

import jax
import numpy as np

from tests.numerics import reference

STEPS = 100
HYPERPARAMS = {'b1': 0.9, 'b2': 0.99, 'eps': 1e-3, 'eps_root': 1e-6}


def _deviation(factory, epsilon_hat: bool, **options: bool) -> float:
  """Largest relative error of the updates against the formula, in float64."""
  made = factory(**HYPERPARAMS, **options, epsilon_hat=epsilon_hat)
  rng = np.random.default_rng(0)
  magnitude = 10.0 ** rng.uniform(-6, 2, (5, 4))
  params = {'w': np.ones((5, 4)), 'b': np.ones(3)}
  state, theirs = made.init(params), reference.init(params)
  amsgrad = {'amsgrad': True} if hasattr(state, 'nu_max') else {}
  worst = 0.0
  for _ in range(STEPS):
    grads = {'w': magnitude * rng.normal(size=(5, 4)), 'b': rng.normal(size=3)}
    updates, state = made.update(grads, state, params)
    expected, theirs = reference.update(
        grads,
        theirs,
        **HYPERPARAMS,
        **options,
        **amsgrad,
        epsilon_hat=epsilon_hat,
    )
    for name in params:
      scale = np.max(np.abs(expected[name]))
      error = np.max(np.abs(updates[name] - expected[name]))
      worst = max(worst, float(error / scale))
  return worst


def _refuses_numbers(factory, name: str) -> bool:
  try:
    factory(**{name: 1e-7})
  except TypeError as error:
    return '`eps`' in str(error)
  return False


def probe() -> dict[str, object]:
  """How far the flag is there, and how far it is from the formula."""
  import optax  # pylint: disable=import-outside-toplevel

  takes = lambda f, name: name in inspect.signature(f).parameters
  factories = {'adam': (optax.scale_by_adam, {})}
  if takes(optax.scale_by_adam, 'nesterov'):
    factories['nadam'] = (optax.scale_by_adam, {'nesterov': True})
  if takes(optax.scale_by_amsgrad, 'epsilon_hat'):
    factories['amsgrad'] = (optax.scale_by_amsgrad, {})
  deviations = {
      name: [_deviation(f, flag, **options) for flag in (False, True)]
      for name, (f, options) in factories.items()
  }
  aliases = [
      name
      for name in ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
      if hasattr(optax, name) and takes(getattr(optax, name), 'tf_style')
  ]
  refusals = {
      f'{name} {flag}': _refuses_numbers(
          functools.partial(getattr(optax, name), 1e-3), flag
      )
      for name in aliases
      for flag in ('epsilon_hat', 'tf_style')
  }
  return {
      'version': optax.__version__,
      'file': optax.__file__,
      'deviations': deviations,
      'aliases': aliases,
      'refusals': refusals,
  }


if __name__ == '__main__':
  jax.config.update('jax_enable_x64', True)
  print(json.dumps(probe()))
