"""Checks the updates of the optax on the path against Adam's formulas.

A script, which the build runs on the merged package. It prints one line if
every function that takes the flag computes what the formulas say, with every
option and with the flag on and off. Otherwise it exits with the first function
and options that don't. A function with a parameter that is not in the tables
below fails too: nobody knows what the flag means with it.
"""

from collections.abc import Iterator
import inspect
import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

_RATE = 0.5
# The values to try, the default first, in the order of the parameters.
_VALUES = {
    'learning_rate': (_RATE, lambda count: _RATE / (1 + count)),
    'b1': (0.9, 0.8),
    'b2': (0.999, 0.99),
    'eps': (1e-8, 1e-3),
    'eps_root': (0.0, 1e-3),
    'mu_dtype': (None, 'float32'),
    'weight_decay': (1e-4, 0.1),
    'mask': (None, {'matrix': True, 'scalar': False}),
    'bias_correction_mu': (True, False),
    'bias_correction_nu': (True, False),
    'nesterov': (False, True),
    'epsilon_hat': (False, True),
    'tf_style': (False, True),
}
_NUMBERS = ('b1', 'b2', 'eps', 'weight_decay')
_COMMON = {'b1', 'b2', 'eps', 'eps_root', 'mu_dtype', 'epsilon_hat'}
_CORRECTIONS = {'bias_correction_mu', 'bias_correction_nu'}
_ADAM = _COMMON | {'learning_rate', 'tf_style', 'nesterov'}
_ADAMW = _ADAM | {'weight_decay', 'mask'}
_PARAMETERS = {
    'scale_by_adam': _COMMON | {'nesterov'},
    'scale_by_amsgrad': _COMMON | _CORRECTIONS,
    'adam': _ADAM,
    'adamw': _ADAMW,
    'nadam': _ADAM,
    'nadamw': _ADAMW,
    'amsgrad': _ADAM - {'nesterov'} | _CORRECTIONS,
}
_PARAMS = np.array([1.0, -2.0, 0.5])
_GRADS = np.array(
    [[1e-2, 0, 2], [-5e-3, 0, 1], [1e-6, -3e-4, -0.1], [0, 1e-5, 1e3]]
)
_TOLERANCES = {'float32': 1e-4, 'bfloat16': 2.0**-4}  # Else 1e-12.


def _defaults(name: str) -> dict:
  """The arguments that a function has by default, with a learning rate."""
  given = {key: values[0] for key, values in _VALUES.items()}
  return given | {'nesterov': name.startswith('nadam')}


def expected(name: str, grads, count: int = 0, **options) -> Iterator:
  """Yields the updates that the formulas of Kingma and Ba give.

  Args:
    name: The function.
    grads: One row of three gradients for each step.
    count: The number of steps before these, which left moments of zero.
    **options: The function's arguments, apart from defaults.

  Yields:
    The update of each step, in NumPy's arithmetic.
  """
  given = _defaults(name) | options
  hat, rate = given['epsilon_hat'] or given['tf_style'], given['learning_rate']
  b1, b2, params = given['b1'], given['b2'], _PARAMS
  decay = given['weight_decay'] * np.array([1, 1, given['mask'] is None])
  m = v = v_max = 0.0
  for t, g in enumerate(grads, start=count + 1):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * np.abs(g) ** 2
    c1 = 1 - b1**t if given['bias_correction_mu'] else 1.0
    c2 = 1 - b2**t if given['bias_correction_nu'] else 1.0
    m_hat = m / c1
    if given['nesterov']:
      m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / c1
    factor, under_root = (np.sqrt(c2), v) if hat else (1.0, v / c2)
    v_max = np.maximum(v_max, under_root) if 'amsgrad' in name else under_root
    root = np.sqrt(v_max + given['eps_root'])
    update = factor * m_hat / (root + given['eps'])
    m = np.asarray(m, given['mu_dtype'])
    if name.endswith('w'):
      update = update + decay * params
    if not name.startswith('scale_by'):
      update = -(rate(t - 1) if callable(rate) else rate) * update
    params = params + update
    yield update


