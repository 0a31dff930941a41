"""Carries Adam's state from Keras, TensorFlow 1 or PyTorch over to optax.

Copy this file into your project. It converts, or it raises a ValueError::

  moments = carry_over.from_keras(model.optimizer)  # lists of arrays
  moments = moments.map(to_params)  # the same arrays, in trees like params
  state = carry_over.resume(optimizer, params, moments)
"""

import functools
import re
from typing import Any, NamedTuple

import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
from jax.tree_util import keystr
import numpy as np

# The states of optax that `resume` fills. No other may hold an array.
_STATES = """InjectStatefulHyperparamsState ScaleByAdamState ApplyIfFiniteState
InjectHyperparamsState ScaleByAmsgradState MultiStepsState WeightDecaySchedule
ScaleByScheduleState WrappedScheduleState ZeroNansState""".split()


class Moments(NamedTuple):
  """The number of updates, Adam's moments, and AMSGrad's `nu_max` or None.

  Keras's and PyTorch's `nu_max` is the maximum of `nu` before bias correction:
  resume it under `tf_style=True`. `mu` and `nu` fit either setting.
  """

  count: int
  mu: Any
  nu: Any
  nu_max: Any = None

  def map(self, to_params):
    """Applies a function that turns lists of arrays into trees like `params`.

    It may only rename, transpose or reshape: moments do not scale or merge like
    weights. It may return None for parameters that are not trained.
    """
    flat, unflatten = ravel_pytree(jax.tree.map(jnp.asarray, self.mu))
    numbers = jnp.arange(flat.size) % 251  # bfloat16 represents them all.
    mapped, _ = ravel_pytree(to_params(unflatten(numbers.astype(flat.dtype))))
    if not jnp.array_equal(jnp.sort(mapped), jnp.sort(numbers)):
      _refuse('a function that changes, adds or drops values', 'one that only'
              ' renames, transposes or reshapes', 'Drop the arithmetic.')
    trees = [None if x is None else to_params(x) for x in self[1:]]
    return Moments(self.count, *trees)


def from_keras(optimizer):
  """Reads the Adam or AdamW of Keras 3, tf.keras or tf_keras, legacy or not.

  Returns `Moments` with lists in the order that the optimizer was built with.
  The averages of `use_ema` are not included.
  """
  while hasattr(optimizer, 'inner_optimizer'):  # LossScaleOptimizer
    optimizer = optimizer.inner_optimizer
  kind, legacy = type(optimizer), hasattr(optimizer, '_slots')
  # A subclass with its own update may use its moments differently.
  update = '_resource_apply_dense' if legacy else 'update_step'
  module = getattr(getattr(kind, update, 0), '__module__', '')
  if not re.match(r'(tf_keras|keras|tensorflow)\b.*\badamw?$', module):
    _refuse(f'{kind.__module__}.{kind.__name__}', "Keras's Adam or AdamW, as in"
            ' model.optimizer', 'For others, construct Moments yourself.')
  names = 'm v vhat' if legacy else '_momentums _velocities _velocity_hats'
  names, steps = names.split()[: 2 + optimizer.amsgrad], optimizer._iterations
  slots = [getattr(optimizer, name, []) for name in names]
  if legacy:
    slots = [[v[name] for v in optimizer._slots.values()] for name in names]
    # Training creates all m, then all v; restoring uses a different order.
    created = [id(w) for w in optimizer._weights if w is not steps]
    if created != [id(w) for slot in slots for w in slot]:
      _refuse('moments in the order of a checkpoint', 'that of the variables',
              'Construct Moments with optimizer.get_slot(variable, "m").')
  every = getattr(optimizer, 'gradient_accumulation_steps', None) or 1
  count, rest = divmod(0 if steps is None else int(steps), every)
  if rest:
    _refuse(f'{rest} of {every} gradients accumulated', 'a complete update',
            f'Make {every - rest} more steps in Keras.')
  return _moments(count, slots)


