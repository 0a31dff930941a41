"""Translates an optimizer of Keras, PyTorch or TensorFlow 1 to optax.

In a training script, or on a file that Keras saved::

  import port

  print(port.to_optax(model.optimizer))

  $ python porting/port.py model.keras

Both print code for optax. Before that, the code and a copy of the optimizer are
trained on the same random gradients in float64, and must end at the same
parameters. An optimizer that can't be translated, or a translation that
disagrees, raises a ValueError that names the setting.
"""

import argparse
import bisect
import builtins
from collections.abc import Callable, Sequence
import contextlib
import copy as copying
import dataclasses
import functools
import gc
import inspect
import itertools
import json
import keyword
import math
import os
import pathlib
import re
import sys
import textwrap
import types
from typing import Any
import warnings
import zipfile

_INSTALL = (
    "needs the fork of optax that has TensorFlow's Adam. Install it with `pip"
    ' install .` in its clone; see docs/install.md'
)
try:
  import jax
  import jax.numpy as jnp
  import numpy as np
  import optax
except ModuleNotFoundError as missing:
  if __name__ == '__main__':
    sys.exit(f'{missing}. port.py {_INSTALL}.')
  raise ModuleNotFoundError(f'{missing}. port.py {_INSTALL}.') from missing

_WIDTH = 80
# Names in the code that this file does not define.
_USED_NAMES = 'decays', 'labels', 'optimizer', 'to_params'
_GUIDE = 'docs/porting/'
# Numbers of updates at which a rate of your own is compared: its boundaries are
# not known.
_OWN_COUNTS = (*range(5000), *range(5000, 100_000, 100))


