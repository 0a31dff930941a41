"""Holds the first updates of a grafted optax against Adam's formulas.

What cannot be decided by reading upstream's text is decided by running it: the
package is imported in a process of its own, which is this module run as a
script, and every optimizer that takes the flag makes a few steps in float64,
with each of its options, with the flag and without.
"""

from collections.abc import Iterator
import inspect
import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np

from graft import errors
from graft import package

NAMES = ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
_B1, _B2, _EPS, _RATE, _DECAY = 0.9, 0.99, 1e-3, 0.5, 0.1
_PARAMS = np.array([1.0, -2.0, 0.5])
_GRADS = np.array([[1e-2, -3e-4, 2], [-5e-3, 1e-5, 1], [1e-6, 2e-3, -0.1]])
_OPTIONS = {
    'eps_root': (0.0, 1e-3),
    'nesterov': (False, True),
    'bias_correction_mu': (True, False),
    'bias_correction_nu': (True, False),
    'mu_dtype': (None, 'float32'),
    'tf_style': (False, True),
}


def expected(
    name: str,
    eps_root: float = 0.0,
    nesterov: bool = False,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    mu_dtype: str | None = None,
    tf_style: bool = False,
) -> Iterator[np.ndarray]:
  """The updates that the formulas of Kingma and Ba give, step by step.

  Args:
    name: The optimizer.
    eps_root: As for :func:`optax.adam`, and so are the other options.
    nesterov: Implied by the name of ``nadam`` and ``nadamw``.
    bias_correction_mu: Only AMSGrad has it, as the next one.
    bias_correction_nu: Without it there is nothing for the flag to move.
    mu_dtype: What the first moment is rounded to between steps.
    tf_style: Algorithm 1 of the paper, or the form just before Section 2.1.

  Yields:
    An array in float64.
  """
  m = v = v_max = 0.0
  params = _PARAMS
  for t, g in enumerate(_GRADS, start=1):
    m, v = _B1 * m + (1 - _B1) * g, _B2 * v + (1 - _B2) * g**2
    c1 = 1 - _B1**t if bias_correction_mu else 1.0
    c2 = 1 - _B2**t if bias_correction_nu else 1.0
    m_hat = m / c1
    if nesterov or name.startswith('n'):
      m_hat = _B1 * m / (1 - _B1 ** (t + 1)) + (1 - _B1) * g / c1
    under_root = v if tf_style else v / c2
    v_max = np.maximum(v_max, under_root) if name == 'amsgrad' else under_root
    scale = np.sqrt(c2) if tf_style else 1.0
    update = scale * m_hat / (np.sqrt(v_max + eps_root) + _EPS)
    if name.endswith('w'):
      update = update + _DECAY * params
    m = np.asarray(m, mu_dtype).astype(np.float64)
    params = params - _RATE * update
    yield -_RATE * update


def _settings(name: str, parameters) -> Iterator[dict[str, object]]:
  """Each combination of the options that an optimizer has."""
  there = {k: v for k, v in _OPTIONS.items() if k in parameters}
  if name.startswith('n'):
    del there['nesterov']
  for values in itertools.product(*there.values()):
    yield dict(zip(there, values, strict=True))


def _hold(name: str, factory, options: dict[str, object]) -> None:
  """Raises ValueError if an optimizer's updates are not the formulas'."""
  fixed = {'b1': _B1, 'b2': _B2, 'eps': _EPS}
  if name.endswith('w'):
    fixed['weight_decay'] = _DECAY
  opt = factory(_RATE, **fixed, **options)
  params, state = _PARAMS, opt.init(_PARAMS)
  rtol = 1e-6 if options.get('mu_dtype') else 1e-12
  for t, correct in enumerate(expected(name, **options)):
    update, state = opt.update(_GRADS[t], state, params)
    params = params + update
    if not np.allclose(update, correct, rtol=rtol, atol=0):
      given = ', '.join(f'{k}={v!r}' for k, v in options.items())
      raise ValueError(
          f'{name}({given}) gives {update} at step {t + 1} where the formula'
          f' gives {correct}'
      )


def _hold_all() -> str:
  """Holds every optimizer that takes the flag; says which."""
  import jax  # pylint: disable=import-outside-toplevel
  import optax  # pylint: disable=import-outside-toplevel

  jax.config.update('jax_enable_x64', True)
  held = []
  for name in NAMES:
    factory = getattr(optax, name, None)
    parameters = inspect.signature(factory).parameters if factory else ()
    if 'tf_style' in parameters:
      for options in _settings(name, parameters):
        _hold(name, factory, options)
      held.append(name)
  if not held:
    raise ValueError('no optimizer takes the flag')
  return f'{", ".join(held)} follow the formulas'


def _run(root: pathlib.Path, *command: str) -> subprocess.CompletedProcess[str]:
  """Runs Python with the optax in a folder before any other."""
  path = os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')])
  return subprocess.run(
      [sys.executable, '-B', '-W', 'ignore', *command],
      env=os.environ | {'PYTHONPATH': path, 'JAX_PLATFORMS': 'cpu'},
      cwd=package.REPOSITORY,
      capture_output=True,
      text=True,
      check=False,
  )


def check(grafted: pathlib.Path, upstream: pathlib.Path) -> str:
  """Holds a grafted optax against the formulas, in a process of its own.

  Args:
    grafted: The folder with the grafted ``optax/``.
    upstream: The folder with the pristine one.

  Returns:
    What was held; or that upstream cannot be imported here, so nothing was.

  Raises:
    GraftError: an optimizer does not follow them, or the result does not run.
  """
  done = _run(grafted, '-m', 'graft.formula')
  if done.returncode == 0:
    return done.stdout.strip()
  problem = done.stderr.strip().splitlines()[-1]
  pristine = _run(upstream, '-c', 'import optax')
  if pristine.returncode:
    why = pristine.stderr.strip().splitlines()[-1]
    return f'not held against the formulas: upstream does not import ({why})'
  raise errors.GraftError(f'{problem}; adapt the sparse files to this release')


if __name__ == '__main__':
  try:
    print(_hold_all())
  except ValueError as error:
    sys.exit(' '.join(str(error).split()))
