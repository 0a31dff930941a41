"""Translates an optimizer of Keras or PyTorch to optax, and checks it.

In a training script, or on a file that Keras saved::

  import port

  print(port.to_optax(model.optimizer))

  $ python porting/port.py model.keras

Both print code for optax. Before that, the code and a copy of the optimizer are
trained on the same random gradients in float64, and must end at the same
parameters. An optimizer that can't be translated, or a translation that
disagrees, raises a ValueError that names the setting.
"""

import contextlib
import dataclasses
import inspect
import re
import sys
import textwrap
from typing import Any, Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

_WIDTH = 80
_GUIDE = 'docs/porting/'
_INSTALL = (
    "needs the fork of optax that has TensorFlow's Adam. Install it with `pip"
    ' install .` in its clone; see docs/install.md'
)


def to_optax(
    optimizer, scheduler=None, *, learning_rate=None, scheduler_every=1
):
  """Returns code for optax that makes the same updates as an optimizer.

  The code describes the optimizer from its first step. The optimizer, its
  parameters and its state stay as they are.

  Args:
    optimizer: An optimizer of Keras 3 or PyTorch, trained or not.
    scheduler: PyTorch's scheduler of this optimizer.
    learning_rate: Your own translation of a schedule: a named function of the
      number of updates made so far. It is compared with the optimizer's.
    scheduler_every: The number of updates between calls of
      ``scheduler.step()``.

  Returns:
    Python code that defines ``optimizer``.

  Raises:
    ValueError: The optimizer can't be translated, or the code disagrees with
      it. The message says which setting is the reason, and what to do.
  """
  describe = _find_framework(optimizer)
  with _float64():
    translation, copy = describe(
        optimizer, scheduler, learning_rate, scheduler_every
    )
    code = _write(translation, copy)
    _check(code, copy)
  return code


def _find_framework(optimizer):
  modules = [kind.__module__ for kind in type(optimizer).mro()]
  for package, describe in FRAMEWORKS.items():
    if any(f'{module}.'.startswith(f'{package}.') for module in modules):
      return describe
  raise ValueError(
      f'{_name_type(optimizer)} is not an optimizer of {", ".join(FRAMEWORKS)}.'
  )


def _refuse(setting, reason, recipe=''):
  """Raises the error that says what can't be translated.

  Args:
    setting: The setting, as the user wrote it.
    reason: A clause that says why not, or what to do.
    recipe: The page and section of the guide that does it by hand.
  """
  see = f' See {_GUIDE}{recipe}.' if recipe else ''
  raise ValueError(f'{setting} {reason}.{see}')


def _name_type(value):
  return f'{type(value).__module__}.{type(value).__qualname__}'


# ------------------------------------------------------------------------------
# The code, before it is written.
# ------------------------------------------------------------------------------


class Name(str):
  """A name in the code, such as that of a value assigned above it."""


class Call:
  """A call in the code.

  Settings at the function's default are left out, except for those that differ
  between frameworks.

  Attributes:
    function: What is called: ``'optax.adam'``, or the name of a function of
      this file, which is then part of the code.
    args: Positional arguments: numbers, lists, dictionaries, names and calls.
    settings: Keyword arguments.
    method: A method of the result that is called as well.
  """

  _ALWAYS = ('eps', 'weight_decay')

  def __init__(self, function, *args, **settings):
    defaults = _defaults(function)
    for name in settings:
      if name not in defaults:
        raise ValueError(f'{function}({name}=...) {_INSTALL}.')
    self.function = function
    self.args = args
    self.settings = {
        name: value
        for name, value in settings.items()
        if name in self._ALWAYS or not _same(value, defaults[name])
    }
    self.method = None

  def then(self, method):
    self.method = method
    return self


def _defaults(function):
  """Returns the default of each parameter of a function in the code."""
  package, _, name = function.rpartition('.')
  found = getattr(optax, name) if package == 'optax' else globals()[function]
  parameters = inspect.signature(found).parameters
  return {name: parameter.default for name, parameter in parameters.items()}


def _same(value, default):
  return type(value) in (bool, float, int, type(None)) and value == default


@dataclasses.dataclass
class Noted:
  """An element of a list with a comment behind it."""

  value: Any
  comment: str


