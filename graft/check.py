"""Checks the updates of the optax on the path against Adam's formulas.

The build runs it on the merged package, in a separate process. It prints one
line if every function that takes ``epsilon_hat`` follows its formula with every
option, with and without the flag. Otherwise it exits with the first call that
does not, and with what to do.
"""

from collections.abc import Callable, Iterator, Mapping
import inspect
import itertools
import sys
import types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from graft import formula
from graft import since
from graft.errors import GraftError

_RATE = 0.5
_MASK = {'matrix': True, 'scalar': False}


def _schedule(count):
  return _RATE / (1 + count)


def _mask_of(params):
  del params
  return _MASK


# The values to try of each parameter. The first is its default.
VALUES = {
    'learning_rate': (_RATE, _schedule),
    'b1': (0.9, 0.8),
    'b2': (0.999, 0.99),
    'eps': (1e-8, 1e-3),
    'eps_root': (0.0, 1e-3),
    'mu_dtype': (None, 'float32'),
    'weight_decay': (1e-4, 0.1),
    'mask': (None, _MASK, _mask_of),
    'bias_correction_mu': (True, False),
    'bias_correction_nu': (True, False),
    'nesterov': (False, True),
    'epsilon_hat': (False, True),
    'tf_style': (False, True),
}
_NUMBERS = ('b1', 'b2', 'eps', 'weight_decay')
# Relative to the largest update; bfloat16 rounds 16 times.
_TOLERANCES = {'float32': 1e-4, 'bfloat16': 2.0**-4}
_SIZE = 13  # The numbers of a tree; the last one is the scalar.
_STEPS = 4
_REMEDY = 'adapt the sparse file, or the formula in graft/formula.py'


class Case(NamedTuple):
  """One call of a function, and how its updates are computed."""

  options: Mapping[str, Any]
  dtype: str = 'float64'
  count: int = 0  # The steps before the first.
  jit: bool = False  # Whether to trace the numbers, as inject_hyperparams does.


def _tree(numbers: np.ndarray, dtype: str) -> dict[str, jax.Array]:
  """A matrix and a scalar."""
  array = jnp.asarray(numbers, dtype)
  return {
      'matrix': array[:-1].reshape(4, 3),
      'scalar': array[-1],
  }


