"""Prints, as JSON, what the optax on the path offers and computes.

Run with one optax and then with another on ``PYTHONPATH``, it shows what the
two have in common; see ``unchanged_test.py``.
"""

from collections.abc import Iterator
import importlib
import inspect
import json
import pkgutil
import re
import warnings

import jax
import jax.numpy as jnp
import optax

NO_JAXPR = 'cannot be traced: '

# Each is tried on the factories that have it.
_OPTIONS = (
    {'nesterov': True},
    {'mu_dtype': 'float16'},
    {'eps_root': 1e-3},
    {'bias_correction_mu': False},
    {'bias_correction_nu': False},
)
_ADDRESS = re.compile(r' at 0x[0-9a-f]+')


def public_modules() -> list[str]:
  """The names of optax's public modules, tests left out."""
  found = pkgutil.walk_packages(optax.__path__, 'optax.')
  return ['optax'] + sorted(
      name
      for _, name, _ in found
      if not any(part.startswith('_') for part in name.split('.')[1:])
      and not name.endswith('_test')
  )


def public_callables() -> dict[str, object]:
  """Every public callable of optax by its dotted name."""
  found = {}
  for name in public_modules():
    module = importlib.import_module(name)
    for attribute in getattr(module, '__all__', dir(module)):
      value = getattr(module, attribute)
      if not attribute.startswith('_') and callable(value):
        found[f'{name}.{attribute}'] = value
  return found


def signature(function) -> str:
  try:
    return _ADDRESS.sub('', str(inspect.signature(function)))
  except (TypeError, ValueError):
    return ''


def transformations(factory) -> Iterator[tuple[str, object]]:
  """What a factory makes of its defaults, and of each option that it has."""
  for options in ({}, *_OPTIONS):
    for required in ({}, {'learning_rate': 1e-2}):
      try:
        made = factory(**required, **options)
      except Exception:  # pylint: disable=broad-except
        continue
      if hasattr(made, 'init') and hasattr(made, 'update'):
        yield json.dumps(options), made
        break


def computation(made: optax.GradientTransformation) -> str:
  """The jaxpr of a transformation's first step, or that there is none."""
  params = {'w': jnp.ones((2, 3)), 'b': jnp.ones((3,), jnp.bfloat16)}
  objective = lambda tree: jnp.sum(tree['w'])
  extra = {'value_fn': objective, 'obj_fn': objective, 'grad': params}
  update = optax.with_extra_args_support(made).update

  def step(updates, params):
    state = made.init(params)
    return update(updates, state, params, value=jnp.ones(()), **extra)

  try:
    return _ADDRESS.sub('', str(jax.make_jaxpr(step)(params, params)))
  except Exception as error:  # pylint: disable=broad-except
    return NO_JAXPR + type(error).__name__


def describe() -> dict[str, object]:
  """What optax offers and computes."""
  callables = public_callables()
  return {
      'file': optax.__file__,
      'version': optax.__version__,
      'all': list(optax.__all__),
      'signatures': {name: signature(f) for name, f in callables.items()},
      'computations': {
          f'{name} {options}': computation(made)
          for name, factory in callables.items()
          for options, made in transformations(factory)
      },
  }


if __name__ == '__main__':
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    print(json.dumps(describe()))
