"""Checks the updates of the optax on the path against Adam's formulas.

A script, which the build runs on the merged package. It prints one line if
every function follows the formulas with every option, with and without the
flag; otherwise it exits with the first call that does not. A parameter or a
default that is not in the table fails as well.
"""

import inspect
import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

_RATE, _MASK = 0.5, {'matrix': True, 'vector': True, 'scalar': False}
# The values to try of every parameter, the default first.
_VALUES = {
    'learning_rate': (_RATE, lambda count: _RATE / (1 + count)),
    'b1': (0.9, 0.8),
    'b2': (0.999, 0.99),
    'eps': (1e-8, 1e-3),
    'eps_root': (0.0, 1e-3),
    'mu_dtype': (None, 'float32'),
    'weight_decay': (1e-4, 0.1),
    'mask': (None, _MASK, lambda tree: _MASK),
    'bias_correction_mu': (True, False),
    'bias_correction_nu': (True, False),
    'nesterov': (False, True),
    'epsilon_hat': (False, True),
    'tf_style': (False, True),
}
_NUMBERS = ('b1', 'b2', 'eps', 'weight_decay')
_FUNCTIONS = ('scale_by_adam', 'scale_by_amsgrad')
_FUNCTIONS += ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
_RANDOM = np.random.default_rng(0)
_PARAMS = _RANDOM.normal(size=18)
# Four steps, from tiny to huge; some gradients are zero, and two not finite.
_GRADS = _RANDOM.normal(size=(4, 18)) * 10 ** _RANDOM.uniform(-12, 9, (4, 18))
_GRADS *= _RANDOM.random((4, 18)) > 0.1
_GRADS[3, :2] = np.nan, np.inf
_DECAYED = np.arange(18) != 12  # Under the mask, all but the scalar.
# Relative to the largest update; bfloat16 rounds 16 times.
_TOLERANCES = {'float32': 1e-4, 'bfloat16': 2.0**-4}


def _defaults(name: str) -> dict:
  """The arguments that a function has by default, and a learning rate."""
  given = {key: values[0] for key, values in _VALUES.items()}
  return given | {'nesterov': name.startswith('nadam')}


@np.errstate(divide='ignore', invalid='ignore', over='ignore')
def expected(name: str, grads, count: int = 0, **options) -> list[np.ndarray]:
  """The updates that the formulas of Kingma and Ba give, for rows of gradients.

  The first row is the gradient of step ``count + 1``, with moments of zero.
  """
  given = _defaults(name) | options
  hat, rate = given['epsilon_hat'] or given['tf_style'], given['learning_rate']
  b1, b2, params = given['b1'], given['b2'], _PARAMS
  decay = given['weight_decay'] * (_DECAYED | (given['mask'] is None))
  updates, m, v, v_max = [], 0.0, 0.0, 0.0
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
    updates.append(update)
  return updates


def _check_call(
    name: str, options: dict, dtype='float64', count: int = 0, jit: bool = False
) -> None:
  """Exits if a function with these options does not follow the formulas."""

  def tree(array):
    array = jnp.asarray(array, dtype)
    matrix, scalar, vector = array[:12].reshape(4, 3), array[12], array[13:]
    return {'matrix': matrix, 'scalar': scalar, 'vector': vector}

  # In low precision as most programs run, in high precision to be exact.
  jax.config.update('jax_enable_x64', dtype not in _TOLERANCES)
  call = f'{name}({", ".join(f"{k}={v!r}" for k, v in options.items())})'
  create = lambda numbers: getattr(optax, name)(**(options | numbers))
  if options.get('tf_style') and (_defaults(name) | options)['nesterov']:
    try:
      create({})
    except ValueError:
      return
    sys.exit(f'{call} does not raise a ValueError')
  # Under jit the numbers are traced, as inject_hyperparams passes them.
  numbers = {k: v for k, v in options.items() if jit and isinstance(v, float)}
  update_fn = lambda numbers, *args: create(numbers).update(*args)
  update_fn = jax.jit(update_fn) if jit else update_fn
  state = create({}).init(tree(_PARAMS))
  state = jax.tree.map(lambda x: x + count * (x.dtype == 'int32'), state)
  grads, params = _GRADS * (0.6 + 0.8j if 'complex' in dtype else 1), _PARAMS
  for step, correct in enumerate(expected(name, grads, count, **options)):
    args = tree(grads[step]), state, tree(params)
    updates, state = update_fn(numbers, *args)
    update = np.concatenate([np.ravel(x) for x in jax.tree.leaves(updates)])
    params = params + update
    error = _TOLERANCES.get(dtype, 1e-12) * np.nanmax(np.abs(correct))
    wrong = ~np.isclose(update, correct, 0, error, equal_nan=True)
    if wrong.any():
      i = wrong.argmax()
      found = f'{call} gives {update[i]!s} at step {count + step + 1}'
      sys.exit(f'{found} in {dtype}, the formula {correct[i]!s}')


def _check_function(name: str) -> bool:
  """Whether a function has the flag; exits if its updates are wrong."""
  takes = inspect.signature(getattr(optax, name)).parameters
  for key, parameter in takes.items():
    if key not in _VALUES:
      problem = f'{name} has a parameter `{key}`'
      sys.exit(f'{problem}, which the check does not cover')
    known, found = _defaults(name)[key], parameter.default
    if key != 'learning_rate' and found != known:
      problem = f'{name} has the default {key}={found!r}'
      sys.exit(f'{problem}, the check covers {known!r}')
  if 'epsilon_hat' not in takes:
    if 'amsgrad' in name and 'bias_correction_nu' not in takes:
      return False  # Before 0.2.7.
    sys.exit(f'{name} does not take the flag')
  pick = lambda keys, i: {k: _VALUES[k][i] for k in keys if k in takes}
  rate, numbers = pick(['learning_rate'], 0), pick(_NUMBERS, 1)
  callables = pick(['learning_rate', 'mask'], -1)
  for flags in ([], ['epsilon_hat'], ['tf_style'], ['tf_style', 'nesterov']):
    flags = pick(flags, 1)
    for dtype in ('float32', 'float64', 'complex128'):
      _check_call(name, rate | flags, dtype)
    _check_call(name, rate | numbers | flags, 'bfloat16')
    if 'tf_style' not in flags:
      _check_call(name, callables | numbers | flags, count=1000, jit=True)
  switches = [k for k in takes if k not in {*rate, *numbers, 'tf_style'}]
  if _defaults(name)['nesterov']:
    switches.remove('nesterov')
  for values in itertools.product(*(_VALUES[key][:2] for key in switches)):
    options = dict(zip(switches, values, strict=True))
    _check_call(name, rate | numbers | options)
  return True


def check_all() -> str:
  """Checks every function; returns a line that names those with the flag."""
  # Releases before 0.1.9 have no Nadam.
  names = [x for x in _FUNCTIONS if 'nadam' not in x or hasattr(optax, x)]
  return f'{", ".join(filter(_check_function, names))} follow the formulas'


if __name__ == '__main__':
  try:
    print(check_all())
  except Exception as error:  # Whatever upstream raises, in one line.
    sys.exit(f'{type(error).__name__}: {str(error).strip()}'.split('\n')[0])