def _check(
    name: str, options: dict, dtype='float64', count: int = 0, jit: bool = False
) -> None:
  """Exits if a function's updates, with these options, are not the formulas'.

  Under ``jit`` the numbers are traced, as ``inject_hyperparams`` has them.
  """

  def tree(array):
    array = jnp.asarray(array, dtype)
    return {'matrix': array[:2].reshape(1, 2), 'scalar': array[2]}

  call = f'{name}({", ".join(f"{k}={v!r}" for k, v in options.items())})'
  numbers = {k: v for k, v in options.items() if jit and isinstance(v, float)}
  create = lambda numbers: getattr(optax, name)(**(options | numbers))
  update_fn = lambda numbers, *args: create(numbers).update(*args)
  if options.get('tf_style') and (_defaults(name) | options)['nesterov']:
    try:
      create({})
    except ValueError:
      return
    sys.exit(f'{call} does not raise a ValueError')
  state = create({}).init(tree(_PARAMS))
  state = jax.tree.map(lambda x: x + count * (x.dtype == 'int32'), state)
  grads, params = _GRADS * (0.6 + 0.8j if 'complex' in dtype else 1), _PARAMS
  update_fn = jax.jit(update_fn) if jit else update_fn
  for t, correct in enumerate(expected(name, grads, count, **options)):
    args = tree(grads[t]), state, tree(params)
    updates, state = update_fn(numbers, *args)
    update = np.concatenate([np.ravel(x) for x in updates.values()])
    params = params + update
    error = _TOLERANCES.get(dtype, 1e-12) * np.max(np.abs(correct))
    if not np.allclose(update, correct, 0, error):
      where = f'{call} gives {update.tolist()} at step {count + t + 1}'
      sys.exit(f'{where} in {dtype}, the formula {correct.tolist()}')


def _check_parameters(name: str) -> list[str]:
  """The parameters of a function; exits if one, or its default, is unknown."""
  takes = inspect.signature(getattr(optax, name)).parameters
  known = [key for key in _VALUES if key in _PARAMETERS[name]]
  for key, parameter in takes.items():
    if key not in known:
      sys.exit(f'{name} has a parameter `{key}`, which the check does not cover')
    default = _defaults(name)[key]
    if key != 'learning_rate' and parameter.default != default:
      problem = f'{name} has the default {key}={parameter.default!r}'
      sys.exit(f'{problem}, the check covers {default!r}')
  if list(takes) != [key for key in known if key in takes]:
    sys.exit(f'{name} takes its parameters in an unknown order')
  return list(takes)


def _check_function(name: str, takes: list[str]) -> None:
  """Exits if a function, with some of its options, is not the formulas'."""
  rate = {'learning_rate': _RATE} if 'learning_rate' in takes else {}
  numbers = {key: _VALUES[key][1] for key in _NUMBERS if key in takes}
  flags = [{key: True} for key in ('epsilon_hat', 'tf_style') if key in takes]
  for flag in ({}, *flags):
    for dtype in ('float32', 'float64', 'complex128'):
      _check(name, rate | flag, dtype)
    _check(name, rate | numbers | flag, 'bfloat16')
    _check(name, rate | numbers | flag, count=1000, jit=True)
  options = {k: v for k, v in _VALUES.items() if k in takes and k not in numbers}
  if _defaults(name)['nesterov']:
    del options['nesterov']
  for values in itertools.product(*options.values()):
    _check(name, numbers | dict(zip(options, values, strict=True)))


def check_all() -> str:
  """Checks every function that has the flag; says which ones these are."""
  jax.config.update('jax_enable_x64', True)
  checked = []
  for name in _PARAMETERS:
    if name.startswith('nadam') and not hasattr(optax, name):
      continue  # Before 0.1.9.
    takes = _check_parameters(name)
    if 'epsilon_hat' in takes:
      _check_function(name, takes)
      checked.append(name)
    elif 'amsgrad' not in name or 'bias_correction_nu' in takes:
      sys.exit(f'{name} does not take the flag')
  return f'{", ".join(checked)} follow the formulas'


if __name__ == '__main__':
  print(check_all())
