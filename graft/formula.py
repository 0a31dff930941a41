"""Holds the first updates of the optax on the path against Adam's formulas.

A script, which ends with a line that says what does not follow them; with every
option, with the flag and without, in float64.
"""

from collections.abc import Iterator
import inspect
import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

_B1, _B2, _EPS, _RATE, _DECAY = 0.9, 0.99, 1e-3, 0.5, 0.1
_PARAMS = np.array([1.0, -2.0, 0.5])
_GRADS = np.array([[1e-2, -3e-4, 2], [-5e-3, 1e-5, 1], [1e-6, 2e-3, -0.1]])
_OPTIONS = {
    'learning_rate': (_RATE, lambda count: _RATE / (1 + count)),
    'mask': (None, {'matrix': True, 'scalar': False}),
    'eps_root': (0.0, 1e-3),
    'nesterov': (False, True),
    'bias_correction_mu': (True, False),
    'bias_correction_nu': (True, False),
    'mu_dtype': (None, 'float32'),
    'epsilon_hat': (False, True),
}


def expected(name: str, **options) -> Iterator[np.ndarray]:
  """Yields the updates that the formulas of Kingma and Ba give, in float64.

  The options are those of ``_OPTIONS``, as the optimizer takes them.
  """
  given = {option: values[0] for option, values in _OPTIONS.items()}
  given |= {'nesterov': name.startswith('n')} | options
  hat, rate, params = given['epsilon_hat'], given['learning_rate'], _PARAMS
  decay = _DECAY * np.array([1, 1, given['mask'] is None])
  m = v = v_max = 0.0
  for t, g in enumerate(_GRADS, start=1):
    m, v = _B1 * m + (1 - _B1) * g, _B2 * v + (1 - _B2) * g**2
    c1 = 1 - _B1**t if given['bias_correction_mu'] else 1.0
    c2 = 1 - _B2**t if given['bias_correction_nu'] else 1.0
    m_hat = m / c1
    if given['nesterov']:
      m_hat = _B1 * m / (1 - _B1 ** (t + 1)) + (1 - _B1) * g / c1
    factor, under_root = (np.sqrt(c2), v) if hat else (1.0, v / c2)
    v_max = np.maximum(v_max, under_root) if name == 'amsgrad' else under_root
    update = factor * m_hat / (np.sqrt(v_max + given['eps_root']) + _EPS)
    if name.endswith('w'):
      update = update + decay * params
    m = np.asarray(m, given['mu_dtype'])
    update = -(rate(t - 1) if callable(rate) else rate) * update
    params = params + update
    yield update


def _hold(name: str, factory, options, dtype='float64', rtol=1e-12) -> None:
  """Ends the process if an optimizer's updates are not the formulas'."""

  def tree(array):
    array = jnp.asarray(array, dtype)
    return {'matrix': array[:2].reshape(1, 2), 'scalar': array[2]}

  decay = {'weight_decay': _DECAY} if name.endswith('w') else {}
  opt = factory(b1=_B1, b2=_B2, eps=_EPS, **decay, **options)
  params, state = _PARAMS, opt.init(tree(_PARAMS))
  for t, correct in enumerate(expected(name, **options)):
    updates, state = opt.update(tree(_GRADS[t]), state, tree(params))
    update = np.concatenate([np.ravel(x) for x in updates.values()])
    params = params + update
    if not np.allclose(update, correct, 0, rtol * np.max(np.abs(correct))):
      given = ', '.join(f'{k}={v!r}' for k, v in options.items())
      problem = f'{name}({given}) gives {update.tolist()} at step {t + 1}'
      sys.exit(f'{problem}, the formula {correct.tolist()}')


def _hold_all() -> str:
  """Holds every optimizer that takes the flag, with each of its options."""
  jax.config.update('jax_enable_x64', True)
  held = []
  for name in ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad'):
    factory = getattr(optax, name, lambda: None)
    takes = inspect.signature(factory).parameters
    if 'epsilon_hat' in takes:
      options = {k: v for k, v in _OPTIONS.items() if k in takes}
      for values in itertools.product(*options.values()):
        _hold(name, factory, dict(zip(options, values, strict=True)))
      for epsilon_hat in (False, True):
        given = {'learning_rate': _RATE, 'epsilon_hat': epsilon_hat}
        _hold(name, factory, given, 'bfloat16', 16 * 2.0**-8)  # 16 roundings.
      held.append(name)
    elif hasattr(optax, name) and name != 'amsgrad' or name == 'adam':
      sys.exit(f'{name} does not take the flag')
  return f'{", ".join(held)} follow the formulas'


if __name__ == '__main__':
  print(_hold_all())