@dataclasses.dataclass
class Translation:
  """An optimizer as code that isn't written yet.

  Attributes:
    source: The optimizer's name in its framework.
    optimizer: The call that returns the transformation.
    names: Values that are assigned before it, by their names.
    notes: Sentences on what the check can't see.
  """

  source: str
  optimizer: Call
  names: dict[str, Any] = dataclasses.field(default_factory=dict)
  notes: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Copy:
  """A copy of an optimizer on small parameters, for the check.

  Attributes:
    params: Where it starts, a list of float64 arrays.
    train: Takes gradients, a list of one array for each parameter with a
      leading axis of steps, and returns the parameters after each step in the
      same form. With `averages`, the averages of the parameters follow.
    steps: The number of gradients that go through two periods of everything
      periodic.
    sizes: Sizes of gradients at which it behaves differently, such as the norm
      to which it clips.
    overflows: Whether it skips gradients that are infinite.
    averages: Whether it keeps an average of the parameters.
    rates: Its schedules, as functions of the number of updates, by the names
      that they have in the code.
    boundaries: Numbers of updates at which a schedule changes or ends.
    scope: What the user must define for the code. It always has `to_params`,
      which turns a list in the order of `params` into a tree like the user's.
    bound: How closely the parameters must agree: 1e-10, or 1e-5 if the
      framework rounds to float32.
  """

  params: list[np.ndarray]
  train: Callable[[list[np.ndarray]], list[np.ndarray]]
  steps: int = 200
  sizes: tuple[float, ...] = (1.0,)
  overflows: bool = False
  averages: bool = False
  rates: dict[str, Callable] = dataclasses.field(default_factory=dict)
  boundaries: tuple[float, ...] = ()
  scope: dict[str, Any] = dataclasses.field(default_factory=dict)
  bound: float = 1e-10


def _chain(*transformations):
  """Returns the transformations one after another."""
  if len(transformations) == 1:
    return transformations[0]
  return Call('optax.chain', *transformations)


# ------------------------------------------------------------------------------
# Functions that are part of the code if it calls them.
# ------------------------------------------------------------------------------


def clip_by_own_norm(max_norm):
  """Clips each gradient by its own norm, like Keras's clipnorm."""

  def clip(grad, _):
    return grad * max_norm / jnp.maximum(jnp.linalg.norm(grad), max_norm)

  return optax.stateless_with_tree_map(clip)


def count_gradients(schedule, every):
  """Makes a schedule of gradients one of updates, each of `every` gradients."""

  def per_update(count):
    return schedule(every * count + every - 1)

  return per_update


# ------------------------------------------------------------------------------
# Writing.
# ------------------------------------------------------------------------------


def _write(translation, copy):
  """Returns the code of a translation, as a person would write it."""
  calls = []
  for name, value in translation.names.items():
    calls += _lines(value, prefix=f'{name} = ')
  calls += _lines(translation.optimizer, prefix='optimizer = ')
  values = [*translation.names.values(), translation.optimizer]
  functions = _functions_in(values)
  blocks = [inspect.getsource(globals()[name]) for name in functions]
  body = '\n\n'.join([*blocks, '\n'.join(calls)])
  spaced = '\n\n' if blocks else '\n'
  imports = _imports(body) + '\n' + spaced
  return f'{_comments(translation, copy)}\n{imports}{body}\n'


def _comments(translation, copy):
  checked = (
      f'{translation.source} in optax, checked against it in float64: on random'
      f' gradients the parameters agree to {_number(copy.bound)} of the largest'
      ' distance traveled.'
  )
  wrap = textwrap.TextWrapper(
      _WIDTH, initial_indent='# ', subsequent_indent='# '
  )
  return '\n'.join(map(wrap.fill, [checked, *translation.notes]))


def _imports(body):
  """Returns the imports that a code needs."""
  statements = {
      r'\bjax\.': 'import jax',
      r'\bjnp\.': 'import jax.numpy as jnp',
      r'\boptax\.': 'import optax',
  }
  return '\n'.join(
      statement
      for pattern, statement in statements.items()
      if re.search(pattern, body)
  )


def _parts(value):
  """Returns what opens and closes a value, and the named parts between."""
  if isinstance(value, Call):
    parts = [('', arg) for arg in value.args]
    parts += [(f'{name}=', arg) for name, arg in value.settings.items()]
    method = f'.{value.method}()' if value.method else ''
    return f'{value.function}(', parts, f'){method}'
  if isinstance(value, (list, tuple)):
    return '[', [('', item) for item in value], ']'
  if isinstance(value, dict):
    parts = [(f'{_flat(key)}: ', item) for key, item in value.items()]
    return '{', parts, '}'
  return None