def from_torch(optimizer, params=()):
  """Reads PyTorch's Adam or AdamW, or its `state_dict()`.

  Returns `Moments` with lists in the order of the optimizer's groups, and zeros
  where there was no gradient. For those, a `state_dict` needs the `params`.
  """
  saved = getattr(optimizer, 'state_dict', lambda: optimizer)()
  saved = saved if isinstance(saved, dict) else {}
  groups, state = saved.get('param_groups', []), saved.get('state', {})
  slots = [state.get(key) or {} for group in groups for key in group['params']]
  found = {key for slot in slots for key in slot}
  names = ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'][: max(2, len(found) - 1)]
  steps = {int(slot.get('step', 0)) for slot in slots if slot}
  alike = all({*slot} == {'step', *names} for slot in slots if slot)
  if not alike or len(steps) != 1 or not all('amsgrad' in g for g in groups):
    _refuse(f'{type(optimizer).__name__} of {list(found or saved)}, {steps=}',
            f'amsgrad, {names}, one number of steps, as in Adam.state_dict()',
            'Pass that of a trained Adam, or construct Moments yourself.')
  if hasattr(optimizer, 'param_groups'):
    params = [p for group in optimizer.param_groups for p in group['params']]
  like = max(slots, key=len)['exp_avg']
  zeros = [dict.fromkeys(names, like.new_zeros(p.shape)) for p in params]
  if len(zeros) != len(slots) and (zeros or not all(slots)):
    _refuse(f'{slots.count({})} of {len(slots)} parameters without a state and'
            f' {len(zeros)} params', 'all, for shapes', 'Pass all params.')
  slots = [s or zero for s, zero in zip(slots, zeros or slots, strict=True)]
  # NumPy has no bfloat16.
  wide = lambda x: (x.float() if x.element_size() < 4 else x).detach().cpu()
  return _moments(steps.pop(), [[wide(s[n]) for s in slots] for n in names])


def from_saver(path, names, count=None, slots=('Adam', 'Adam_1')):
  """Reads what `tf.compat.v1.train.Saver` saved of an `AdamOptimizer`.

  Returns `Moments` with lists in the order of `names`, the variables' names.
  The number of updates is `count` or `global_step`; `slots` names the moments.
  """
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  reader = tf.train.load_checkpoint(path)
  saved = sorted(reader.get_variable_to_shape_map())

  def read(key):
    key = key.replace(':0/', '/')  # As in variable.name.
    # Perhaps in a scope, but not the slot of a different variable, scope/name.
    found = [k for k in saved if f'/{k}'.endswith(f'/{key}')]
    found = [k for k in found if k == key or k.rpartition('/')[0] not in saved]
    if len(found) != 1:
      _refuse(f'{found} for {key}', f'one of {saved}', 'Correct names or slots,'
              ' or pass count. For a tf.train.Checkpoint, use from_keras.')
    return reader.get_tensor(found[0])

  count = int(read('global_step')) if count is None else count
  return _moments(count, [[read(f'{n}/{s}') for n in names] for s in slots])


def resume(optimizer, params, moments):
  """Returns the state of an optax optimizer that has made these updates.

  `moments` must hold trees with the keys and shapes of `params`. The state does
  not show whether the optimizer has `tf_style=True`: see `Moments`.
  """
  trees = {
      f: {keystr(k): np.asarray(x) for k, x in jax.tree.leaves_with_path(tree)}
      for f, tree in zip(('mu', 'nu', 'nu_max'), moments[1:], strict=True)
  }
  unused, inside = {field for field in trees if trees[field]}, set()

  def place(field, path, old):
    new = trees[field].pop(keystr(path), None)
    shape = None if new is None else new.shape
    if shape != old.shape or field != 'mu' and not np.all(new >= 0):
      _refuse(f'{field}{keystr(path)} of shape {shape}', f'{old.shape}, and no'
              ' nu below 0', 'moments.map makes trees like params.')
    unused.discard(field)
    return old.at[...].set(new.astype(old.dtype))

  def fill(where, path, state):
    kind, where = type(state).__name__, where + keystr(path)
    if kind not in _STATES:
      _refuse(where, 'only what Adam, schedules and their wrappers hold',
              'Resume an optimizer without it, and add its state yourself.')
    new = {}
    for field, value in state._asdict().items():
      if field in ('count', 'gradient_step'):
        inside.add('inner_opt_state' in where or kind == 'MultiStepsState')
        new[field] = jnp.full_like(value, moments.count)
      elif field in trees:
        new[field] = walk(functools.partial(place, field), value)
      elif field.startswith('inner_') or field == 'hyperparams_states':
        new[field] = walk(functools.partial(fill, f'{where}.{field}'), value)
    return state._replace(**new)

  known = lambda x: type(x).__name__ in _STATES
  walk = functools.partial(jax.tree.map_with_path, is_leaf=known)
  state = walk(functools.partial(fill, 'state'), optimizer.init(params))
  keys = {keystr(path) for path, _ in jax.tree.leaves_with_path(params)}
  if lost := unused or set().union(*trees.values()) - keys:
    _refuse(f'no place for {lost} in the optimizer', 'Adam, AMSGrad for nu_max,'
            ' and the keys of params', 'Use moments.map, or remove nu_max.')
  if len(inside) > 1:
    _refuse('counts outside of MultiSteps', 'all inside', 'Move them into it.')
  return state


def _moments(count, slots):
  if count < 1 or not slots[0]:
    _refuse(f'{count} updates of {len(slots[0])} parameters', 'at least one',
            'Build the optimizer, and load or train it.')
  return Moments(count, *[[np.asarray(x).copy() for x in s] for s in slots])


def _refuse(found, expected, remedy):
  raise ValueError(f'Found {found}; expected {expected}. {remedy}')