def _numbers(tree: Mapping[str, jax.Array]) -> np.ndarray:
  """The numbers of a tree, in the order of ``_tree``."""
  return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _problem(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
  """Parameters, and gradients that are tiny, huge, zero or not finite."""
  params = random.normal(size=_SIZE)
  shape = (_STEPS, _SIZE)
  grads = random.normal(size=shape) * 10 ** random.uniform(-12, 9, shape)
  grads *= random.random(shape) > 0.1
  grads[-1, :2] = np.nan, np.inf
  return params, grads


@np.errstate(divide='ignore', invalid='ignore', over='ignore')
def _expected(
    name: str, case: Case, params: np.ndarray, grads: np.ndarray
) -> list[np.ndarray]:
  """The updates by the formula; the mask leaves out the scalar."""
  options = dict(case.options)
  is_decayed = np.full(_SIZE, True)
  is_decayed[-1] = options.pop('mask', None) is None
  return formula.expected(
      name, grads, params, mask=is_decayed, count=case.count, **options
  )


def _updates(
    factory: Callable, case: Case, params: np.ndarray, grads: np.ndarray
) -> Iterator[np.ndarray]:
  """Yields the updates of optax."""
  is_traced = {
      key: case.jit and isinstance(value, float)
      for key, value in case.options.items()
  }
  traced = {k: v for k, v in case.options.items() if is_traced[k]}
  static = {k: v for k, v in case.options.items() if not is_traced[k]}

  def update_fn(traced, updates, state, params):
    return factory(**static, **traced).update(updates, state, params)

  def skip_steps(leaf):
    return leaf + case.count if leaf.dtype == 'int32' else leaf

  if case.jit:
    update_fn = jax.jit(update_fn)
  state = factory(**case.options).init(_tree(params, case.dtype))
  state = jax.tree.map(skip_steps, state)
  for grad in grads:
    trees = _tree(grad, case.dtype), state, _tree(params, case.dtype)
    tree, state = update_fn(traced, *trees)
    update = _numbers(tree)
    params = params + update
    yield update


def _check_case(name: str, factory: Callable, case: Case) -> None:
  """Raises a GraftError if a call does not follow the formula."""
  # In low precision as most programs run, in high precision to be exact.
  jax.config.update('jax_enable_x64', case.dtype not in _TOLERANCES)
  params, grads = _problem(np.random.default_rng(0))
  if case.dtype == 'complex128':
    grads = grads * (0.6 + 0.8j)
  correct = _expected(name, case, params, grads)
  actual = _updates(factory, case, params, grads)
  for step, (ours, theirs) in enumerate(
      zip(correct, actual, strict=True), start=case.count + 1
  ):
    tolerance = _TOLERANCES.get(case.dtype, 1e-12) * np.nanmax(np.abs(ours))
    is_close = np.isclose(theirs, ours, 0, tolerance, equal_nan=True)
    if not is_close.all():
      i = is_close.argmin()
      raise GraftError(
          f'{_call(name, case.options)} gives {theirs[i]!s} at step {step} in'
          f' {case.dtype}, the formula {ours[i]!s}',
          _REMEDY,
      )


def _call(name: str, options: Mapping[str, Any]) -> str:
  """A call as text."""
  arguments = (f'{key}={value!r}' for key, value in options.items())
  return f'{name}({", ".join(arguments)})'


def _check_nesterov(name: str, factory: Callable, takes: Mapping) -> None:
  """Raises a GraftError if ``tf_style`` accepts Nesterov momentum."""
  if not {'tf_style', 'nesterov'} <= {*takes}:
    return
  options = {'learning_rate': _RATE, 'nesterov': True, 'tf_style': True}
  try:
    factory(**options)
  except ValueError:
    return
  call = _call(name, options)
  raise GraftError(f'{call} does not raise a ValueError', _REMEDY)


def _check_parameters(
    name: str, takes: Mapping[str, inspect.Parameter]
) -> None:
  """Raises a GraftError for a parameter or a default that is not known."""
  in_formula = {*_parameters(formula.adam), *_parameters(formula.expected)}
  for key, parameter in takes.items():
    if key not in VALUES or key not in in_formula:
      raise GraftError(
          f'{name} has a parameter `{key}`, which the check does not know',
          'add it to `adam` in graft/formula.py, and its values to VALUES in'
          ' graft/check.py',
      )
    default = formula.FUNCTIONS[name].options.get(key, VALUES[key][0])
    if key != 'learning_rate' and parameter.default != default:
      raise GraftError(
          f'{name} has the default {key}={parameter.default!r}, the check'
          f' knows {default!r}',
          'add it to the options in FUNCTIONS in graft/formula.py',
      )


def _cases(name: str, takes: Mapping[str, Any]) -> Iterator[Case]:
  """Yields the calls to check of a function with these parameters."""

  def values(keys, index):
    return {key: VALUES[key][index] for key in keys if key in takes}

  rate = values(['learning_rate'], 0)
  numbers = values(_NUMBERS, 1)
  callables = values(['learning_rate', 'mask'], -1)
  is_nesterov = formula.FUNCTIONS[name].options.get('nesterov')
  flags = ['epsilon_hat'] if is_nesterov else ['epsilon_hat', 'tf_style']
  for flag in ({}, *(values([flag], 1) for flag in flags)):
    for dtype in ('float32', 'float64', 'complex128'):
      yield Case(rate | flag, dtype)
    yield Case(rate | numbers | flag, 'bfloat16')
    yield Case(callables | numbers | flag, count=1000, jit=True)
  switches = [key for key in takes if key not in {*rate, *numbers, 'tf_style'}]
  for chosen in itertools.product(*(VALUES[key][:2] for key in switches)):
    options = dict(zip(switches, chosen, strict=True))
    yield Case(rate | numbers | options)


def _parameters(factory: Any) -> Mapping[str, inspect.Parameter]:
  """The parameters of a function, or none if it does not tell them."""
  try:
    return inspect.signature(factory).parameters
  except (TypeError, ValueError):
    return {}


def functions_with_flag(module: types.ModuleType) -> dict[str, Callable]:
  """The functions with the flag in a package and its public modules."""
  found: dict[str, Callable] = {}
  modules = {}
  for name, value in vars(module).items():
    if name.startswith('_'):
      continue
    if inspect.ismodule(value):
      modules[name] = value
    elif 'epsilon_hat' in _parameters(value):
      found[name] = value
  for name, value in modules.items():
    if value.__name__ == f'{module.__name__}.{name}':
      for inner, function in functions_with_flag(value).items():
        if function not in found.values():
          found[f'{name}.{inner}'] = function
  return found


def check_all() -> str:
  """Checks every function; returns a line that names those with the flag."""
  found = functions_with_flag(optax)
  for name, entry in formula.FUNCTIONS.items():
    is_due = since.is_since(optax.__version__, entry.since)
    if is_due and name not in found:
      raise GraftError(f'{name} does not take `epsilon_hat`', _REMEDY)
  for name, factory in found.items():
    if name not in formula.FUNCTIONS:
      problem = f'{name} takes `epsilon_hat`, and the check has no formula'
      raise GraftError(problem, 'add it to FUNCTIONS in graft/formula.py')
    takes = _parameters(factory)
    _check_parameters(name, takes)
    for case in _cases(name, takes):
      _check_case(name, factory, case)
    _check_nesterov(name, factory, takes)
  names = [name for name in formula.FUNCTIONS if name in found]
  return f'{", ".join(names)} follow the formulas'


def main() -> None:
  """Prints one line, or exits with one."""
  try:
    print(check_all())
  except GraftError as error:
    sys.exit(str(error))
  except Exception as error:  # Whatever upstream raises.
    first = str(error).strip().split('\n')[0]
    sys.exit(f'{type(error).__name__}: {first}; {_REMEDY}')


if __name__ == '__main__':
  main()