def _flat(value):
  """Returns a value on one line."""
  parts = _parts(value)
  if parts:
    opening, named, closing = parts
    inside = ', '.join(name + _flat(part) for name, part in named)
    return opening + inside + closing
  if isinstance(value, Noted):
    return _flat(value.value)
  if isinstance(value, Name):
    return str(value)
  if isinstance(value, float):
    return _number(value)
  return repr(value)


def _lines(value, prefix='', suffix='', indent=0):
  """Returns a value on one line, or with a line for each of its parts."""
  flat = ' ' * indent + prefix + _flat(value) + suffix
  if isinstance(value, Noted):
    return [f'{flat}  # {value.comment}']
  parts = _parts(value)
  noted = isinstance(value, list) and any(isinstance(x, Noted) for x in value)
  if not parts or len(flat) <= _WIDTH and not noted:
    return [flat]
  opening, named, closing = parts
  lines = [' ' * indent + prefix + opening]
  for name, part in named:
    lines += _lines(part, name, ',', indent + 4)
  return [*lines, ' ' * indent + closing + suffix]


def _functions_in(values):
  """Returns the names of this file's functions that values call, once each."""
  names = {}
  for value in values:
    if isinstance(value, Call) and value.function in globals():
      names[value.function] = None
    parts = _parts(value)
    if parts:
      names |= dict.fromkeys(_functions_in([part for _, part in parts[1]]))
  return list(names)


def _number(value):
  """Returns a float as a person would write it, such as 1e-3 or 0.9."""
  if not value or 1e-3 < abs(value) < 1e6 or not np.isfinite(value):
    return repr(value)
  digits = np.format_float_scientific(value, trim='-')
  mantissa, _, exponent = digits.partition('e')
  return f'{mantissa}e{int(exponent)}'


def _shortest(value):
  """Returns the shortest decimal that rounds to the same float32."""
  return float(np.format_float_scientific(np.float32(value)))


# ------------------------------------------------------------------------------
# The check.
# ------------------------------------------------------------------------------


def _float64():
  """Returns a context in which JAX computes in float64."""
  if hasattr(jax, 'enable_x64'):
    return jax.enable_x64(True)
  return jax.experimental.enable_x64()


def _check(code, copy):
  """Raises if a code disagrees with the copy of the optimizer that it is of."""
  scope = {'to_params': list, **copy.scope}
  exec(code, scope)  # pylint: disable=exec-used
  for name, rate in copy.rates.items():
    _compare_rates(name, scope[name], rate, copy)
  gradients = _random_gradients(copy)
  ours = _train(scope['optimizer'], copy, gradients)
  theirs = copy.train(gradients)
  starts = copy.params * (2 if copy.averages else 1)
  traveled = max(
      np.max(np.abs(history - start), initial=0.0)
      for start, history in zip(starts, theirs, strict=True)
  )
  apart = max(
      np.max(np.abs(a - b), initial=0.0)
      for a, b in zip(ours, theirs, strict=True)
  )
  if not np.isfinite(traveled):
    _refuse('This optimizer', 'makes parameters infinite or NaN in the check')
  if not traveled:
    _refuse('This optimizer', 'moved no parameter in the check')
  if not apart <= copy.bound * traveled:
    _refuse(
        'This optimizer',
        'disagrees with its translation by'
        f' {apart / traveled:.0e} of the largest distance traveled',
    )