def to_optax(
    optimizer, scheduler=None, *, learning_rate=None, scheduler_every=1
):
  """Returns code for optax that makes the same updates as an optimizer.

  The code describes the optimizer from its first step. Only a rate that your
  loop or a callback has assigned is the last one: pass it as a function. The
  optimizer, its parameters and its state stay as they are.

  Args:
    optimizer: An optimizer of Keras 3, Keras 2 (tf_keras, and tf.keras up to
      2.15) or PyTorch, trained or not, or TensorFlow 1's AdamOptimizer.
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
    return _write_checked(translation, copy)


def _write_checked(translation, copy):
  """Returns the code of a translation that agrees with the copy."""
  code = _write(translation, copy)
  _check(code, copy)
  return code


def _find_framework(optimizer):
  if hasattr(optimizer, 'layers'):
    _refuse('A model', 'is not an optimizer: pass model.optimizer')
  modules = [kind.__module__ for kind in type(optimizer).__mro__]
  for package, describe in FRAMEWORKS.items():
    if any(f'{module}.'.startswith(f'{package}.') for module in modules):
      return describe
  _refuse(
      _full_name(type(optimizer)),
      f'is not an optimizer of {" or ".join(FRAMEWORKS)}',
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


def _full_name(kind):
  return f'{kind.__module__}.{kind.__qualname__}'


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
    _check_installed(function, settings)
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


def _check_installed(function, settings):
  """Raises if a function does not have a setting, as without the fork."""
  for name in settings:
    if name not in _defaults(function):
      raise ValueError(f'{function}({name}=...) {_INSTALL}.')


def _defaults(function):
  """Returns the default of each parameter of a function in the code."""
  package, _, name = function.rpartition('.')
  found = getattr(optax, name) if package == 'optax' else globals()[function]
  parameters = inspect.signature(found).parameters
  return {name: parameter.default for name, parameter in parameters.items()}


def _same(value, default):
  plain = bool, float, int, str, type(None)
  return type(value) in plain and value == default


def _plain(name, value):
  """Returns a setting with Python's numbers instead of NumPy's."""
  if isinstance(value, (list, tuple)):
    return [_plain(name, item) for item in value]
  if isinstance(value, np.float32):
    return _shortest(value)
  if isinstance(value, (np.number, np.bool_)):
    return value.item()
  if not isinstance(value, (bool, float, int, type(None))):
    _refuse(f'{name}={value!r}', 'is not a number')
  return value


def _check_unknown_settings(owner, config, known):
  """Raises if a setting that isn't known has a value that isn't its default.

  A new version of the framework may have such a setting.
  """
  kind = type(owner)
  parameters = inspect.signature(kind.__init__).parameters
  for name in {*parameters, *config} - {'self', 'args', 'kwargs', *known}:
    default = getattr(parameters.get(name), 'default', inspect.Parameter.empty)
    value = config.get(name, getattr(owner, name, default))
    if value is not default and not _same(value, default):
      _refuse(
          f'{name}={value!r}',
          f'is a setting of {kind.__name__} that this program does not know',
      )


def _check_replaced_methods(optimizer, recipe):
  """Raises if an optimizer has a method that its class does not have."""
  kind = type(optimizer)
  for name in vars(optimizer):
    if inspect.isfunction(getattr(kind, name, None)):
      _refuse(f'{kind.__name__}.{name}', 'was replaced', recipe)


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
    counts: Numbers of updates at which to compare schedules, instead of those
      around the boundaries.
    scope: What the user must define for the code, such as `to_params`.
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
  counts: Sequence[int] = ()
  scope: dict[str, Any] = dataclasses.field(default_factory=dict)
  bound: float = 1e-10


@dataclasses.dataclass
class _Rate:
  """A learning rate.

  Attributes:
    code: A number, or the name of a schedule in the code.
    copied: What the copy of the optimizer gets.
    names: The schedule to assign, by its name.
    schedules: The framework's schedule, by the same name, see `Copy.rates`.
    boundaries: See `Copy`.
    counts: See `Copy`.
    scope: See `Copy`.
    rounded: Whether the framework rounds the schedule to float32.
    late: Whether the framework may change the rate one update late.
    nan_from: The step from which the framework's rate may be NaN, or None.
  """

  code: Any
  copied: Any
  names: dict[str, Any] = dataclasses.field(default_factory=dict)
  schedules: dict[str, Callable] = dataclasses.field(default_factory=dict)
  boundaries: Sequence[float] = ()
  counts: Sequence[int] = ()
  scope: dict[str, Any] = dataclasses.field(default_factory=dict)
  rounded: bool = False
  late: bool = False
  nan_from: int | None = None


def _own_rate(learning_rate, theirs, copied):
  """Returns the rate that the user wrote, to be compared with `theirs`."""
  name = getattr(learning_rate, '__name__', '')
  if not name.isidentifier() or keyword.iskeyword(name):
    _refuse(
        f'learning_rate={learning_rate!r}',
        'must be a named function of the number of updates, as in'
        ' `def rate(count):`',
    )
  if name in {*_USED_NAMES, *globals(), *dir(builtins)}:
    _refuse(
        f'The name of the function {name}',
        'has a meaning in the code. Pass one with a different name, such as'
        ' rate',
    )
  return _Rate(
      Name(name),
      copied=copied,
      schedules={name: theirs},
      counts=_OWN_COUNTS,
      scope={name: learning_rate},
  )


def _per_param(name):
  """Returns what gives each parameter a value of the list with this name."""
  return Call('per_param', Name(name), Name('to_params'))


def _with_shapes(values, shapes, comments):
  """Returns the list that `per_param` takes."""
  pairs = zip(values, map(tuple, shapes), strict=True)
  lines = [' '.join(comment.split()) for comment in comments]
  return list(map(Noted, pairs, lines))


def _chain(*transformations):
  """Returns the transformations one after another."""
  if len(transformations) == 1:
    return transformations[0]
  return Call('optax.chain', *transformations)


def _scale(rate):
  return Call('optax.scale_by_learning_rate', rate)


def _add_decay(decay):
  """Returns decoupled weight decay, before the learning rate."""
  settings = dict(decay)
  amount = settings.pop('weight_decay')
  return Call('optax.add_decayed_weights', amount, **settings)


def _subtract_decay(decay, rate):
  """Returns decoupled weight decay, if any, after the learning rate."""
  if not decay:
    return []
  amount = decay['weight_decay']
  if isinstance(rate, float):
    amount = _rounded(-rate * amount)
  else:
    amount = Call('negative_decay', rate, amount)
  return [_add_decay({**decay, 'weight_decay': amount})]


# ------------------------------------------------------------------------------
# Functions that are part of the code if it calls them.
# ------------------------------------------------------------------------------


def per_param(values, to_params):
  """Returns a function that gives each of `params` its value, as a mask does.

  Args:
    values: The value and the shape of each array that `to_params` takes.
    to_params: Turns a list of arrays into a tree like `params`. It may rename,
      transpose, reshape and split them, and join those with the same value.
  """
  # No sum of two, three or four of these is one of them.
  marks = [-(index + 1.25) for index in range(len(values))]
  value_of = dict(zip(marks, [value for value, _ in values], strict=True))

  def find(array):
    array = np.asarray(array)
    if not array.size:
      return values[0][0]
    is_joined = np.ptp(array) > 0
    found = np.unique(array) if is_joined else array.flat[:1]
    found = {value_of.get(float(mark)) for mark in found}
    if len(found) > 1 or None in found:
      raise ValueError('to_params computes, or joins different parameters')
    return found.pop()

  def names_of(tree):
    paths = [path for path, _ in jax.tree.leaves_with_path(tree)]
    names = [
        jax.tree_util.keystr(path, simple=True, separator='/') for path in paths
    ]
    return [name.removesuffix('/value') for name in names]  # Of nnx.

  shapes = [shape for _, shape in values]
  tree = to_params(list(map(np.broadcast_to, marks, shapes)))
  leaves = map(find, jax.tree.leaves(tree))
  found = dict(zip(names_of(tree), leaves, strict=True))

  def like(params):
    names = names_of(params)
    if set(names) != set(found):
      raise ValueError(f'to_params returns {list(found)}, params are {names}')
    return jax.tree.structure(params).unflatten(found[name] for name in names)

  return like


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


def negative_decay(schedule, weight_decay):
  """Returns the decay to add after the learning rate, at each count."""

  def per_update(count):
    return -weight_decay * schedule(count)

  return per_update


def staircase(schedule, steps):
  """Makes a schedule change only every `steps` counts, without rounding."""

  def rate(count):
    return schedule(count // steps * steps)

  return rate


def inverse_time_decay(init_value, decay_steps, decay_rate):
  """Keras's InverseTimeDecay, and PyTorch's lr_decay."""

  def schedule(count):
    return init_value / (1 + decay_rate * count / decay_steps)

  return schedule


def polynomial_decay(init_value, end_value, power, decay_steps, cycle=False):
  """Keras's PolynomialDecay, for powers that are no integers or cycle=True."""

  def schedule(count):
    end = decay_steps
    if cycle:
      # Rounds up. Under jit, jnp.ceil of a quotient may be one too large.
      end *= jnp.maximum(-(-count // decay_steps), 1)
    remaining = jnp.maximum(end - count, 0) / end
    return end_value + (init_value - end_value) * remaining**power

  return schedule


def cosine_decay_restarts(
    init_value, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0
):
  """Keras's CosineDecayRestarts, and PyTorch's cosine with warm restarts."""
  ends = [first_decay_steps]
  while t_mul > 1 and ends[-1] < 2**31:
    ends.append(first_decay_steps + t_mul * ends[-1])

  def schedule(count):
    if t_mul == 1:
      restarts = count // first_decay_steps
      start = first_decay_steps * restarts
    else:
      restarts = jnp.sum(count >= jnp.asarray(ends))
      start = first_decay_steps * (t_mul**restarts - 1) / (t_mul - 1)
    passed = (count - start) / (first_decay_steps * t_mul**restarts)
    cosine = 0.5 * m_mul**restarts * (1 + jnp.cos(jnp.pi * passed))
    return init_value * ((1 - alpha) * cosine + alpha)

  return schedule


def average_params(
    optimizer, momentum, overwrite_every=None, accumulated=1, from_start=False
):
  """Averages the parameters and may overwrite them, like Keras's use_ema.

  Keras averages at each gradient, also when it accumulates several of them.
  """

  def init(params):
    # Keras 2's average starts at the parameters, Keras 3's at zero.
    start = jax.tree.map(lambda p: jnp.where(from_start, p, 0.0), params)
    count = jnp.zeros([], jnp.int32)
    return dict(inner=optimizer.init(params), average=start, count=count)

  def update(grads, state, params):
    updates, inner = optimizer.update(grads, state['inner'], params)
    moved = optax.apply_updates(params, updates)
    count = state['count'] // accumulated
    # Keras 3 replaces it after the first update.
    replaces = (count == 0) & (not from_start)
    step_size = jnp.where(replaces, 1.0, 1 - momentum)
    average = optax.incremental_update(moved, state['average'], step_size)
    if overwrite_every:
      overwrite = (count + 1) % overwrite_every == 0
      updates = jax.tree.map(
          lambda u, a, p: jnp.where(overwrite, a - p, u),
          updates, average, params,
      )
    count = state['count'] + 1
    return updates, dict(inner=inner, average=average, count=count)

  return optax.GradientTransformation(init, update)


def scale_by_keras_nadam(b1=0.9, b2=0.999, eps=1e-7):
  """Keras's Nadam, which follows Algorithm 1 with momentum of its own."""
  moments = optax.scale_by_adam(b1, b2)

  def momentum(t):
    return b1 * (1 - 0.5 * 0.96**t)

  def init(params):
    return dict(moments=moments.init(params), product=jnp.ones([]))

  def update(grads, state, params=None):
    del params
    _, inner = moments.update(grads, state['moments'])
    t = inner.count
    product = state['product'] * momentum(t)
    next_product = product * momentum(t + 1)

    def direction(g, m, v):
      m_hat = momentum(t + 1) * m / (1 - next_product)
      g_hat = (1 - momentum(t)) * g / (1 - product)
      d = (m_hat + g_hat) / (jnp.sqrt(v / (1 - b2**t)) + eps)
      return d.astype(g.dtype)

    updates = jax.tree.map(direction, grads, inner.mu, inner.nu)
    return updates, dict(moments=inner, product=product)

  return optax.GradientTransformation(init, update)


def once_every(schedule, updates):
  """Advances a schedule once every `updates` updates."""

  def held(count):
    return schedule(count // updates)

  return held


def cosine_annealing(init_value, end_value, steps):
  """PyTorch's cosine, which rises again after `steps`."""

  def schedule(count):
    share = (1 + jnp.cos(jnp.pi * count / steps)) / 2
    return end_value + (init_value - end_value) * share

  return schedule


def line(init_value, end_value, steps):
  """A line through two values, which goes on after `steps`."""

  def schedule(count):
    return init_value + (end_value - init_value) * count / steps

  return schedule


def scale_by_torch_amsgrad(b1=0.9, b2=0.999, eps=1e-8):
  """PyTorch's AMSGrad, which corrects the bias after it takes the maximum."""

  def scaled_eps(count):
    return eps * jnp.sqrt(1 - b2 ** (count + 1))

  # In the dtype of the parameters, such as bfloat16, 0.999 may round to 1.
  dtype = jnp.result_type(float)
  amsgrad = optax.inject_hyperparams(
      optax.scale_by_amsgrad, ('b1', 'b2'), hyperparam_dtype=dtype
  )
  return amsgrad(b1, b2, eps=scaled_eps, epsilon_hat=True)


def scale_by_torch_radam(b1=0.9, b2=0.999, eps=1e-8):
  """PyTorch's RAdam, which adds epsilon before it corrects the bias."""

  def scaled_eps(count):
    return eps / jnp.sqrt(1 - b2 ** (count + 1))

  # In the dtype of the parameters, such as bfloat16, 0.999 may round to 1.
  dtype = jnp.result_type(float)
  radam = optax.inject_hyperparams(
      optax.scale_by_radam, ('b1', 'b2'), hyperparam_dtype=dtype
  )
  return radam(b1, b2, eps=scaled_eps)


def scale_by_torch_nadam(b1=0.9, b2=0.999, eps=1e-8, momentum_decay=4e-3):
  """PyTorch's NAdam, whose momentum rises with the number of updates."""
  moments = optax.scale_by_adam(b1, b2)

  def momentum(count):
    return b1 * (1 - 0.5 * 0.96 ** (momentum_decay * count))

  def init(params):
    return moments.init(params), jnp.ones([])

  def update(grads, state, params=None):
    del params
    adam, product = state
    _, adam = moments.update(grads, adam)
    count = adam.count
    product = product * momentum(count)
    following = momentum(count + 1)
    now = (1 - momentum(count)) / (1 - product)
    ahead = following / (1 - product * following)

    def direction(g, m, v):
      d = (now * g + ahead * m) / (jnp.sqrt(v / (1 - b2**count)) + eps)
      return d.astype(g.dtype)

    updates = jax.tree.map(direction, grads, adam.mu, adam.nu)
    return updates, (adam, product)

  return optax.GradientTransformation(init, update)


def scale_by_torch_adagrad(initial_accumulator_value=0.0, eps=1e-10):
  """PyTorch's and legacy Keras's Adagrad, with epsilon outside of the root."""

  def init(params):
    return jax.tree.map(
        lambda p: jnp.full_like(p, initial_accumulator_value), params
    )

  def update(grads, state, params=None):
    del params
    total = jax.tree.map(lambda s, g: s + g * g, state, grads)
    updates = jax.tree.map(lambda s, g: g / (jnp.sqrt(s) + eps), total, grads)
    return updates, total

  return optax.GradientTransformation(init, update)


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
      _WIDTH,
      initial_indent='# ',
      subsequent_indent='# ',
      break_on_hyphens=False,
  )
  return '\n'.join(map(wrap.fill, [checked, *translation.notes]))


def _imports(body):
  """Returns the imports that a code needs."""
  statements = {
      r'\bjax\.': 'import jax',
      r'\bjnp\.': 'import jax.numpy as jnp',
      r'\bnp\.': 'import numpy as np',
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
  if isinstance(value, list):
    return '[', [('', item) for item in value], ']'
  if isinstance(value, dict):
    parts = [(f'{_flat(key)}: ', item) for key, item in value.items()]
    return '{', parts, '}'
  return None


def _flat(value):
  """Returns a value on one line."""
  if isinstance(value, np.generic):
    value = value.item()
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
    return [f'{flat}  # {value.comment}'.removesuffix('  # ')]
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
  if not np.isfinite(value):
    _refuse(f'A setting of {value}', 'has no translation. Pass a finite number')
  if not value or 1e-3 < abs(value) < 1e6:
    return repr(value)
  digits = np.format_float_scientific(value, trim='-')
  mantissa, _, exponent = digits.partition('e')
  return f'{mantissa}e{int(exponent)}'


def _rounded(value):
  """Returns a float without the last digits, which arithmetic leaves."""
  return float(f'{value:.15g}')


def _quotient(a, b):
  """Returns a quotient, as a division if its decimals are many."""
  number = _rounded(a / b)
  is_short = len(_number(number)) < 10
  return number if is_short else Name(f'{_number(a)} / {_number(b)}')


def _product(value, factor):
  """Returns a product, as a division if the factor is one such as 1/3."""
  inverse = _rounded(1 / factor) if factor else math.inf
  if inverse.is_integer():
    return _quotient(value, inverse)
  return _rounded(value * factor)


def _shortest(value):
  """Returns the shortest decimal that rounds to the same float32."""
  return float(np.format_float_scientific(np.float32(value)))


# ------------------------------------------------------------------------------
# The check.
# ------------------------------------------------------------------------------


@contextlib.contextmanager
def _float64():
  """A context in which JAX computes in float64, and may compute NaN."""
  # JAX 0.10 has moved it.
  module = jax if hasattr(jax, 'enable_x64') else jax.experimental
  with module.enable_x64(True), jax.debug_nans(False), jax.debug_infs(False):
    yield


def _check(code, copy):
  """Raises if a code disagrees with the copy of the optimizer that it is of."""
  scope = dict(copy.scope)
  exec(code, scope)  # pylint: disable=exec-used
  for name, rate in copy.rates.items():
    _compare_rates(name, scope[name], rate, copy)
  gradients = _random_gradients(copy)
  ours = _train(scope['optimizer'], copy, gradients)
  theirs = _call_theirs(copy.train, gradients)
  traveled = _largest(theirs[: len(copy.params)], copy.params)
  apart = _largest(ours, theirs)
  if not np.isfinite(traveled):
    _refuse('This optimizer', 'makes parameters infinite or NaN in the check')
  if not traveled:
    _refuse('This optimizer', 'moved no parameter in the check')
  if not apart <= copy.bound * traveled:
    reason = (
        f'disagrees with its translation by {apart / traveled:.0e} of the'
        ' largest distance traveled'
    )
    # What the code differs by from itself if rounding moves its start.
    moved = [param * (1 + 1e-15) for param in copy.params]
    nearby = dataclasses.replace(copy, params=moved)
    grown = _largest(ours, _train(scope['optimizer'], nearby, gradients))
    if grown > 0.01 * apart:
      reason += (
          ', but its updates amplify rounding, which may be why. Translate it'
          ' with a learning rate that is 100 times smaller, and correct the'
          ' rate in the code'
      )
    _refuse('This optimizer', reason)


def _call_theirs(function, argument):
  """Calls what is the framework's, which may raise any error."""
  try:
    return function(argument)
  except Exception as error:  # pylint: disable=broad-exception-caught
    raise ValueError(
        'This optimizer fails in the check, with'
        f' {type(error).__name__}: {error}'
    ) from error


def _largest(histories, others):
  """Returns the largest difference, or NaN if there is one."""
  pairs = zip(histories, others, strict=True)
  return np.max([np.max(np.abs(a - b), initial=0.0) for a, b in pairs])


def _shrink(arrays, params):
  """Returns arrays of constants in the shapes of small parameters."""
  pairs = zip(params, arrays, strict=True)
  return [np.full(param.shape, array.flat[0]) for param, array in pairs]


def _small_params(count):
  """Returns a number of small parameters, the first of which is a matrix."""
  rng = np.random.default_rng(1)
  shapes = itertools.islice(itertools.cycle([(4, 3), ()]), count)
  return [np.asarray(0.01 * rng.normal(size=shape)) for shape in shapes]


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
  counts = copy.counts or _counts_around(copy.boundaries)
  ours = _call_schedule(name, ours, counts).tolist()
  theirs = [float(_call_theirs(theirs, count)) for count in counts]
  largest = np.nanmax(np.abs(theirs))
  # What a framework rounds to float32 may be far off where a rate is small.
  least = largest if copy.bound >= 1e-5 else 0.01 * largest
  for count, a, b in zip(counts, ours, theirs, strict=True):
    if abs(a - b) <= copy.bound * (abs(b) + least):
      continue
    reason = f'is {b:.6g} after {count} updates, but {a:.6g} in the translation'
    if f'{a:.6g}' == f'{b:.6g}':
      reason = (
          f'is {b:.6g} after {count} updates, and differs from that in the'
          f' translation by {abs(a / b - 1):.0e} of it'
      )
    if abs(a - b) < 1e-5 * abs(b):
      reason += (
          ', which rounds to float32. Write numbers of steps as floats, such as'
          ' 100.0'
      )
    _refuse(name, reason)


def _call_schedule(name, schedule, counts):
  """Returns a schedule's values under jit, as in training."""
  # The type of the counts in the states of optax.
  counts = jnp.array(counts, jnp.int32)
  try:
    rates = np.asarray(jax.jit(jax.vmap(schedule))(counts))
  except jax.errors.JAXTypeError:
    _refuse(
        name,
        'has an if, a function of NumPy or the like, which JAX does not trace:'
        ' use jnp.where and functions of jax.numpy',
    )
  except Exception as error:  # pylint: disable=broad-exception-caught
    _refuse(
        name,
        f'raises {type(error).__name__}: {error}. It must take the number of'
        ' updates, and return the rate',
    )
  if rates.shape != counts.shape:
    _refuse(name, 'must return one number, the rate')
  return rates


def _counts_around(boundaries):
  """Returns numbers of updates that show a schedule with these boundaries."""
  counts = set(range(10))
  for boundary in boundaries:
    counts.add(int(boundary) // 2)
    for multiple in range(1, 11):
      change = int(multiple * boundary)
      counts.update(range(change - 2, change + 4))
  last = max([100, *boundaries])
  counts.update(int(last * factor) for factor in (0.1, 0.3, 0.7, 1.5, 3, 10))
  return sorted(count for count in counts if 0 <= count < 2**31)


# ------------------------------------------------------------------------------
# Keras 3.
# ------------------------------------------------------------------------------

_OWN_SCHEDULE = 'keras.md#your-own-learningrateschedule'
_SCHEDULES = 'keras.md#learning-rate-schedules'
_LONGEST_CHECK = 100_000
_NOT_COMPARED = '{} is your own, and was compared with nothing.'
_LAST_RATE = (
    'The learning rate is the last one. If a callback or your loop has changed'
    ' it, write it as a function of the number of updates, and pass it as'
    ' learning_rate.'
)
_SPARSE = (
    'Not checked: sparse gradients, as of an Embedding, if you trained on'
    ' TensorFlow. There, Keras treats them differently.'
)


def _describe_keras(optimizer, *arguments):
  """Returns the translation of an optimizer of Keras, and its copy."""
  import keras  # pylint: disable=import-outside-toplevel

  if keras.__version__.startswith('2.'):
    return _describe_keras2(keras, optimizer, *arguments)
  return _describe_with(_Keras, keras, optimizer, *arguments)


def _describe_tf_keras(optimizer, *arguments):
  """Returns the translation of an optimizer of tf_keras, and its copy."""
  import tf_keras  # pylint: disable=import-outside-toplevel

  return _describe_keras2(tf_keras, optimizer, *arguments)


def _describe_keras2(keras, optimizer, *arguments):
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  if not tf.executing_eagerly():
    _refuse(
        'TensorFlow without eager execution',
        'is not supported. Construct the same optimizer in a new process',
    )
  is_legacy = hasattr(optimizer, '_hyper')
  describe = _LegacyKeras if is_legacy else _Keras2
  return _describe_with(describe, keras, optimizer, *arguments)


def _describe_with(
    describe, keras, optimizer, scheduler, learning_rate, scheduler_every
):
  if scheduler is not None or scheduler_every != 1:
    _refuse('scheduler', "is for PyTorch; Keras's optimizers have their own")
  with _keras_float64(keras):
    described = describe(keras, optimizer, learning_rate)
    return described.translation(), described.copy()


class _Keras:
  """An optimizer of Keras 3, read but not changed.

  Attributes:
    keras: The package.
    scaler: The `LossScaleOptimizer` around the optimizer, or None.
    shared: The settings that all optimizers of Keras have.
    own: The settings of this kind of optimizer, which its rule takes.
    every: The number of gradients in an update.
    rate: The learning rate.
    decays: Whether each variable decays. Empty if no variable is excluded,
      since the optimizer may not know its variables yet.
    params: Where its copy starts.
  """

  module = 'optimizers'
  recipe = 'keras.md#keras-3s-other-optimizers'
  # Settings that change no update.
  ignored = 'name',
  averages_from_start = False

  def __init__(self, keras, optimizer, learning_rate):
    self.keras = keras
    self.scaler = self._find_scaler(optimizer)
    self.optimizer = self.scaler.inner_optimizer if self.scaler else optimizer
    self.rule = self._find_rule()
    self._check_scaler()
    self.shared, self.own = self._read_settings()
    self._check_variables()
    self.every = self.shared.get('gradient_accumulation_steps') or 1
    self.rate = self._read_rate(learning_rate)
    self.decays = self._find_decays()
    self.params = _small_params(len(self.decays) or 2)

  def translation(self):
    """Returns the code that makes the same updates."""
    names = dict(self.rate.names)
    decay = {}
    if self.shared['weight_decay'] and (all(self.decays) or any(self.decays)):
      decay['weight_decay'] = self.shared['weight_decay']
    if decay and not all(self.decays):
      variables = self._variables()
      names['decays'] = _with_shapes(
          self.decays,
          shapes=[variable.shape for variable in variables],
          comments=[variable.path for variable in variables],
      )
      decay['mask'] = _per_param('decays')
    links = self.rule(self.rate.code, decay, **self.own)
    optimizer = self._wrap(_chain(*self._clipping(), *links))
    kind = type(self.optimizer).__name__
    source = f'{self.keras.__name__}.{self.module}.{kind}'
    return Translation(source, optimizer, names, self._notes(decay))

  def copy(self):
    """Returns a copy of the optimizer for the check."""
    clips = [self.shared[name] for name in _KERAS_CLIPPING]
    is_exact = self._is_exact() and not self.rate.rounded
    return Copy(
        params=self.params,
        train=self._train,
        steps=self._limit_steps(self._count_steps()),
        sizes=(1.0, *(abs(clip) for clip in clips if clip)),
        overflows=self.scaler is not None,
        averages=self.shared['use_ema'],
        rates=self.rate.schedules,
        boundaries=self.rate.boundaries,
        counts=self.rate.counts,
        scope={**self.rate.scope, 'to_params': self._shrink},
        bound=1e-10 if is_exact else 1e-5,
    )

  def _shrink(self, arrays):
    """Returns the arrays of `to_params` in the shapes of the copy."""
    return _shrink(arrays, self.params)

  def _period(self):
    """Returns the number of gradients after which everything repeats."""
    overwrites = self.shared['use_ema'] and (
        self.shared['ema_overwrite_frequency']
    )
    return self.every * (overwrites or 1)

  def _count_steps(self):
    """Returns the number of gradients that show everything periodic twice."""
    needed = 2 * self._period() + 1
    if needed > _LONGEST_CHECK:
      _refuse(
          f'A period of {self._period()} gradients',
          'takes too long to check. Translate the optimizer with a shorter one,'
          ' and correct it in the code',
      )
    # Long enough for the scale of the loss to overflow, if it grows fast.
    return max(400 if self.scaler else 200, needed)

  def _limit_steps(self, steps):
    """Returns the number of steps to train, before a rate that is NaN."""
    end = self.rate.nan_from
    if end is None or end >= steps:
      return steps
    if end < max(10, 2 * self._period() + 1):
      _refuse(
          f'decay_steps={end}',
          'is too short to check: from there on, Keras may give NaN on JAX. Set'
          ' the environment variable KERAS_BACKEND=tensorflow',
          _SCHEDULES,
      )
    return end

  def _find_scaler(self, optimizer):
    """Returns an optimizer if it scales the loss for another, or None."""
    scales = type(optimizer) is self.keras.optimizers.LossScaleOptimizer
    return optimizer if scales else None

  def _is_exact(self):
    """Returns whether Keras rounds no setting to float32 in the check."""
    return self.keras.backend.backend() == 'jax'

  def _variables(self):
    """Returns the variables, if the optimizer knows them already."""
    return self.optimizer._trainable_variables

  def _rules(self):
    """Returns the rule of each kind of optimizer, by its name."""
    return KERAS_OPTIMIZERS

  def _find_public(self, name):
    """Returns Keras's own class of a name, or None."""
    return getattr(self.keras.optimizers, name, None)

  def _find_rule(self):
    kind = type(self.optimizer)
    public = self._find_public(kind.__name__)
    # On PyTorch, Keras creates its own subclasses.
    own = kind.__module__.startswith('keras.src.backend.torch.')
    if kind is not public and not (own and public in kind.__mro__):
      _refuse(_full_name(kind), "is not Keras's own class", self.recipe)
    _check_replaced_methods(self.optimizer, self.recipe)
    if kind.__name__ not in self._rules():
      _refuse(_full_name(kind), 'has no translation', self.recipe)
    return self._rules()[kind.__name__]

  def _read_settings(self):
    """Returns the settings that all optimizers have, and those of this one."""
    own = list(inspect.signature(self.rule).parameters)[2:]
    config = self._get_config()
    known = [*self.ignored, 'learning_rate', *_KERAS_SHARED, *own]
    _check_unknown_settings(self.optimizer, config, known)
    if self.scaler:
      known = ['name', 'inner_optimizer', 'initial_scale']
      known += ['dynamic_growth_steps']
      _check_unknown_settings(self.scaler, {}, known)
    shared = [name for name in _KERAS_SHARED if name in config]
    return (
        {name: _plain(name, config[name]) for name in shared},
        {name: _plain(name, config[name]) for name in own},
    )

  def _get_config(self):
    """Returns the optimizer's configuration, but for its learning rate."""
    return self._twin(_learning_rate=0.0).get_config()

  def _twin(self, **attributes):
    """Returns a shallow copy with different attributes."""
    kind = type(self.optimizer)
    twin = kind.__new__(kind)
    twin.__dict__.update(vars(self.optimizer), **attributes)
    return twin

  def _check_scaler(self):
    if self.scaler is None:
      return
    for name in _KERAS_SHARED:
      if name != 'ema_momentum' and getattr(self.scaler, name, None):
        _refuse(
            f'{name} of LossScaleOptimizer',
            'has no effect in Keras. Set it to None',
        )
    if getattr(self.optimizer, 'loss_scale_factor', None):
      _refuse(
          'loss_scale_factor inside LossScaleOptimizer',
          'scales the gradients twice. Set it to None',
      )
    if type(self.optimizer).__name__ == 'Nadam':
      _refuse(
          'LossScaleOptimizer around Nadam',
          "does not make Nadam's updates in Keras. Translate the Nadam inside,"
          ' or train with a different optimizer',
          'keras.md#nadam',
      )

  def _check_variables(self):
    for variable in self._variables():
      if getattr(variable, 'constraint', None) is not None:
        _refuse(
            f'The constraint of {variable.path}',
            'is not part of the optimizer. Remove it here, and apply it after'
            ' optax.apply_updates',
        )
      if getattr(variable, 'overwrite_with_gradient', False):
        _refuse(variable.path, 'is overwritten with its gradient')

  def _read_rate(self, learning_rate):
    """Returns the learning rate, constant or not."""
    theirs = self._get_rate()
    if isinstance(
        theirs, self.keras.optimizers.schedules.LearningRateSchedule
    ):
      return self._read_schedule(theirs, learning_rate)
    if callable(theirs):
      _refuse(
          'learning_rate',
          'is a function that takes no step. Write a LearningRateSchedule',
          _OWN_SCHEDULE,
      )
    rate = self._to_float(theirs)
    if learning_rate is not None:
      return self._assign_rate(learning_rate)
    return _Rate(rate, copied=rate)

  def _assign_rate(self, learning_rate):
    """Returns what the user wrote for a rate that a loop assigns."""
    own = _own_rate(learning_rate, None, copied=None)
    rates = _call_schedule(own.code, learning_rate, range(self._count_steps()))
    table = self._tabulate(rates)
    return dataclasses.replace(own, copied=table, schedules={})

  def _tabulate(self, rates):
    """Returns a schedule of Keras with the rate of each update."""
    look_up, every = self._look_up, self.every

    class Table(self.keras.optimizers.schedules.LearningRateSchedule):

      def __call__(self, step):
        return look_up(rates, step // every)

    return Table()

  def _look_up(self, table, index):
    return self.keras.ops.take(table, index)

  def _to_float(self, rate):
    """Returns the number that was meant with a rate that Keras may round."""
    rate = self._to_numpy(rate)
    return float(rate) if rate.dtype == np.float64 else _shortest(rate)

  def _get_rate(self):
    """Returns the learning rate as Keras stores it."""
    return self.optimizer._learning_rate

  def _to_numpy(self, value):
    return self.keras.ops.convert_to_numpy(value)

  def _read_schedule(self, theirs, learning_rate):

    def after_updates(count):
      step = self.every * count + self.every - 1
      with _keras_float64(self.keras):
        rate = self._call_schedule(copied, step)
      if nan_from is not None and step >= nan_from and np.isnan(rate):
        return theirs.end_learning_rate
      return rate

    kind = type(theirs)
    schedules = self.keras.optimizers.schedules
    is_own = getattr(schedules, kind.__name__, None) is kind
    copied = self._copy_schedule(theirs) if is_own else theirs
    nan_from = self._find_nan(theirs)
    if learning_rate is not None:
      own = _own_rate(learning_rate, after_updates, copied)
      rounded = self._rounds_own_schedules() and not is_own
      return dataclasses.replace(own, nan_from=nan_from, rounded=rounded)
    if not is_own or kind.__name__ not in KERAS_SCHEDULES:
      _refuse(
          f'The schedule {_full_name(kind)}',
          'has no translation. Pass your own as learning_rate',
          _OWN_SCHEDULE,
      )
    rule = KERAS_SCHEDULES[kind.__name__]
    own = list(inspect.signature(rule).parameters)
    config = theirs.get_config()
    _check_unknown_settings(theirs, config, ['name', *own])
    settings = {name: _plain(name, config[name]) for name in own}
    call, *boundaries = rule(**settings)
    if self.every > 1:
      call = Call('count_gradients', call, self.every)
    return _Rate(
        Name('schedule'),
        copied=copied,
        names={'schedule': call},
        schedules={'schedule': after_updates},
        boundaries=[boundary / self.every for boundary in boundaries],
        rounded=self._rounds(kind.__name__, settings),
        late=self._is_late(kind.__name__, settings),
        nan_from=nan_from,
    )

  def _copy_schedule(self, schedule):
    """Returns one of Keras's schedules as the check uses it."""
    return schedule

  def _rounds(self, kind, settings):
    """Returns whether a schedule of Keras is only accurate to float32."""
    # It computes pi in float32, and a root of what rounding leaves of zero.
    return kind.startswith('Cosine') or settings.get('power', 1) < 1

  def _rounds_own_schedules(self):
    """Returns whether the user's schedules are only accurate to float32."""
    return False

  def _is_late(self, kind, settings):
    """Returns whether a schedule may change late, outside of the check."""
    if self.keras.backend.backend() != 'jax':
      return False
    # XLA multiplies by the inverse of the number of steps.
    return kind == 'CosineDecayRestarts' or settings.get('staircase', False)

  def _find_nan(self, schedule):
    """Returns the step from which a schedule may be NaN, or None."""
    kind = self.keras.optimizers.schedules.PolynomialDecay
    if type(schedule) is not kind or schedule.cycle:
      return None
    on_jax = self.keras.backend.backend() == 'jax'
    if not on_jax or float(schedule.power).is_integer():
      return None
    # Rounding may make what is left there negative.
    return math.ceil(schedule.decay_steps)

  def _call_schedule(self, schedule, step):
    if self.keras.backend.backend() == 'jax':
      # In training it is compiled as well.
      return jax.jit(schedule)(jnp.asarray(step, jnp.int32))
    step = self.keras.ops.convert_to_tensor(step, dtype='int64')
    return self.keras.ops.convert_to_numpy(schedule(step))

  def _find_decays(self):
    """Returns whether each variable decays, or nothing if all do."""
    # Keras 3 has patterns, Keras 2 has names.
    lists = [
        getattr(self.optimizer, f'_exclude_from_weight_decay{suffix}', None)
        for suffix in ('', '_pattern', '_names')
    ]
    if not any(lists) or not self.shared['weight_decay']:
      return []
    variables = self._variables()
    if not variables:
      _refuse(
          'exclude_from_weight_decay',
          'needs the variables. First call'
          ' optimizer.build(model.trainable_variables)',
          'keras.md#exclude_from_weight_decay',
      )
    twin = self._twin(_exclude_from_weight_decay_cache={})
    if self.keras.backend.backend() == 'tensorflow':
      # It searches the names of TensorFlow's variables, which are paths.
      variables = [getattr(v, 'value', v) for v in variables]
    return [twin._use_weight_decay(variable) for variable in variables]

  def _clipping(self):
    for name, function in _KERAS_CLIPPING.items():
      if (self.shared[name] or 0) > 0:
        return [Call(function, self.shared[name])]
    return []

  def _wrap(self, optimizer):
    """Returns the optimizer with what Keras does around it."""
    if self.every > 1:
      optimizer = Call(
          'optax.MultiSteps',
          optimizer,
          self.every,
          accumulator_dtype=Name('float'),
      ).then('gradient_transformation')
    if self.shared['use_ema']:
      optimizer = Call(
          'average_params',
          optimizer,
          self.shared['ema_momentum'],
          overwrite_every=self.shared['ema_overwrite_frequency'] or None,
          accumulated=self.every,
          from_start=self.averages_from_start,
      )
    if self.scaler:
      optimizer = Call('optax.apply_if_finite', optimizer, Name('10**9'))
    return optimizer

  def _notes(self, decay):
    notes = []
    if self.rate.nan_from is not None:
      notes.append(
          f'On JAX, Keras may give NaN from step {self.rate.nan_from} on; this'
          ' code stays at the end rate.'
      )
    if self.rate.late:
      notes.append(
          'In float32 on JAX, Keras may change the rate one update late; this'
          ' code does not.'
      )
    if self._is_trained() and isinstance(self.rate.code, float):
      notes.append(_LAST_RATE)
    for name in self.rate.scope:
      notes.append(f'Define {name}, which you passed as learning_rate.')
      if not self.rate.schedules:
        notes.append(_NOT_COMPARED.format(name))
    if 'mask' in decay:
      notes.append(
          'Define to_params: it turns a list of arrays, in the order of the'
          ' variables below, into a tree like your parameters.'
      )
    if self.shared['use_ema']:
      notes.append(
          "optax.tree.get(state, 'average') is the average. model.fit copies it"
          ' to the weights at the end.'
      )
    if self.scaler or self.shared.get('loss_scale_factor'):
      notes.append(
          'Scale the loss in your training loop, and pass unscaled gradients.'
      )
    return [*notes, *self._notes_on_package()]

  def _is_trained(self):
    return int(self._to_numpy(self.optimizer.iterations)) > 0

  def _notes_on_package(self):
    """Returns notes on what differs between Keras's packages and backends."""
    on_tensorflow = self.keras.backend.backend() == 'tensorflow'
    return [_SPARSE] if on_tensorflow else []

  def _copied_settings(self):
    """Returns the settings of the copy, without its learning rate."""
    return {**self.shared, **self.own}

  def _build_copy(self, variables):
    """Returns a copy of the optimizer, built on these variables."""
    kind = type(self.optimizer)
    name = self.optimizer.name
    settings = self._copied_settings()
    copy = kind(self.rate.copied, **settings, name=name)
    if self.decays:
      pairs = zip(variables, self.decays, strict=True)
      copy.exclude_from_weight_decay([v for v, decays in pairs if not decays])
    if self.scaler:
      copy = self.keras.optimizers.LossScaleOptimizer(
          copy,
          self.scaler.initial_scale,
          self.scaler.dynamic_growth_steps,
          name=self.scaler.name,
      )
    copy.build(variables)
    return copy

  def _train(self, gradients):
    """Trains a copy, see `Copy.train`."""
    with _keras_float64(self.keras):
      variables = [
          self.keras.Variable(param, dtype='float64', name=f'variable_{i}')
          for i, param in enumerate(self.params)
      ]
      copy = self._build_copy(variables)
      recorded = list(variables)
      if self.shared['use_ema']:
        inner = copy.inner_optimizer if self.scaler else copy
        recorded += inner._model_variables_moving_average
      if self.keras.backend.backend() == 'jax':
        return _train_keras_on_jax(
            self.keras, copy, variables, recorded, gradients
        )
      return _train_keras_eagerly(
          self.keras, copy, recorded, gradients
      )


# Where an optimizer of Keras 2 has something for each variable.
_KERAS_2_SLOTS = (
    '_momentums',
    'momentums',
    '_velocities',
    '_accumulators',
    '_accumulated_grads',
)


class _Keras2(_Keras):
  """An optimizer of Keras 2, as in tf_keras and tf.keras up to 2.15.

  Keras 2 rounds Python's numbers to float32, but not those of NumPy.
  """

  recipe = 'keras.md#tfkeras-up-to-215'
  ignored = 'name', 'is_legacy_optimizer', 'jit_compile'
  averages_from_start = True

  def _find_scaler(self, optimizer):
    if 'LossScaleOptimizer' in type(optimizer).__name__:
      _refuse(
          'LossScaleOptimizer of Keras 2',
          'counts the updates that it skips, which no optimizer of optax does.'
          ' Translate its inner_optimizer, if few are skipped',
          'keras.md#mixed-precision',
      )

  def _find_rule(self):
    name = type(self.optimizer).__name__
    if name == 'Nadam' and name in self._rules():
      _refuse(
          'Nadam of Keras 2',
          'computes something different in model.fit than in a loop',
          'keras.md#nadam-in-tfkeras',
      )
    return super()._find_rule()

  def _is_exact(self):
    return True

  def _variables(self):
    # The optimizer only knows names, each with a number behind it.
    keys = getattr(self.optimizer, '_index_dict', [])
    slots = [getattr(self.optimizer, name, []) for name in _KERAS_2_SLOTS]
    slot = next(filter(None, slots), [])
    return [
        types.SimpleNamespace(
            _unique_id=key,
            name=key.rpartition('_')[0] + ':0',
            path=key.rpartition('_')[0],
            shape=moment.shape,
        )
        for key, moment in zip(keys, slot, strict=True)
    ]

  def _to_numpy(self, value):
    return value.numpy()

  def _look_up(self, table, index):
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    # A legacy optimizer passes floats.
    return tf.gather(table, tf.cast(index, tf.int64))

  def _copied_settings(self):
    return _numbers_of_numpy(super()._copied_settings())

  def _copy_schedule(self, schedule):
    return type(schedule)(**_numbers_of_numpy(schedule.get_config()))

  def _rounds(self, kind, settings):
    return False

  def _rounds_own_schedules(self):
    return True

  def _call_schedule(self, schedule, step):
    return schedule(np.int64(step)).numpy()

  def _notes_on_package(self):
    notes = [
        'Outside of the check, Keras rounds the settings to float32.',
        'Not checked: constraints of your variables, which Keras applies after'
        ' each update.',
    ]
    if self._clipping():
      notes.append(_SPARSE)
    return notes

  def _is_trained(self):
    # Not every way to restore an optimizer restores its count.
    return True

  def _train(self, gradients):
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    with _keras_float64(self.keras), tf.device('CPU'):
      variables = [tf.Variable(param) for param in self.params]
      copy = self._build_copy(variables)
      recorded = list(variables)
      if self.shared['use_ema']:
        recorded += copy._model_variables_moving_average
      history = []
      for grads in zip(*gradients, strict=True):
        tensors = map(tf.constant, grads)
        copy.apply_gradients(zip(tensors, variables, strict=True))
        history.append([variable.numpy() for variable in recorded])
    return [np.stack(values) for values in zip(*history, strict=True)]


class _LegacyKeras(_Keras2):
  """A legacy optimizer of Keras 2, which were the only ones before 2.11.

  It rounds to float32 what is neither a tensor nor zero.
  """

  module = 'optimizers.legacy'
  recipe = 'keras.md#legacy-optimizers-and-decay'
  ignored = 'name', 'decay'

  def _rules(self):
    return LEGACY_OPTIMIZERS

  def _find_public(self, name):
    return getattr(self.keras.optimizers.legacy, name, None)

  def _read_settings(self):
    if self.optimizer.gradient_transformers:
      _refuse('gradient_transformers', 'have no translation', self.recipe)
    shared, own = super()._read_settings()
    has_momentum = getattr(self.optimizer, '_momentum', None)
    if has_momentum is not None and has_momentum != bool(own['momentum']):
      _refuse(
          f'momentum={own["momentum"]}',
          'was assigned later, which Keras ignores. Construct the optimizer'
          ' with it, or without',
      )
    # The configuration lacks what is None.
    return {**dict.fromkeys(_KERAS_SHARED), **shared}, own

  def _get_config(self):
    hyper = {**self.optimizer._hyper, 'learning_rate': 0.0}
    return self._twin(_hyper=hyper).get_config()

  def _get_rate(self):
    rate = self.optimizer._hyper['learning_rate']
    decay = self.optimizer._initial_decay
    if not decay:
      return rate
    if callable(rate):
      _refuse('decay and a schedule', 'have no translation', self.recipe)
    schedules = self.keras.optimizers.schedules
    return schedules.InverseTimeDecay(self._to_float(rate), 1, decay)

  def _to_numpy(self, value):
    # Until the first update, it is a number.
    return value.numpy() if hasattr(value, 'numpy') else np.asarray(value)

  def _notes_on_package(self):
    notes = super()._notes_on_package()
    return notes if _SPARSE in notes else [*notes, _SPARSE]

  def _build_copy(self, variables):
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    rate = self.rate.copied
    decay = self.optimizer._initial_decay
    if decay:
      rate = self._to_float(self.optimizer._hyper['learning_rate'])
    settings = self._copied_settings()
    settings |= _numbers_of_numpy({'learning_rate': rate, 'decay': decay})
    settings = {k: v for k, v in settings.items() if v is not None}
    for name in self.optimizer._hyper.keys() & settings.keys() - {'decay'}:
      if isinstance(settings[name], float) and settings[name]:
        settings[name] = tf.constant(settings[name])
    return type(self.optimizer)(**settings)


def _numbers_of_numpy(settings):
  """Returns settings with each float as a float64 of NumPy."""
  return {name: _number_of_numpy(value) for name, value in settings.items()}


def _number_of_numpy(value):
  if isinstance(value, (list, tuple)):
    return list(map(_number_of_numpy, value))
  return np.float64(value) if isinstance(value, float) else value


@contextlib.contextmanager
def _keras_float64(keras):
  """A context in which new variables of Keras are in float64."""
  floatx = keras.backend.floatx()
  keras.backend.set_floatx('float64')
  try:
    yield
  finally:
    keras.backend.set_floatx(floatx)


def _train_keras_on_jax(keras, optimizer, variables, recorded, gradients):
  """Returns the recorded variables after each step, in one compiled loop."""
  everything = [*variables, *optimizer.variables]
  places = [
      next(i for i, known in enumerate(everything) if known is variable)
      for variable in recorded
  ]

  def step(values, grads):
    params, state = values[: len(variables)], values[len(variables) :]
    known = list(zip(optimizer.variables, state, strict=True))
    with keras.StatelessScope(state_mapping=known):
      grads = [optimizer.scale_loss(grad) for grad in grads]
    params, state = optimizer.stateless_apply(state, grads, params)
    values = [*params, *state]
    return values, [values[place] for place in places]

  start = [variable.value for variable in everything]
  _, history = jax.lax.scan(step, start, gradients)
  return [np.asarray(values) for values in history]


def _train_keras_eagerly(keras, optimizer, recorded, gradients):
  """Returns the recorded variables after each step."""
  history = []
  for grads in zip(*gradients, strict=True):
    tensors = [
        keras.ops.convert_to_tensor(grad, dtype='float64') for grad in grads
    ]
    optimizer.apply([optimizer.scale_loss(tensor) for tensor in tensors])
    history.append(
        [np.array(keras.ops.convert_to_numpy(v)) for v in recorded]
    )
  return [np.stack(values) for values in zip(*history, strict=True)]


# The rules for Keras's optimizers. Each takes the learning rate, the settings
# of optax for weight decay (none, a number, or a number and a mask), and the
# settings of the optimizer. It returns transformations, in their order.


def _keras_adam(rate, decay, *, beta_1, beta_2, epsilon, amsgrad):
  settings = dict(b1=beta_1, b2=beta_2, eps=epsilon)
  if amsgrad and decay:
    direction = Call('optax.scale_by_amsgrad', **settings, epsilon_hat=True)
    return [direction, _add_decay(decay), _scale(rate)]
  if amsgrad:
    return [Call('optax.amsgrad', rate, **settings, tf_style=True)]
  if decay:
    return [Call('optax.adamw', rate, **settings, **decay, tf_style=True)]
  return [Call('optax.adam', rate, **settings, tf_style=True)]


def _keras_sgd(rate, decay, *, momentum, nesterov):
  if not momentum and decay:
    return [_add_decay(decay), Call('optax.sgd', rate)]
  if not momentum:
    return [Call('optax.sgd', rate)]
  if isinstance(rate, float) and not decay:
    return [Call('optax.sgd', rate, momentum=momentum, nesterov=nesterov)]
  trace = Call('optax.trace', momentum, nesterov=nesterov)
  if isinstance(rate, float):
    return [trace, _add_decay(decay), _scale(rate)]
  return [_scale(rate), trace, *_subtract_decay(decay, rate)]


def _keras_rmsprop(rate, decay, *, rho, momentum, epsilon, centered):
  settings = dict(decay=rho, eps=epsilon)
  if decay and not momentum:
    name = 'optax.scale_by_stddev' if centered else 'optax.scale_by_rms'
    return [Call(name, **settings), _add_decay(decay), _scale(rate)]
  rmsprop = Call(
      'optax.rmsprop',
      rate,
      **settings,
      centered=centered,
      momentum=momentum or None,
  )
  return [rmsprop, *_subtract_decay(decay, rate)]


def _keras_adagrad(rate, decay, *, initial_accumulator_value, epsilon):
  settings = dict(
      initial_accumulator_value=initial_accumulator_value, eps=epsilon
  )
  if not decay:
    return [Call('optax.adagrad', rate, **settings)]
  direction = Call('optax.scale_by_rss', **settings)
  return [direction, _add_decay(decay), _scale(rate)]


def _keras_adadelta(rate, decay, *, rho, epsilon):
  settings = dict(rho=rho, eps=epsilon)
  if not decay:
    return [Call('optax.adadelta', rate, **settings)]
  direction = Call('optax.scale_by_adadelta', **settings)
  return [direction, _add_decay(decay), _scale(rate)]


def _keras_lion(rate, decay, *, beta_1, beta_2):
  decay = decay or {'weight_decay': 0.0}
  return [Call('optax.lion', rate, b1=beta_1, b2=beta_2, **decay)]


def _keras_nadam(rate, decay, *, beta_1, beta_2, epsilon):
  settings = dict(b1=beta_1, b2=beta_2, eps=epsilon)
  decays = [_add_decay(decay)] if decay else []
  return [Call('scale_by_keras_nadam', **settings), *decays, _scale(rate)]


def _keras_lamb(rate, decay, *, beta_1, beta_2, epsilon):
  if decay:
    _refuse('weight_decay of Lamb', 'has no translation', _Keras.recipe)
  return [Call('optax.lamb', rate, b1=beta_1, b2=beta_2, eps=epsilon)]


def _legacy_rmsprop(rate, decay, *, rho, momentum, epsilon, centered):
  del decay
  rmsprop = Call(
      'optax.rmsprop',
      rate,
      decay=rho,
      eps=epsilon,
      # Keras has different code for momentum.
      eps_in_sqrt=bool(momentum),
      centered=centered,
      momentum=momentum or None,
  )
  return [rmsprop]


def _legacy_adagrad(rate, decay, *, initial_accumulator_value, epsilon):
  del decay
  direction = Call(
      'scale_by_torch_adagrad',
      initial_accumulator_value=initial_accumulator_value,
      eps=epsilon,
  )
  return [direction, _scale(rate)]


KERAS_OPTIMIZERS = {
    'Adadelta': _keras_adadelta,
    'Adagrad': _keras_adagrad,
    'Adam': _keras_adam,
    'AdamW': _keras_adam,
    'Lamb': _keras_lamb,
    'Lion': _keras_lion,
    'Nadam': _keras_nadam,
    'RMSprop': _keras_rmsprop,
    'SGD': _keras_sgd,
}
LEGACY_OPTIMIZERS = {
    'Adagrad': _legacy_adagrad,
    'Adam': _keras_adam,
    'RMSprop': _legacy_rmsprop,
    'SGD': _keras_sgd,
}
# The settings that every optimizer of Keras has.
_KERAS_CLIPPING = {
    'clipnorm': 'clip_by_own_norm',
    'global_clipnorm': 'optax.clip_by_global_norm',
    'clipvalue': 'optax.clip',
}
_KERAS_SHARED = [
    *_KERAS_CLIPPING, 'weight_decay', 'use_ema', 'ema_momentum',
    'ema_overwrite_frequency', 'loss_scale_factor',
    'gradient_accumulation_steps',
]


# The rules for Keras's schedules. Each takes the settings of the schedule, and
# returns a call and the steps at which the schedule changes or ends.


def _keras_exponential_decay(
    *, initial_learning_rate, decay_steps, decay_rate, staircase
):
  settings = initial_learning_rate, float(decay_steps), decay_rate
  call = Call('optax.exponential_decay', *settings)
  if staircase:
    call = Call('staircase', call, decay_steps)
  return call, decay_steps


def _keras_inverse_time_decay(
    *, initial_learning_rate, decay_steps, decay_rate, staircase
):
  settings = initial_learning_rate, float(decay_steps), decay_rate
  call = Call('inverse_time_decay', *settings)
  if staircase:
    call = Call('staircase', call, decay_steps)
  return call, decay_steps


def _keras_piecewise_constant_decay(*, boundaries, values):
  # Keras still uses the old rate at the boundary.
  changes = [int(boundary) + 1 for boundary in boundaries]
  pairs = list(itertools.pairwise(values))
  factors = [float(f'{new / old:.4g}') if old else None for old, new in pairs]
  if all(
      factor and math.isclose(old * factor, new, rel_tol=1e-15)
      for factor, (old, new) in zip(factors, pairs, strict=True)
  ):
    scales = dict(zip(changes, factors, strict=True))
    call = Call('optax.piecewise_constant_schedule', values[0], scales)
  else:
    parts = [Call('optax.constant_schedule', value) for value in values]
    call = Call('optax.join_schedules', parts, changes)
  return call, *changes


def _keras_polynomial_decay(
    *, initial_learning_rate, decay_steps, end_learning_rate, power, cycle
):
  ends = initial_learning_rate, end_learning_rate
  steps = float(decay_steps)
  if cycle or power != int(power):
    call = Call('polynomial_decay', *ends, power, steps, cycle=cycle)
  elif power == 1:
    call = Call('optax.linear_schedule', *ends, steps)
  else:
    call = Call('optax.polynomial_schedule', *ends, power, steps)
  return call, decay_steps


def _keras_cosine_decay(
    *, initial_learning_rate, decay_steps, alpha, warmup_target, warmup_steps
):
  if warmup_target is None or not warmup_steps:
    peak = initial_learning_rate if warmup_target is None else warmup_target
    call = Call(
        'optax.cosine_decay_schedule', peak, float(decay_steps), alpha=alpha
    )
    return call, decay_steps
  end = warmup_steps + decay_steps
  call = Call(
      'optax.warmup_cosine_decay_schedule',
      initial_learning_rate,
      warmup_target,
      float(warmup_steps),
      float(end),
      end_value=_rounded(alpha * warmup_target),
  )
  return call, warmup_steps, end


def _keras_cosine_decay_restarts(
    *, initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha
):
  call = Call(
      'cosine_decay_restarts',
      initial_learning_rate,
      float(first_decay_steps),
      t_mul=t_mul,
      m_mul=m_mul,
      alpha=alpha,
  )
  lengths = [first_decay_steps * t_mul**i for i in range(6)]
  return call, *itertools.accumulate(lengths)


KERAS_SCHEDULES = {
    'CosineDecay': _keras_cosine_decay,
    'CosineDecayRestarts': _keras_cosine_decay_restarts,
    'ExponentialDecay': _keras_exponential_decay,
    'InverseTimeDecay': _keras_inverse_time_decay,
    'PiecewiseConstantDecay': _keras_piecewise_constant_decay,
    'PolynomialDecay': _keras_polynomial_decay,
}


# ------------------------------------------------------------------------------
# PyTorch.
# ------------------------------------------------------------------------------

# Settings that only choose an implementation, and the one to check against.
_TORCH_IMPLEMENTATION = {
    'capturable': False,
    'differentiable': False,
    'foreach': False,
    'fused': None,
}

# What a parameter group may hold besides the settings of one optimizer.
_TORCH_KEYS = (
    *_TORCH_IMPLEMENTATION,
    'base_momentum',
    'initial_lr',
    'lr',
    'max_lr',
    'max_momentum',
    'maximize',
    'min_lr',
    'name',
    'param_names',
    'params',
    'swa_lr',
    'weight_decay',
)

_LONGEST_TORCH_CHECK = 1_000_000
_TORCH_LOOPS = 'pytorch.md#clipping-and-gradient-accumulation'
_TORCH_PRECISION = 'pytorch.md#gradscaler-and-mixed-precision'
_TORCH_SCHEDULES = 'pytorch.md#schedulers'
_ONE_CYCLE = 'pytorch.md#onecyclelr-with-momentum'
_PARTITION = 'pytorch.md#adam-and-adamw'
_PLATEAU = 'pytorch.md#reducelronplateau'
_GROUP_BY_GROUP = (
    'translate an optimizer and a scheduler of each group alone, and join the'
    ' results with optax.partition'
)
_CHAIN_SCHEDULERS = (
    'If you step several schedulers one after another, pass a'
    ' ChainedScheduler of them, and the rate that they make together as'
    ' learning_rate. If you step them at different times, construct the'
    ' optimizer anew, without schedulers, and pass only the rate'
)


def _describe_torch(optimizer, scheduler, learning_rate, scheduler_every):
  """Returns the translation of an optimizer of PyTorch, and its copy."""
  _check_processes(scheduler)
  optimizer, scheduler = map(_unwrap_accelerate, (optimizer, scheduler))
  _check_torch_optimizer(optimizer)
  _check_torch_scheduler(optimizer, scheduler, learning_rate)
  if type(scheduler_every) is not int or scheduler_every < 1:
    _refuse(f'scheduler_every={scheduler_every}', 'is not a number of updates')
  if scheduler is None and scheduler_every != 1:
    _refuse(f'scheduler_every={scheduler_every}', 'needs a scheduler')
  if learning_rate is not None:
    _own_rate(learning_rate, None, None)  # Raises if it is not a function.
  described = _Torch(optimizer, scheduler, learning_rate, scheduler_every)
  return described.translate(), described.copy()


def _unwrap_accelerate(wrapped):
  """Returns the optimizer or the scheduler that Accelerate has wrapped."""
  names = {
      'AcceleratedOptimizer': 'optimizer',
      'AcceleratedScheduler': 'scheduler',
  }
  name = names.get(type(wrapped).__name__)
  return getattr(wrapped, name) if name else wrapped


def _check_processes(scheduler):
  """Raises if Accelerate steps a scheduler more than once per update."""
  if type(scheduler).__name__ != 'AcceleratedScheduler':
    return
  if scheduler.split_batches or not scheduler.step_with_optimizer:
    return
  from accelerate import state  # pylint: disable=import-outside-toplevel

  count = state.AcceleratorState().num_processes
  if count > 1:
    _refuse(
        'Accelerate',
        f'steps the scheduler {count} times per update. Construct the optimizer'
        ' anew, without a scheduler, and pass the rate as learning_rate',
    )


def _check_torch_optimizer(optimizer):
  """Raises if an optimizer is of a kind, or has a setting, that isn't known."""
  kind = type(optimizer).__name__
  name = _full_name(type(optimizer))
  if kind not in _TORCH_OPTIMIZERS or not name.startswith('torch.optim.'):
    _refuse(
        name,
        "can't be translated. These optimizers of torch.optim can:"
        f' {", ".join(_TORCH_OPTIMIZERS)}',
        _TORCH_RECIPES.get(kind, 'pytorch.md'),
    )
  hooks = '_optimizer_step_pre_hooks', '_optimizer_step_post_hooks'
  if any(getattr(optimizer, hook, None) for hook in hooks):
    _refuse('A hook of this optimizer', "can't be translated; remove it first")
  step = vars(optimizer).get('step')
  # A scheduler replaces it to count the steps.
  counting = '_wrapped_by_lr_sched', '_with_counter'
  if step is not None and not any(hasattr(step, name) for name in counting):
    _refuse('optimizer.step', 'was replaced; pass the optimizer as constructed')
  known = inspect.signature(_TORCH_OPTIMIZERS[kind]).parameters
  for group in optimizer.param_groups:
    _check_torch_group(optimizer, group, {*known, *_TORCH_KEYS})


def _check_torch_group(optimizer, group, known):
  """Raises if a parameter group has what isn't known."""
  own = inspect.signature(type(optimizer)).parameters
  for name in group.keys() - known - own.keys():
    _refuse(
        f'The key {name} of a parameter group',
        'is not a setting of PyTorch. If your training loop ignores it too,'
        ' remove it',
    )
  settings = {name: group[name] for name in group.keys() & own.keys()}
  _check_unknown_settings(optimizer, settings, known)
  if any(param.is_complex() for param in group['params']):
    _refuse('A complex parameter', 'has a different update in optax')


def _check_torch_scheduler(optimizer, scheduler, learning_rate):
  """Raises if a scheduler is missing, or of a kind that isn't known."""
  if scheduler is None:
    if any('initial_lr' in group for group in optimizer.param_groups):
      _refuse('This optimizer', 'has a scheduler; pass it to to_optax as well')
    return
  if _optimizer_of(scheduler) is not optimizer:
    _refuse('The scheduler', 'does not belong to this optimizer')
  parts = _torch_parts(scheduler)
  if parts != [scheduler] and any(hasattr(x, '_schedulers') for x in parts):
    _refuse(
        'A SequentialLR or ChainedScheduler inside another',
        "can't be translated",
        _TORCH_SCHEDULES,
    )
  _check_other_schedulers(optimizer, [scheduler, *parts])
  _check_torch_scheduler_kind(scheduler, learning_rate)
  for part in parts:
    _check_torch_scheduler_kind(part, learning_rate)
  for part in parts:
    _check_base_rates(part, optimizer)


def _check_other_schedulers(optimizer, known):
  """Raises if an optimizer has schedulers besides those that are known."""
  if not _other_schedulers(optimizer, known):
    return
  # Some may have been deleted, and wait to be collected, which takes long.
  gc.collect()
  for kind in _other_schedulers(optimizer, known):
    _check_plateau(kind)
    _refuse(
        'This optimizer',
        f'has another scheduler, {_full_name(kind)}. {_CHAIN_SCHEDULERS}. If'
        ' you do not step it, delete it',
        _TORCH_SCHEDULES,
    )


def _optimizer_of(scheduler):
  return _unwrap_accelerate(getattr(scheduler, 'optimizer', None))


def _other_schedulers(optimizer, known):
  """Returns the classes of unknown schedulers of an optimizer.

  The optimizer has no list of them. The schedulers themselves would be kept
  alive by the traceback of the error, so that they could not be deleted.
  """
  import torch  # pylint: disable=import-outside-toplevel

  module = torch.optim.lr_scheduler
  # PyTorch 1 calls it _LRScheduler.
  name = 'LRScheduler' if hasattr(module, 'LRScheduler') else '_LRScheduler'
  base = getattr(module, name)
  found = [x for x in gc.get_objects() if issubclass(type(x), base)]
  own = [x for x in found if _optimizer_of(x) is optimizer]
  known = set(map(id, known))
  return [type(x) for x in own if id(x) not in known]


def _check_plateau(kind):
  if kind.__name__ == 'ReduceLROnPlateau':
    _refuse(
        _full_name(kind),
        "can't be translated: its rate depends on the losses",
        _PLATEAU,
    )


def _check_torch_scheduler_kind(scheduler, learning_rate):
  kind = type(scheduler).__name__
  name = _full_name(type(scheduler))
  _check_plateau(type(scheduler))
  if not name.startswith('torch.optim.'):
    _refuse(
        name,
        "can't be translated. Write its rate as a function of the number of"
        ' updates, construct the optimizer without it, and pass the function'
        ' as learning_rate',
        _TORCH_SCHEDULES,
    )
  if getattr(scheduler, 'cycle_momentum', False):
    _refuse('cycle_momentum=True', "can't be translated", _ONE_CYCLE)
  if kind not in _TORCH_SCHEDULERS and learning_rate is None:
    groups = ''
    if len(scheduler.optimizer.param_groups) > 1:
      groups = f'. If the groups have several rates, {_GROUP_BY_GROUP}'
    _refuse(
        name,
        f'needs a translation of your own, as learning_rate{groups}',
        _TORCH_SCHEDULES,
    )


def _check_base_rates(scheduler, optimizer):
  """Raises if a scheduler and its optimizer disagree on the first rates."""
  groups = optimizer.param_groups
  first = [_torch_number(group.get('initial_lr')) for group in groups]
  bases = [_torch_number(rate) for rate in scheduler.base_lrs]
  if bases != first:
    _refuse(
        f'{type(scheduler).__name__} with base_lrs={bases}',
        f'is of an optimizer whose initial_lr is {first}. Construct the'
        ' optimizer and its schedulers anew, and a OneCycleLR before the'
        ' others, since it sets initial_lr',
    )


class _Torch:
  """An optimizer of PyTorch, as it was at its first step.

  Attributes:
    optimizer: The optimizer.
    scheduler: Its scheduler, or None.
    learning_rate: The user's translation of the schedule, or None.
    every: The number of updates between steps of the scheduler.
    labels: For each parameter, the name of its group, or that it is frozen.
    tested: The positions of the parameters that have a small copy.
    groups: The parameter groups at the first step, with the small copies.
    history: The learning rate of each group, after each step of the scheduler.
  """

  def __init__(self, optimizer, scheduler, learning_rate, every):
    self.optimizer = optimizer
    self.scheduler = scheduler
    self.learning_rate = learning_rate
    self.every = every
    self.labels = [
        f'group_{i}' if param.requires_grad else 'frozen'
        for i, group in enumerate(optimizer.param_groups)
        for param in group['params']
    ]
    # Two parameters of each group show as much as all of a large model.
    sizes = [
        param.numel()
        for group in optimizer.param_groups
        for param in group['params']
    ]
    self.tested = [
        i
        for i, label in enumerate(self.labels)
        if self.labels[:i].count(label) < 2 and sizes[i]
    ]
    self.groups = self._twin().param_groups
    self.history = self._read_history()
    self._check_current_rates()
    if learning_rate is not None and np.ptp(self.history, axis=1).any():
      _refuse(
          'learning_rate',
          f'is one, but the parameter groups have several: {_GROUP_BY_GROUP}',
          _PARTITION,
      )

  def translate(self):
    """Returns the `Translation`."""
    rates, schedules = self._rates()
    call, trees = self._join_groups(rates)
    name = f'torch.optim.{type(self.optimizer).__name__}'
    notes = self._notes(uses_tree=bool(trees))
    return Translation(name, call, {**schedules, **trees}, notes)

  def copy(self):
    """Returns the `Copy`."""
    compared = {}
    if self.scheduler is not None:
      rates, _ = self._rates()
      for rate, column in zip(rates, self.history.T, strict=True):
        compared[rate] = functools.partial(self._rate_at, column)
    scope = {'to_params': self._shrink}
    if self.learning_rate is not None:
      scope[self.learning_rate.__name__] = self.learning_rate
    return Copy(
        params=self._small_params(),
        train=self._train,
        steps=self._count_steps(),
        rates=compared,
        counts=self._counts(),
        scope=scope,
    )

  def _small_params(self):
    return [_torch_array(p) for g in self.groups for p in g['params']]

  def _pick(self, leaves):
    """Returns what belongs to the parameters that have a small copy."""
    return [leaves[i] for i in self.tested]

  def _shrink(self, arrays):
    """Returns the arrays of `to_params` in the shapes of the copy."""
    return _shrink(self._pick(arrays), self._small_params())

  # What PyTorch computes.

  def _twin(self):
    """Returns the optimizer at its first step, on small parameters."""
    import torch  # pylint: disable=import-outside-toplevel

    values = _small_params(len(self.tested))
    small = dict(zip(self.tested, values, strict=True))
    position = itertools.count()
    groups = []
    for group in self.optimizer.param_groups:
      positions = [next(position) for _ in group['params']]
      params = [
          torch.nn.Parameter(torch.tensor(small[i], device='cpu'))
          for i in positions
          if i in small
      ]
      settings = _torch_settings(group)
      rate = float(settings.get('initial_lr', settings['lr']))
      groups.append(
          {**settings, 'lr': rate, 'initial_lr': rate, 'params': params}
      )
    # Adagrad reads initial_accumulator_value here, not from its groups.
    defaults = _torch_settings(self.optimizer.defaults)
    accepted = inspect.signature(type(self.optimizer)).parameters
    defaults = {k: v for k, v in defaults.items() if k in accepted}
    return type(self.optimizer)(groups, **defaults)

  def _read_history(self):
    """Returns each group's rate after each step of the scheduler."""
    twin = self._twin()
    if self.scheduler is not None:
      with warnings.catch_warnings():
        # The twin makes no updates between the steps of its scheduler.
        warnings.simplefilter('ignore')
        scheduler = _rewind(self.scheduler, self.optimizer, twin)
        return np.array(_step_through(scheduler, twin, self._length()))
    if self.learning_rate is not None:
      name = self.learning_rate.__name__
      rates = _call_schedule(name, self.learning_rate, range(200))
      start = np.array(_torch_rates(twin))
      # A group with a rate of its own is refused: this is not its rate.
      return np.where(start == start[0], rates[:, np.newaxis], start)
    return np.array([_torch_rates(twin)])

  def _length(self):
    """Returns for how many steps of the scheduler the rates are compared."""
    return max(_torch_length(self.scheduler), _steps_made(self.scheduler))

  def _rate_at(self, column, count):
    """Returns a rate of the history, or the last one."""
    return column[min(count // self.every, len(column) - 1)]

  def _counts(self):
    """Returns the first and last update of each step of the scheduler."""
    starts = self.every * np.arange(len(self.history))
    counts = np.union1d(starts, starts + self.every - 1)
    return counts[counts < 2**31].tolist()

  def _count_steps(self):
    """Returns how many updates it takes until the rate has changed."""
    if self.scheduler is None:
      return 200
    changes = np.any(self.history[1:] != self.history[:-1], axis=1)
    first = np.argmax(changes) + 1 if changes.any() else 0
    steps = max(200, self.every * first + 100)
    if steps > _LONGEST_TORCH_CHECK:
      _refuse(
          f'A rate that stays for {self.every * first} updates',
          'takes too long to check. Translate it with fewer updates, and'
          ' correct their number in the code',
      )
    return min(steps, self.every * len(self.history))

  def _train(self, gradients):
    """Returns the parameters after each step, see `Copy.train`."""
    import torch  # pylint: disable=import-outside-toplevel

    twin = self._twin()
    params = [p for group in twin.param_groups for p in group['params']]
    trained = [label != 'frozen' for label in self._pick(self.labels)]
    steps = []
    with _torch_float64(torch):
      for count, grads in enumerate(zip(*gradients, strict=True)):
        for param, grad, is_trained in zip(params, grads, trained, strict=True):
          if is_trained:
            param.grad = torch.tensor(grad, device='cpu')
        columns = self.history.T
        for group, column in zip(twin.param_groups, columns, strict=True):
          group['lr'] = float(self._rate_at(column, count))
        twin.step()
        steps.append([_torch_array(param) for param in params])
    return [np.stack(values) for values in zip(*steps, strict=True)]

  def _check_current_rates(self):
    """Raises if something besides the scheduler has changed a rate."""
    if self.scheduler is None:
      return
    groups = self.optimizer.param_groups
    now = [_torch_number(group['lr']) for group in groups]
    steps = _steps_made(self.scheduler)
    then = self.history[min(steps, len(self.history) - 1)].tolist()
    nearly = 1e-6 * np.max(self.history)
    if not np.allclose(now, then, rtol=1e-3, atol=nearly):
      _refuse(
          f'The rate {now} after {steps} steps of the scheduler',
          f'is not {then}, so something else has changed it.'
          f' {_CHAIN_SCHEDULERS}. Otherwise, pass an optimizer and a scheduler'
          ' that are newly constructed',
          _TORCH_SCHEDULES,
      )

  # What is written.

  def _rates(self):
    """Returns the rate of each group in the code, and schedules by name."""
    if self.learning_rate is not None:
      rate = _own_rate(self.learning_rate, None, None).code
      return [rate for _ in self.groups], {}
    if self.scheduler is None:
      return [float(group['initial_lr']) for group in self.groups], {}
    calls = [
        _translate_torch_schedule(self.scheduler, group, self.every)
        for group in self.groups
    ]
    if _all_same(calls):
      return [Name('schedule') for _ in calls], {'schedule': calls[0]}
    names = [Name(f'schedule_{i}') for i in range(len(calls))]
    return names, dict(zip(names, calls, strict=True))

  def _translate_groups(self, rates, **decay):
    """Returns the code for each parameter group."""
    kind = type(self.optimizer).__name__
    translate = _TORCH_OPTIMIZERS[kind]
    known = inspect.signature(translate).parameters
    calls = []
    for group, rate in zip(self.groups, rates, strict=True):
      settings = {name: group[name] for name in known if name in group}
      own = {'weight_decay': float(group['weight_decay']), **decay}
      links = translate(rate, own, **settings)
      if group.get('maximize'):
        links = [Call('optax.scale', -1.0), *links]
      calls.append(_chain(*links))
    return calls

  def _join_groups(self, rates):
    """Returns the code for all groups, and the trees that it needs."""
    calls = self._translate_groups(rates)
    if 'frozen' not in self.labels:
      if _all_same(calls):
        return calls[0], {}
      amounts = {group['weight_decay'] for group in self.groups}
      mask = _per_param('decays')
      masked = self._translate_groups(
          rates, weight_decay=float(max(amounts)), mask=mask
      )
      if len(amounts - {0}) == 1 and _all_same(masked):
        return masked[0], {'decays': self._described(self._decays())}
    parts = {f'group_{i}': call for i, call in enumerate(calls)}
    if 'frozen' in self.labels:
      parts['frozen'] = Call('optax.set_to_zero')
    call = Call('optax.partition', parts, _per_param('labels'))
    return call, {'labels': self._described(self.labels)}

  def _decays(self):
    """Returns whether each parameter decays."""
    return [
        group['weight_decay'] != 0
        for group in self.optimizer.param_groups
        for _ in group['params']
    ]

  def _described(self, values):
    """Returns a value for each parameter, with its shape and its name."""
    shapes, names = [], []
    for group in self.optimizer.param_groups:
      shapes += [param.shape for param in group['params']]
      # PyTorch has the names if it was given named_parameters().
      names += group.get('param_names') or [''] * len(group['params'])
    return _with_shapes(values, shapes, names)

  def _notes(self, uses_tree):
    """Returns what the check can't see, and what the user must define."""
    notes = [
        'It does not know what your training loop does, such as assigning a'
        f' rate, or clipping or accumulating gradients: see'
        f' {_GUIDE}{_TORCH_LOOPS}.'
    ]
    if type(self.optimizer).__name__ == 'NAdam':
      notes.append(
          'Outside of the check, PyTorch rounds the product of the momenta to'
          ' float32.'
      )
    if self.scheduler is not None and self.every == 1:
      notes.append(
          'The scheduler is stepped after every update. If yours is not, pass'
          ' scheduler_every, the number of updates between its steps.'
      )
    length = _hugging_face_length(self.scheduler)
    if length:
      notes.append(f'The rates are compared for {length} steps of training.')
    if self.scheduler is None and self.learning_rate is not None:
      notes.append(_NOT_COMPARED.format(self.learning_rate.__name__))
    rounded = {
        name
        for group in self.optimizer.param_groups
        for name in self.optimizer.defaults
        if _is_float32(group.get(name))
    }
    for name in sorted(rounded):
      notes.append(
          f'{name} is a tensor of float32: the code has the shortest decimal'
          ' that rounds to it. Outside of the check, they differ by that much.'
      )
    narrow = {
        str(param.dtype).removeprefix('torch.')
        for group in self.optimizer.param_groups
        for param in group['params']
        if param.element_size() < 4
    }
    if narrow:
      names = ' and '.join(sorted(narrow))
      notes.append(
          f'Your parameters are {names}, in which PyTorch and optax round'
          f' differently: see {_GUIDE}{_TORCH_PRECISION}.'
      )
    if uses_tree:
      notes.append(
          'Define to_params: it turns a list of arrays, in the order of the'
          ' parameter groups, into a tree like your parameters.'
      )
    return notes


@contextlib.contextmanager
def _torch_float64(torch):
  """A context in which PyTorch's new states are in float64."""
  dtype = torch.get_default_dtype()
  torch.set_default_dtype(torch.float64)
  try:
    yield
  finally:
    torch.set_default_dtype(dtype)


def _rewind(scheduler, optimizer, twin):
  """Returns a copy of a scheduler at its first step, for the twin."""
  memo = {id(optimizer): twin}
  for part in _torch_parts(scheduler):
    memo[id(part.optimizer)] = twin
    # To copy a method is to copy its object, which may be a whole model.
    memo |= {id(f): f for f in getattr(part, 'lr_lambdas', [])}
  new = copying.deepcopy(scheduler, memo)
  parts = _torch_parts(new)
  for part in parts:
    part.base_lrs = [_torch_number(rate) for rate in part.base_lrs]
    part.last_epoch = -1
  if hasattr(new, '_milestones'):
    new.last_epoch = 0
    parts = [parts[bisect.bisect(new._milestones, 0)]]
  for part in parts:
    part._initial_step()
  return new


def _step_through(scheduler, optimizer, steps):
  """Returns the rate of each group after each step of a scheduler."""
  history = [_torch_rates(optimizer)]
  for _ in range(steps):
    try:
      scheduler.step()
      history.append(_torch_rates(optimizer))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
      if len(history) == 1:
        _refuse(
            f'{type(scheduler).__name__}.step()',
            f'raises {type(error).__name__} when it is first called: {error}',
        )
      # OneCycleLR ends here, as does a table, or (1 - t / 9) ** 0.9.
      break
  return history


def _torch_parts(scheduler):
  """Returns the schedulers that a scheduler calls, or itself."""
  return getattr(scheduler, '_schedulers', [scheduler])


def _steps_made(scheduler):
  """Returns how many steps a scheduler has made."""
  # A ChainedScheduler does not count.
  first = _torch_parts(scheduler)[0]
  return getattr(scheduler, 'last_epoch', first.last_epoch)


def _torch_length(scheduler):
  """Returns for how many steps of a scheduler its rates are compared."""
  parts = _torch_parts(scheduler)
  if parts != [scheduler]:
    start = max(getattr(scheduler, '_milestones', [0]))
    return start + max(map(_torch_length, parts))
  if type(scheduler).__name__ not in _TORCH_SCHEDULERS:
    return _hugging_face_length(scheduler) or 100_000
  names = 'T_0', 'T_max', 'step_size', 'total_iters', 'total_steps'
  periods = [getattr(scheduler, name, 0) for name in names]
  milestones = getattr(scheduler, 'milestones', [])
  return 2 * int(max(*periods, *milestones)) + 200


def _hugging_face_length(scheduler):
  """Returns the number of steps of Hugging Face's schedulers, or None.

  Some rise again afterwards.
  """
  for function in getattr(scheduler, 'lr_lambdas', []):
    settings = getattr(function, 'keywords', {})
    if 'num_training_steps' in settings:
      return settings['num_training_steps']
  return None


def _torch_rates(optimizer):
  """Returns the current learning rate of each group."""
  return [float(group['lr']) for group in optimizer.param_groups]


def _torch_array(param):
  return param.detach().numpy().copy()


def _torch_settings(settings):
  """Returns settings with Python's numbers, as the check uses them."""
  plain = {
      name: _torch_number(value)
      for name, value in settings.items()
      if name not in ('params', 'param_names')
  }
  chosen = _TORCH_IMPLEMENTATION.items()
  return plain | {name: value for name, value in chosen if name in plain}


def _torch_number(value):
  """Returns the Python number of a setting, which may be a tensor."""
  if isinstance(value, (list, tuple)):
    return tuple(map(_torch_number, value))
  if not hasattr(value, 'element_size'):
    return value.item() if isinstance(value, np.generic) else value
  number = value.item()
  return number if value.element_size() > 4 else _shortest(number)


def _is_float32(value):
  """Returns whether a setting is a tensor of float32, or has one."""
  if isinstance(value, (list, tuple)):
    return any(map(_is_float32, value))
  return str(getattr(value, 'dtype', '')) == 'torch.float32'


def _all_same(calls):
  return len(set(map(_flat, calls))) == 1


# The transformations of each optimizer, given its rate and its weight decay.


def _torch_adam(
    rate, decay, *, betas, eps, amsgrad, decoupled_weight_decay=False
):
  b1, b2 = betas
  settings = dict(b1=b1, b2=b2, eps=eps)
  if amsgrad:
    _check_installed('optax.scale_by_amsgrad', ['epsilon_hat'])
    direction = Call('scale_by_torch_amsgrad', **settings)
    return _with_decay(direction, rate, decay, decoupled_weight_decay)
  if decoupled_weight_decay:
    return [Call('optax.adamw', rate, **settings, **decay)]
  return [*_l2(decay), Call('optax.adam', rate, **settings)]


def _torch_adamax(rate, decay, *, betas, eps):
  b1, b2 = betas
  return [*_l2(decay), Call('optax.adamax', rate, b1=b1, b2=b2, eps=eps)]


def _torch_adadelta(rate, decay, *, rho, eps):
  return [*_l2(decay), Call('optax.adadelta', rate, rho=rho, eps=eps)]


def _torch_nadam(
    rate, decay, *, betas, eps, momentum_decay, decoupled_weight_decay=False
):
  b1, b2 = betas
  direction = Call(
      'scale_by_torch_nadam',
      b1=b1,
      b2=b2,
      eps=eps,
      momentum_decay=momentum_decay,
  )
  return _with_decay(direction, rate, decay, decoupled_weight_decay)


def _torch_radam(rate, decay, *, betas, eps, decoupled_weight_decay=False):
  b1, b2 = betas
  direction = Call('scale_by_torch_radam', b1=b1, b2=b2, eps=eps)
  return _with_decay(direction, rate, decay, decoupled_weight_decay)


def _torch_sgd(rate, decay, *, momentum, dampening, nesterov):
  if not momentum:
    return [*_l2(decay), Call('optax.sgd', rate)]
  if nesterov and dampening:
    reason = "can't be translated; outside of groups, PyTorch refuses it too"
    _refuse('nesterov=True with dampening', reason)
  sgd = Call('optax.sgd', rate, momentum=momentum, nesterov=bool(nesterov))
  return [*_l2(decay), *_dampen(dampening), sgd]


def _dampen(dampening):
  """Returns what scales all gradients but the first."""
  if not dampening:
    return []
  scale = Call(
      'optax.piecewise_constant_schedule', 1.0, {1: _rounded(1 - dampening)}
  )
  return [Call('optax.scale_by_schedule', scale)]


def _torch_rmsprop(rate, decay, *, alpha, eps, momentum, centered):
  name = 'scale_by_stddev' if centered else 'scale_by_rms'
  direction = Call(f'optax.{name}', decay=alpha, eps=eps, eps_in_sqrt=False)
  # optax.rmsprop multiplies by the learning rate before the momentum.
  trace = [Call('optax.trace', momentum)] if momentum > 0 else []
  return [*_l2(decay), direction, *trace, _scale(rate)]


def _torch_adagrad(rate, decay, *, lr_decay, initial_accumulator_value, eps):
  direction = Call(
      'scale_by_torch_adagrad',
      initial_accumulator_value=float(initial_accumulator_value),
      eps=eps,
  )
  factor = []
  if lr_decay:
    schedule = Call('inverse_time_decay', 1.0, 1.0, lr_decay)
    factor = [Call('optax.scale_by_schedule', schedule)]
  return [*_l2(decay), direction, *factor, _scale(rate)]


def _l2(decay):
  """Returns a penalty of the weights, if any, before the moments."""
  return [_add_decay(decay)] if decay['weight_decay'] else []


def _with_decay(direction, rate, decay, decoupled):
  """Returns a direction with weight decay, if any, and the learning rate."""
  if decoupled:
    return [direction, *_l2(decay), _scale(rate)]
  return [*_l2(decay), direction, _scale(rate)]


_TORCH_OPTIMIZERS = {
    'Adadelta': _torch_adadelta,
    'Adagrad': _torch_adagrad,
    'Adam': _torch_adam,
    'Adamax': _torch_adamax,
    'AdamW': functools.partial(_torch_adam, decoupled_weight_decay=True),
    'NAdam': _torch_nadam,
    'RAdam': _torch_radam,
    'RMSprop': _torch_rmsprop,
    'SGD': _torch_sgd,
}

# Where the guide has other optimizers.
_TORCH_RECIPES = {'SparseAdam': 'pytorch.md#sparseadam'}

# The schedule of each scheduler, in steps of the scheduler.


def _translate_torch_schedule(scheduler, group, every=1):
  """Returns the schedule of a parameter group, in updates."""
  schedule = _TORCH_SCHEDULERS[type(scheduler).__name__](scheduler, group)
  return schedule if every == 1 else Call('once_every', schedule, every)


def _torch_step(scheduler, group):
  # optax's staircase divides, which under jit may round down at a step.
  decay = Call(
      'optax.exponential_decay', group['initial_lr'], 1.0, scheduler.gamma
  )
  return Call('once_every', decay, scheduler.step_size)


def _torch_multi_step(scheduler, group):
  scales = {
      int(milestone): _rounded(scheduler.gamma**times)
      for milestone, times in sorted(scheduler.milestones.items())
      if milestone >= 0
  }
  return Call(
      'optax.piecewise_constant_schedule', group['initial_lr'], scales
  )


def _torch_constant(scheduler, group):
  rate = group['initial_lr']
  schedules = [
      Call('optax.constant_schedule', _product(rate, scheduler.factor)),
      Call('optax.constant_schedule', rate),
  ]
  return Call('optax.join_schedules', schedules, [scheduler.total_iters])


def _torch_linear(scheduler, group):
  rate = group['initial_lr']
  return Call(
      'optax.linear_schedule',
      _product(rate, scheduler.start_factor),
      _product(rate, scheduler.end_factor),
      float(scheduler.total_iters),
  )


def _torch_exponential(scheduler, group):
  return Call(
      'optax.exponential_decay', group['initial_lr'], 1.0, scheduler.gamma
  )


def _torch_polynomial(scheduler, group):
  schedule = Call(
      'optax.polynomial_schedule',
      group['initial_lr'],
      0.0,
      scheduler.power,
      float(scheduler.total_iters),
  )
  if float(scheduler.power).is_integer():
    return schedule
  # Under jit, it may be the power of a negative number at its end.
  schedules = [schedule, Call('optax.constant_schedule', 0.0)]
  return Call('optax.join_schedules', schedules, [scheduler.total_iters])


def _torch_cosine(scheduler, group):
  return Call(
      'cosine_annealing',
      group['initial_lr'],
      float(scheduler.eta_min),
      float(scheduler.T_max),
  )


def _torch_restarts(scheduler, group):
  rate = group['initial_lr']
  end = float(scheduler.eta_min)
  return Call(
      'cosine_decay_restarts',
      rate,
      float(scheduler.T_0),
      t_mul=float(scheduler.T_mult),
      m_mul=1.0,
      alpha=_quotient(end, rate) if end else 0.0,
  )


def _torch_one_cycle(scheduler, group):
  shape = {'cos': 'cosine_annealing', 'linear': 'line'}
  function = shape[scheduler._anneal_func_type]
  schedules = []
  ends = [0.0]
  for phase in scheduler._schedule_phases:
    first, last = group[phase['start_lr']], group[phase['end_lr']]
    length = phase['end_step'] - ends[-1]
    schedules.append(
        Call(function, _rounded(first), _rounded(last), float(length))
    )
    ends.append(phase['end_step'])
  changes = [int(end) if end.is_integer() else end for end in ends[1:-1]]
  return Call('optax.join_schedules', schedules, changes)


def _torch_sequential(scheduler, group):
  schedules = [
      _translate_torch_schedule(part, group)
      for part in _torch_parts(scheduler)
  ]
  return Call('optax.join_schedules', schedules, list(scheduler._milestones))


_TORCH_SCHEDULERS = {
    'ConstantLR': _torch_constant,
    'CosineAnnealingLR': _torch_cosine,
    'CosineAnnealingWarmRestarts': _torch_restarts,
    'ExponentialLR': _torch_exponential,
    'LinearLR': _torch_linear,
    'MultiStepLR': _torch_multi_step,
    'OneCycleLR': _torch_one_cycle,
    'PolynomialLR': _torch_polynomial,
    'SequentialLR': _torch_sequential,
    'StepLR': _torch_step,
}


# ------------------------------------------------------------------------------
# TensorFlow 1.
# ------------------------------------------------------------------------------


_TENSORFLOW_LOOPS = 'tensorflow.md#tfclip_by_global_norm'


def _describe_tensorflow(optimizer, scheduler, learning_rate, scheduler_every):
  """Returns the translation of TensorFlow 1's AdamOptimizer, and its copy."""
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  if scheduler is not None or scheduler_every != 1:
    _refuse('scheduler', "is for PyTorch; TensorFlow's rates are functions")
  kind = tf.compat.v1.train.AdamOptimizer
  if type(optimizer) is not kind:
    _refuse(
        _full_name(type(optimizer)), 'has no translation', 'tensorflow.md'
    )
  _check_replaced_methods(optimizer, 'tensorflow.md')
  known = {'learning_rate', 'beta1', 'beta2', 'epsilon', 'use_locking', 'name'}
  known |= {'use_own_namescope_for_non_slot_vars'}
  _check_unknown_settings(optimizer, {}, known)
  names = 'beta1', 'beta2', 'epsilon'
  b1, b2, eps = (
      _tensorflow_number(name, getattr(optimizer, f'_{name}')) for name in names
  )
  settings = dict(b1=b1, b2=b2, eps=eps)
  notes = [
      'It does not know what your training loop does, such as clipping'
      f' gradients: see {_GUIDE}{_TENSORFLOW_LOOPS}.',
      'Outside of the check, TensorFlow rounds the settings to float32.',
  ]
  scope = {}
  if learning_rate is None:
    rate = _tensorflow_number('learning_rate', optimizer._lr)
    rates = np.full(200, rate)
  else:
    rate = _own_rate(learning_rate, None, None).code
    rates = _call_schedule(rate, learning_rate, range(200))
    scope[rate] = learning_rate
    notes.append(_NOT_COMPARED.format(rate))
  call = Call('optax.adam', rate, **settings, tf_style=True)
  params = _small_params(2)

  def train(gradients):
    # TensorFlow would round Python's numbers to float32.
    numbers = map(np.float64, settings.values())
    create = functools.partial(kind, **dict(zip(names, numbers, strict=True)))
    return _train_in_graph(tf, create, rates, params, gradients)

  translation = Translation(
      'tf.compat.v1.train.AdamOptimizer', call, notes=notes
  )
  return translation, Copy(params, train, scope=scope)


def _tensorflow_number(name, value):
  """Returns a setting that is a number, or a constant tensor."""
  if hasattr(value, 'numpy') and not hasattr(value, 'assign'):
    value = value.numpy()
  if isinstance(value, np.float32):
    return _shortest(value)
  if not isinstance(value, (float, int, np.number)):
    _refuse(
        f'{name}={value!r}',
        'is not a number. Write a rate that changes as a function of the number'
        ' of updates, and pass it as learning_rate',
        'tensorflow.md',
    )
  return float(value)


def _train_in_graph(tf, create, rates, params, gradients):
  """Returns the parameters after each step, see `Copy.train`."""
  tf1 = tf.compat.v1
  with tf.Graph().as_default(), tf.device('CPU'), tf1.Session() as session:
    variables = [tf1.Variable(param) for param in params]
    inputs = [tf1.placeholder(tf.float64, param.shape) for param in params]
    rate = tf1.placeholder(tf.float64, [])
    pairs = zip(inputs, variables, strict=True)
    update = create(rate).apply_gradients(pairs)
    session.run(tf1.global_variables_initializer())
    steps = []
    for *grads, value in zip(*gradients, rates, strict=True):
      fed = zip([*inputs, rate], [*grads, value], strict=True)
      session.run(update, dict(fed))
      steps.append(session.run(variables))
  return [np.stack(values) for values in zip(*steps, strict=True)]


# The function that describes the optimizers of each package. It takes the
# arguments of `to_optax` and returns a `Translation` and a `Copy`.
FRAMEWORKS = {
    'keras': _describe_keras,
    'tf_keras': _describe_tf_keras,
    'torch': _describe_torch,
    'tensorflow': _describe_tensorflow,
}


# ------------------------------------------------------------------------------
# The command.
# ------------------------------------------------------------------------------


def _read_file(path):
  """Returns an optimizer's configuration, Keras's version, and the model.

  The model is not built: it may be large, or have layers of its own.
  """
  if zipfile.is_zipfile(path):
    optimizer, version, model = _read_zip(path)
  elif path.is_file():
    optimizer, version, model = _read_hdf5(path)
  else:
    _refuse(path, 'is not a file. Call port.to_optax in Python')
  if not optimizer:
    _refuse(path, 'has no optimizer: it holds weights, or was not compiled')
  return optimizer, version, model


def _read_zip(path):
  with zipfile.ZipFile(path) as archive:
    if not {'config.json', 'metadata.json'} <= set(archive.namelist()):
      _refuse(path, 'is not a file of Keras')
    text = archive.read('config.json').decode()
    model = json.loads(text)
    version = json.loads(archive.read('metadata.json'))['keras_version']
  optimizer = (model.get('compile_config') or {}).get('optimizer')
  policy = model['config'].get('dtype')
  if isinstance(policy, dict):
    policy = policy['config']['name']
  scaled = optimizer and optimizer['class_name'] == 'LossScaleOptimizer'
  if optimizer and policy == 'mixed_float16' and not scaled:
    # As compile has done; it saves the optimizer inside.
    config = {'inner_optimizer': optimizer}
    optimizer = {'class_name': 'LossScaleOptimizer', 'config': config}
  return optimizer, version, text


def _read_hdf5(path):
  import h5py  # pylint: disable=import-outside-toplevel

  if not h5py.is_hdf5(path):
    _refuse(path, 'is not a file of Keras')
  with h5py.File(path) as file:
    training = json.loads(file.attrs.get('training_config', '{}'))
    version = file.attrs.get('keras_version', 'an unknown version')
    model = file.attrs.get('model_config', '')
    return training.get('optimizer_config'), version, model


def _decays(config):
  """Returns whether the configuration of an optimizer has weight decay."""
  settings = config['config']
  settings = settings.get('inner_optimizer', config)['config']
  return bool(settings.get('weight_decay'))


def _load_keras(config):
  """Returns an optimizer of Keras 3 from its configuration."""
  # JAX is installed; the backend that the model was trained on may not be.
  os.environ.setdefault('KERAS_BACKEND', 'jax')
  import keras  # pylint: disable=import-outside-toplevel

  settings = dict(config['config'])
  if 'inner_optimizer' in settings:
    settings['inner_optimizer'] = _load_keras(settings['inner_optimizer'])
  rate = settings.get('learning_rate')
  if isinstance(rate, dict):
    schedule = _find_saved(
        keras,
        keras.optimizers.schedules,
        rate,
        'Load the model with custom_objects and call'
        ' port.to_optax(model.optimizer, learning_rate=...)',
        _OWN_SCHEDULE,
    )
    settings['learning_rate'] = schedule(**rate['config'])
  kind = _find_saved(
      keras, keras.optimizers, config, 'Translate it by hand', _Keras.recipe
  )
  return kind(**settings)


def _find_saved(keras, module, config, remedy, recipe):
  """Returns the class of a configuration."""
  name = config['class_name']
  kind = getattr(module, name, None)
  if config.get('registered_name') or kind is None:
    _refuse(name, f"is not Keras's own class. {remedy}", recipe)
  parameters = inspect.signature(kind).parameters
  for setting in config['config']:
    if setting not in parameters:
      version = keras.__version__
      _refuse(f'{setting} of {name}', f'is unknown to Keras {version}')
  return kind


def _translate_file(path):
  config, version, model = _read_file(path)
  if not version.startswith('3'):
    _refuse(path, f'is of Keras {version}. Call port.to_optax in Python')
  optimizer = _load_keras(config)
  with _float64():
    translation, copy = _describe_keras(optimizer, None, None, 1)
    if _decays(config):
      translation.notes.append(
          'Keras does not save exclude_from_weight_decay: here, all parameters'
          ' decay.'
      )
    if 'schedule' not in translation.names:
      translation.notes.append(_LAST_RATE)
    if '"trainable": false' in model:
      translation.notes.append(
          'Some layers are frozen: give optax only the parameters of the'
          f' others, see {_GUIDE}keras.md#frozen-variables.'
      )
    if re.search(r'_constraint": {', model):
      translation.notes.append(
          'Not checked: constraints of the model. Apply them after'
          ' optax.apply_updates.'
      )
    if path.suffix == '.h5':
      translation.notes.append(
          'An .h5 file does not say whether the class is one of your own.'
      )
    embeds = re.search(r'"class_name": "\w*Embedding"', model)
    if embeds and _SPARSE not in translation.notes:
      translation.notes.append(_SPARSE)
    return _write_checked(translation, copy)


def main():
  """Prints the code for the optimizer that a file describes."""
  parser = argparse.ArgumentParser(
      description='Prints code for optax that makes the updates of the'
      ' optimizer that Keras saved in a file.',
      epilog='For PyTorch, call port.to_optax(optimizer, scheduler) in Python.',
  )
  parser.add_argument('file', type=pathlib.Path, help='a .keras or .h5 file')
  path = parser.parse_args().file
  if not path.exists():
    parser.error(f'{path} does not exist')
  try:
    with contextlib.redirect_stdout(sys.stderr):
      code = _translate_file(path)
  except ValueError as error:
    sys.exit(f'port.py: {error}')
  print(code, end='')


if __name__ == '__main__':
  main()