def _random_gradients(copy):
  """Returns gradients of many sizes, some zero, for each parameter.

  Each entry keeps its size to a factor of 10, so that some stay near any
  epsilon. At each step, all are multiplied by a factor near one of the sizes.
  One entry in ten is zero, and so is one row in ten of a matrix, like an
  embedding that was not looked up.
  """
  rng = np.random.default_rng(0)
  factors = rng.choice(copy.sizes, copy.steps)
  factors = factors * 10 ** rng.uniform(-1, 1, copy.steps)
  gradients = []
  for param in copy.params:
    size = (copy.steps, *param.shape)
    exponents = rng.uniform(-9, 0, param.shape) + rng.uniform(0, 1, size)
    entries = rng.choice([-1.0, 1.0], size) * 10**exponents
    entries[rng.random(size) < 0.1] = 0.0
    if param.ndim == 2:
      entries[rng.random(size[:2]) < 0.1] = 0.0
    gradients.append(np.moveaxis(np.moveaxis(entries, 0, -1) * factors, -1, 0))
  if copy.overflows:
    # Each halves the scale of the loss, which must not become zero.
    infinite = rng.choice(copy.steps, min(20, copy.steps // 10), replace=False)
    gradients[0][infinite] = np.inf
  return gradients


def _train(optimizer, copy, gradients):
  """Returns the parameters after each step of an optimizer of optax."""

  def step(carry, grads):
    params, state = carry
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    average = optax.tree.get(state, 'average') if copy.averages else []
    return (params, state), params + average

  params = [jnp.asarray(param) for param in copy.params]
  start = params, optimizer.init(params)
  _, history = jax.lax.scan(step, start, gradients)
  return [np.asarray(values) for values in history]


def _compare_rates(name, ours, theirs, copy):
  """Raises if two schedules differ at the start, a boundary or beyond."""
  counts = set(range(10))
  for boundary in copy.boundaries:
    nearby = range(int(boundary) - 2, int(boundary) + 4)
    counts.update([*nearby, int(boundary) // 2, 2 * int(boundary)])
  last = max([100, *copy.boundaries])
  counts.update(int(last * factor) for factor in (0.1, 0.3, 0.7, 1.5, 3, 10))
  for count in sorted(count for count in counts if count >= 0):
    a, b = float(ours(count)), float(theirs(count))
    if not abs(a - b) <= copy.bound * abs(b) + 1e-14:
      _refuse(
          f'The schedule {name}',
          f'is {a} after {count} updates, and {b} in the framework',
      )


# ------------------------------------------------------------------------------
# Keras 3.
# ------------------------------------------------------------------------------


def _describe_keras(optimizer, scheduler, learning_rate, scheduler_every):
  """Returns the translation of an optimizer of Keras 3, and its copy."""
  import keras  # pylint: disable=import-outside-toplevel

  del scheduler, learning_rate, scheduler_every
  config = optimizer.get_config()
  rate = _shortest(config['learning_rate'])
  names = set(inspect.signature(_keras_adam).parameters)
  settings = {name: config[name] for name in names & set(config)}
  links = _keras_adam(rate, {}, **settings)
  translation = Translation('keras.optimizers.Adam', _chain(*links))
  params = _small_params([(), (3,), (4, 3)])

  def train(gradients):
    with _keras_float64(keras):
      copy = type(optimizer).from_config({**config, 'learning_rate': rate})
      return _train_keras_on_jax(keras, copy, params, gradients)

  return translation, Copy(params, train)


def _small_params(shapes):
  rng = np.random.default_rng(1)
  return [np.asarray(0.1 * rng.normal(size=shape)) for shape in shapes]


@contextlib.contextmanager
def _keras_float64(keras):
  """A context in which new variables of Keras are in float64."""
  floatx = keras.config.floatx()
  keras.config.set_floatx('float64')
  try:
    yield
  finally:
    keras.config.set_floatx(floatx)


def _train_keras_on_jax(keras, optimizer, params, gradients):
  """Returns the parameters after each step, see `Copy.train`."""
  variables = [keras.Variable(param, dtype='float64') for param in params]
  optimizer.build(variables)

  def step(carry, grads):
    params, state = carry
    params, state = optimizer.stateless_apply(state, grads, params)
    return (params, state), params

  start = jax.tree.map(
      lambda variable: variable.value, (variables, optimizer.variables)
  )
  _, history = jax.lax.scan(step, start, gradients)
  return [np.asarray(values) for values in history]


def _keras_adam(rate, decay, *, beta_1, beta_2, epsilon, amsgrad):
  settings = dict(b1=beta_1, b2=beta_2, eps=epsilon)
  del decay, amsgrad
  return [Call('optax.adam', rate, **settings, tf_style=True)]


# ------------------------------------------------------------------------------
# PyTorch.
# ------------------------------------------------------------------------------


# The function that describes the optimizers of each package. It takes the
# arguments of `to_optax` and returns a `Translation` and a `Copy`.
FRAMEWORKS = {
    'keras': _describe_keras,
}


def main():
  """Prints the code for the optimizer in a file."""
  sys.exit('not yet')


if __name__ == '__main__':
  main()
