"""Carries Adam's state from Keras, TensorFlow 1 or PyTorch over to optax.

Copy this file into your project. It converts the state, or it raises a
ValueError that says what to do::

  moments = carry_over.from_keras(model.optimizer)  # lists of arrays
  moments = moments.map(to_params)  # the same arrays, in trees like params
  state = carry_over.resume(optimizer, params, moments)

docs/porting/state.md explains it, and lists the formats of files.
"""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax


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

    The function may rename, transpose, reshape, join and split arrays. Moments
    don't scale like weights, so it must not compute. It may return None for
    parameters that have no moments.
    """
    _check_only_rearranges(to_params, self.mu)
    nu_max = None if self.nu_max is None else to_params(self.nu_max)
    return Moments(self.count, to_params(self.mu), to_params(self.nu), nu_max)


def from_keras(optimizer):
  """Reads the Adam or AdamW of Keras 3, tf.keras or tf_keras, legacy or not.

  Args:
    optimizer: The optimizer, or a `LossScaleOptimizer` around it.

  Returns:
    `Moments` with lists in the order of the first `build` or `apply`. The
    averages of `use_ema` are not included.
  """
  while hasattr(optimizer, 'inner_optimizer'):
    optimizer = optimizer.inner_optimizer
  _check_keras_class(optimizer)
  if hasattr(optimizer, '_slots'):
    slots = _legacy_slots(optimizer)
  else:
    names = ['_momentums', '_velocities', '_velocity_hats']
    slots = [getattr(optimizer, name, ()) for name in names]
  if not optimizer.amsgrad:
    slots = slots[:2]
  if any(variable is None for variable in slots[0]):
    raise ValueError(
        'Some variables of this Adam have no moments, such as the scales of'
        ' float8 layers: Keras updates those without Adam. Train the model'
        ' without float8, or construct Moments from the others.'
    )
  count = _keras_count(optimizer)
  if count and not slots[0]:
    raise ValueError(
        f'This Adam has made {count} updates, but has no moments yet. Call'
        ' optimizer.build(model.trainable_variables). If it still has none, the'
        ' file was an .h5 file of Keras 3: docs/porting/state.md says how to'
        ' read its moments.'
    )
  return _moments(count, [[_keras_array(v) for v in slot] for slot in slots])


def from_torch(optimizer, params=()):
  """Reads PyTorch's Adam or AdamW.

  Args:
    optimizer: The optimizer or its `state_dict()`.
    params: All parameters, in the order of the optimizer's groups. Only a
      `state_dict()` in which some parameters have no state needs them.

  Returns:
    `Moments` with lists in the order of the optimizer's groups, and zeros for
    parameters that never had a gradient.
  """
  if isinstance(optimizer, dict):
    saved = optimizer
  else:
    # Accelerate puts the optimizer into one of its own.
    optimizer = getattr(optimizer, 'optimizer', optimizer)
    _check_torch_class(optimizer)
    saved = optimizer.state_dict()
    params = [p for group in optimizer.param_groups for p in group['params']]
  names = _torch_slot_names(saved)
  keys = [key for group in saved['param_groups'] for key in group['params']]
  state = [saved['state'].get(key) or {} for key in keys]
  count = _torch_count(state)
  shapes = [tuple(param.shape) for param in params]
  if len(shapes) != len(state) and (shapes or {} in state):
    raise ValueError(
        f'{state.count({})} of {len(state)} parameters have no state, since'
        f' they never had a gradient, and params has {len(shapes)} of them.'
        ' Pass params=model.parameters(), in the order of the groups.'
    )

  def read(name):
    arrays = []
    for index, slot in enumerate(state):
      if slot:
        arrays.append(_torch_array(slot[name]))
      else:
        arrays.append(np.zeros(shapes[index], np.float32))
    return arrays

  return _moments(count, [read(name) for name in names])


def from_saver(path, names, count=None, slots=None, scope='', b2=0.999):
  """Reads what `tf.compat.v1.train.Saver` saved of an `AdamOptimizer`.

  Args:
    path: The path of the checkpoint, without `.index` or `.meta`.
    names: The names of the variables.
    count: The number of updates; by default, the file's `global_step`.
    slots: The names of the two moments, by default `('Adam', 'Adam_1')`. For
      the original BERT, pass `('adam_m', 'adam_v')`.
    scope: The variable scope in which the optimizer was applied, if any.
    b2: Adam's `beta2`, to compare the number of updates with its power.

  Returns:
    `Moments` with lists in the order of `names`.
  """
  reader = _checkpoint_reader(path)
  shapes = reader.get_variable_to_shape_map()
  names = [name.removesuffix(':0') for name in names]
  prefixes = {name: f'{scope}/{name}/'.lstrip('/') for name in names}
  _check_single_adam(shapes, prefixes, slots)
  slots = slots or ('Adam', 'Adam_1')
  for name in names:
    for slot in slots:
      _check_slot(shapes, name, prefixes[name] + slot)
  count = _saver_count(reader, count, b2)

  def read(slot):
    return [reader.get_tensor(prefixes[name] + slot) for name in names]

  return _moments(count, [read(slot) for slot in slots])


def resume(optimizer, params, moments):
  """Returns the state of an optax optimizer that has made these updates.

  Args:
    optimizer: An optax optimizer with Adam or AMSGrad. The state does not show
      whether it has `tf_style=True`: see `Moments`.
    params: The parameters.
    moments: `Moments` with trees like `params`.
  """
  fresh = optimizer.init(params)
  _check_count(moments.count)
  _check_moments_fit(moments, params)
  _check_adam(fresh, moments)
  _check_accumulation(fresh)
  return _filled(fresh, moments, 'state')


# Checks and conversions for Moments.map.


def _check_only_rearranges(to_params, arrays):
  """Refuses a function that doesn't use each value once, unchanged."""
  numbered = _numbered(arrays)
  given = [_flat(array) for array in jax.tree.leaves(numbered)]
  returned = [_flat(array) for array in jax.tree.leaves(to_params(numbered))]
  before = np.concatenate([[], *given])
  after = np.concatenate([[], *returned])
  if np.array_equal(np.sort(before), np.sort(after)):
    return
  lost = [
      index
      for index, values in enumerate(given)
      if not np.isin(values, after).all()
  ]
  if lost:
    raise ValueError(
        f'to_params drops or changes values of the arrays {lost}, counted from'
        ' 0. It must keep each value, so it may only rename, transpose,'
        ' reshape, join and split arrays. Move arithmetic and casts out of it.'
    )
  raise ValueError(
      'to_params returns an array twice, or values that it was not given. Give'
      ' None to parameters that have no moments.'
  )


def _numbered(arrays):
  """Returns arrays of the same shapes, in which all values differ.

  All are below -1 and have a fraction, so taking absolute values, clipping,
  rounding and casting changes them. Above 1e8 values, neighbors may be equal.
  """
  leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, arrays))
  ends = np.cumsum([leaf.size for leaf in leaves])
  values = -np.geomspace(1.1, 2e6 + 1 / 3, ends[-1])
  numbered = []
  for leaf, end in zip(leaves, ends, strict=True):
    dtype = np.float64 if leaf.dtype == np.float64 else np.float32
    part = values[end - leaf.size : end]
    numbered.append(part.reshape(leaf.shape).astype(dtype))
  return structure.unflatten(numbered)


def _flat(array):
  """Returns the values of an array as JAX represents them, in float64."""
  return np.ravel(np.asarray(jnp.asarray(array), np.float64))


# Checks and conversions for from_keras.


def _check_keras_class(optimizer):
  """Refuses what isn't Keras's Adam, since only Adam's moments are known."""
  kind = type(optimizer)
  legacy = hasattr(optimizer, '_slots')
  update = '_resource_apply_dense' if legacy else 'update_step'
  owners = [owner for owner in kind.__mro__ if update in vars(owner)]
  if not owners:
    raise ValueError(
        f"{kind.__name__} isn't a Keras optimizer. Pass model.optimizer."
    )
  path = owners[0].__module__.split('.')
  of_keras = path[0] in ('keras', 'tf_keras', 'tensorflow')
  if not of_keras or path[-1] not in ('adam', 'adamw'):
    raise ValueError(
        f"{kind.__name__} doesn't update like Keras's Adam: it is a different"
        ' optimizer, or a subclass with its own update. If its moments are'
        " Adam's, construct Moments yourself."
    )


def _legacy_slots(optimizer):
  """Returns the lists of m, v and vhat of a legacy optimizer."""
  by_variable = list(optimizer._slots.values())
  slots = [
      [slot[name] for slot in by_variable if name in slot]
      for name in ('m', 'v', 'vhat')
  ]
  # Training creates all m, then all v; restoring uses a different order.
  created = [w for w in optimizer._weights if w is not optimizer._iterations]
  expected = slots[0] + slots[1] + slots[2]
  if [id(w) for w in created] != [id(w) for w in expected]:
    raise ValueError(
        'This legacy optimizer was restored from a TensorFlow checkpoint, so'
        " its moments aren't in the order of the variables. Construct Moments"
        ' with optimizer.get_slot(variable, "m") and "v" for each variable, as'
        ' in docs/porting/state.md.'
    )
  return slots


def _keras_count(optimizer):
  """Returns the number of updates, refusing a partial accumulation."""
  if optimizer._iterations is None:
    return 0
  gradients = int(_keras_array(optimizer._iterations))
  every = getattr(optimizer, 'gradient_accumulation_steps', None) or 1
  count, accumulated = divmod(gradients, every)
  if accumulated:
    raise ValueError(
        f'This Adam has accumulated {accumulated} of {every} gradients, which'
        f' would be lost. Make {every - accumulated} more steps in Keras.'
    )
  return count


def _keras_array(variable):
  """Returns a copy of a variable."""
  try:
    # np.asarray fails for variables that tf.distribute mirrors.
    return np.array(variable.numpy())
  except (RuntimeError, TypeError) as error:
    raise ValueError(
        "Keras's variables can't be read. On JAX, they have no values while fit"
        ' runs: call from_keras after fit, or in a callback at the end of an'
        ' epoch. If fit was interrupted, call model.jax_state_sync(), or load'
        ' the last file that you saved.'
    ) from error


# Checks and conversions for from_torch.


def _check_torch_class(optimizer):
  """Refuses what isn't PyTorch's Adam, or has a step of its own."""
  kind = type(optimizer)
  step = getattr(kind, 'step', None)
  if not hasattr(optimizer, 'param_groups') or step is None:
    raise ValueError(
        f"{kind.__name__} isn't a PyTorch optimizer. Pass the optimizer, or its"
        ' state_dict().'
    )
  if step.__module__ not in ('torch.optim.adam', 'torch.optim.adamw'):
    raise ValueError(
        f"{kind.__name__} doesn't update like PyTorch's Adam: it is a different"
        ' optimizer, or a subclass with its own step. If its moments are'
        " Adam's, construct Moments yourself."
    )


def _torch_slot_names(saved):
  """Returns the names of the moments in a state_dict of Adam."""
  groups = saved.get('param_groups')
  if not groups or 'state' not in saved:
    raise ValueError(
        "This isn't the state_dict() of an optimizer, which has 'state' and"
        f" 'param_groups'. It has {list(saved)[:5]}. Pass"
        ' optimizer.state_dict(), not that of the model.'
    )
  if not all('amsgrad' in group for group in groups):
    raise ValueError(
        "This isn't the state_dict() of PyTorch's Adam or AdamW: its groups"
        " have no 'amsgrad'. If its moments are Adam's, construct Moments"
        ' yourself.'
    )
  amsgrad = [bool(group['amsgrad']) for group in groups]
  if len(set(amsgrad)) > 1:
    raise ValueError(
        'Some groups have amsgrad=True and some have not. Construct Moments for'
        ' each kind, and resume each in its own optimizer.'
    )
  names = ['exp_avg', 'exp_avg_sq']
  if amsgrad[0]:
    names.append('max_exp_avg_sq')
  expected = {'step', *names}
  for slot in saved['state'].values():
    if slot and set(slot) != expected:
      raise ValueError(
          f"This isn't the state of PyTorch's Adam: it has {sorted(slot)},"
          f" Adam's has {sorted(expected)}. If its moments are Adam's,"
          ' construct Moments yourself.'
      )
  return names


def _torch_count(state):
  """Returns the number of updates, if all parameters made the same number."""
  counts = sorted({int(slot['step']) for slot in state if slot})
  if not counts:
    return 0
  if len(counts) > 1:
    raise ValueError(
        'PyTorch counts the updates of each parameter, and the counts differ:'
        f' {counts[0]} to {counts[-1]}, since some had no gradient at times.'
        " optax counts once for all. docs/porting/state.md, 'Different step"
        " counts', says how to resume each count."
    )
  return counts[0]


def _torch_array(tensor):
  """Returns a copy of a plain, real tensor; float32 for narrower types."""
  kind = type(tensor).__name__
  if kind not in ('Tensor', 'Parameter'):
    raise ValueError(
        f'The state holds {kind}s, such as shards of FSDP. Pass the state_dict'
        ' of torch.distributed.checkpoint.state_dict.get_optimizer_state_dict('
        'model, optimizer, options=StateDictOptions(full_state_dict=True)).'
    )
  if tensor.is_complex():
    raise ValueError(
        'A parameter is complex. For those, PyTorch squares the real and the'
        ' imaginary part, and optax the absolute value. Construct Moments from'
        ' the parts, for optax.contrib.split_real_and_imaginary.'
    )
  if tensor.element_size() < 4:
    tensor = tensor.float()  # NumPy has no bfloat16.
  return np.array(tensor.detach().cpu())


# Checks and conversions for from_saver.


def _checkpoint_reader(path):
  """Returns a reader of the file, if `Saver` wrote it."""
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  path = str(path)
  prefix = re.sub(r'\.(meta|index|data-\d+-of-\d+)$', '', path)
  if prefix != path:
    raise ValueError(f'{path} is a part of a checkpoint. Pass {prefix!r}.')
  try:
    reader = tf.train.load_checkpoint(path)
  except (tf.errors.OpError, ValueError) as error:
    raise ValueError(
        f'There is no checkpoint {path}. Pass its path without the ending, as'
        ' tf.train.latest_checkpoint(folder) returns it.'
    ) from error
  if '_CHECKPOINTABLE_OBJECT_GRAPH' in reader.get_variable_to_shape_map():
    raise ValueError(
        f"{path} is a tf.train.Checkpoint, not a Saver's. Restore it with"
        ' TensorFlow, and call from_keras.'
    )
  return reader


def _check_single_adam(shapes, prefixes, slots):
  """Refuses variables for which the file has the moments of several Adams."""
  base = slots[0] if slots else 'Adam'
  pattern = re.sub(r'_\d+$', '', base) + r'(_\d+)?'
  found = {
      name: sorted(
          key.removeprefix(prefix)
          for key in shapes
          if key.startswith(prefix)
          and re.fullmatch(pattern, key.removeprefix(prefix))
      )
      for name, prefix in prefixes.items()
  }
  several = {name: keys for name, keys in found.items() if len(keys) > 2}
  if several and slots is None:
    name, keys = next(iter(several.items()))
    raise ValueError(
        f'The file has the moments of several Adams for {name}: {keys}. The'
        ' first pair belongs to the optimizer that was applied first. Call'
        f' from_saver for {sorted(several)} alone, with slots=, and for the'
        ' other variables without, and join the lists.'
    )
  if several and len(several) < len(found):
    raise ValueError(
        f'Several Adams trained {sorted(several)}, and only one trained the'
        ' other variables, so their moments have different names. Call'
        ' from_saver for the two kinds, and join the lists.'
    )


def _check_slot(shapes, name, key):
  """Refuses a variable or a moment that isn't in the file."""
  *_, last = name.split('/')
  if name not in shapes:
    similar = sorted(k for k in shapes if k.split('/')[-1] == last)
    raise ValueError(
        f'The file has no variable {name}. Similar names are {similar}, and'
        ' tf.train.list_variables(path) returns all. Correct names.'
    )
  if key not in shapes:
    similar = sorted(k for k in shapes if f'/{name}/' in f'/{k}')
    raise ValueError(
        f'The file has no {key}, a moment of {name}. Similar names are'
        f' {similar}. If the optimizer was applied in a variable scope, pass'
        ' scope=. If its moments have different names, pass slots=. If it did'
        ' not train this variable, leave it out of names.'
    )
  if shapes[key] != shapes[name]:
    raise ValueError(
        f'{key} has the shape {shapes[key]}, and {name} has {shapes[name]}.'
        ' Correct names, slots or scope.'
    )


def _saver_count(reader, count, b2):
  """Returns the number of updates, if the powers of beta2 agree with it."""
  keys = sorted(reader.get_variable_to_shape_map())
  powers = [k for k in keys if re.fullmatch(r'(.*/)?beta2_power(_\d+)?', k)]
  ranges = {
      key: _counts_with_power(float(reader.get_tensor(key)), b2)
      for key in powers
  }
  if count is not None:
    # It may belong to any of several optimizers in the file.
    given = count
    agree = not ranges or any(lo <= given <= hi for lo, hi in ranges.values())
    name = 'count'
  elif 'global_step' in keys:
    given = int(reader.get_tensor('global_step'))
    agree = all(low <= given <= high for low, high in ranges.values())
    name = 'global_step'
  else:
    raise ValueError(
        'The file has no global_step. Pass count=, the number of updates.'
        + _known_counts(ranges, b2)
    )
  if not agree:
    raise ValueError(
        f'{name} is {given}, which counts something else than the updates.'
        f'{_known_counts(ranges, b2)} Pass count=, or b2= if beta2 was'
        ' different.'
    )
  return given


def _known_counts(ranges, b2):
  """Returns the part of a message that says what the powers of beta2 say."""
  if not ranges:
    return ''
  counts = [f'{low} to {high} by {key}' for key, (low, high) in ranges.items()]
  return f' With beta2 = {b2}, it is {", or ".join(counts)}.'


def _counts_with_power(power, b2):
  """Returns the lowest and highest number of updates for a power of beta2."""
  precision = np.finfo(np.float32)
  # The power is beta2 before the first update, and underflows at last.
  updates = np.log(max(power, precision.tiny)) / np.log(b2) - 1
  # float32 rounds beta2 and each product.
  error = 0.5 + updates * precision.eps / -np.log(b2)
  low = math.ceil(updates - error)
  high = math.floor(updates + error) if power > precision.tiny else math.inf
  return low, high


# Checks and conversions for resume.


def _check_count(count):
  """Refuses a count that isn't a positive whole number of 32 bits."""
  whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
  if not whole or not 1 <= count < 2**31 - 1:
    raise ValueError(
        f'moments.count is {count!r}. It is the number of updates: a whole'
        ' number from 1 to 2**31 - 2.'
    )


def _check_moments_fit(moments, params):
  """Refuses trees unlike `params`, and values that Adam can't have."""
  shapes = {key: np.shape(leaf) for key, leaf in _by_key(params).items()}
  for field in ('mu', 'nu', 'nu_max'):
    for key, array in _by_key(getattr(moments, field)).items():
      if key not in shapes:
        raise ValueError(
            f'moments.{field} has {key}, and params has not. moments.map makes'
            ' trees like params.'
        )
      if np.shape(array) != shapes[key]:
        raise ValueError(
            f'moments.{field}{key} has the shape {np.shape(array)}, and'
            f' params{key} has {shapes[key]}. Transpose or reshape both in'
            ' to_params.'
        )
      if not np.all(np.isfinite(array)):
        raise ValueError(
            f'moments.{field}{key} has values that are NaN or infinite. Return'
            ' to a checkpoint from before the run diverged.'
        )
      if field != 'mu' and not np.all(np.asarray(array) >= 0):
        raise ValueError(
            f'moments.{field}{key} has values below 0, so it is no average of'
            ' squares. Check the order of the fields of Moments.'
        )


def _check_adam(fresh, moments):
  """Refuses an optimizer that doesn't use each of the moments once."""
  kinds = (optax.ScaleByAdamState, optax.ScaleByAmsgradState)
  states = _states_of(fresh, kinds)
  if not states:
    raise ValueError(
        'The optimizer has no Adam or AMSGrad, which the moments are for.'
        ' Resume optax.adam, adamw or amsgrad.'
    )
  used = [key for state in states for key in _by_key(state.mu)]
  repeated = sorted({key for key in used if used.count(key) > 1})
  if repeated:
    raise ValueError(
        f'Several Adams of the optimizer train {repeated}. Resume an optimizer'
        ' with one Adam for each parameter.'
    )
  amsgrad = any(isinstance(s, optax.ScaleByAmsgradState) for s in states)
  if moments.nu_max is not None and not amsgrad:
    raise ValueError(
        'The moments have nu_max, and the optimizer has no AMSGrad. Resume'
        ' optax.amsgrad, or drop it with moments._replace(nu_max=None).'
    )
  if moments.nu_max is None and amsgrad:
    raise ValueError(
        'The optimizer is AMSGrad, and the moments have no nu_max. Resume'
        ' optax.adam, or read an optimizer that was trained with amsgrad=True.'
    )


def _check_accumulation(fresh):
  """Refuses counts outside of MultiSteps, which count gradients."""
  accumulators = _states_of(fresh, optax.MultiStepsState)
  if not accumulators:
    return
  inside = [state.inner_opt_state for state in accumulators]
  if _states_of(inside, optax.MultiStepsState):
    raise ValueError(
        'A MultiSteps is inside another MultiSteps, and the two count'
        ' differently. Resume an optimizer with one of them.'
    )
  leaves = jax.tree.leaves_with_path(
      fresh, is_leaf=lambda x: isinstance(x, optax.MultiStepsState)
  )
  paths = [jax.tree_util.keystr(path) for path, _ in leaves]
  outside = [f'state{path}' for path in paths if path.endswith('.count')]
  if outside:
    raise ValueError(
        f'The counts {outside} are outside of MultiSteps, so they count'
        ' gradients and not updates. Put Adam and schedules inside MultiSteps.'
    )


def _filled(state, moments, where):
  """Returns a fresh state with the counts and moments filled in."""
  count = moments.count
  if isinstance(state, (optax.ScaleByAdamState, optax.ScaleByAmsgradState)):
    return _filled_adam(state, moments)
  if isinstance(state, optax.MultiStepsState):
    inner = state.inner_opt_state
    return state._replace(
        gradient_step=jnp.full_like(state.gradient_step, count),
        inner_opt_state=_filled(inner, moments, f'{where}.inner_opt_state'),
    )
  if isinstance(state, optax.InjectStatefulHyperparamsState):
    _check_hyperparams(state.hyperparams, where)
    schedules = state.hyperparams_states
    return state._replace(
        count=jnp.full_like(state.count, count),
        hyperparams_states=_filled(schedules, moments, f'{where}.schedules'),
        inner_state=_filled(
            state.inner_state, moments, f'{where}.inner_state'
        ),
    )
  if isinstance(state, (optax.ApplyIfFiniteState, optax.MaskedState)):
    inner = _filled(state.inner_state, moments, f'{where}.inner_state')
    return state._replace(inner_state=inner)
  if isinstance(state, optax.MultiTransformState):
    inner = _filled(state.inner_states, moments, f'{where}.inner_states')
    return state._replace(inner_states=inner)
  if getattr(state, '_fields', None) == ('count',):  # Schedules.
    return state._replace(count=jnp.full_like(state.count, count))
  if isinstance(state, dict):
    return {
        key: _filled(inner, moments, f'{where}[{key!r}]')
        for key, inner in state.items()
    }
  if type(state) is tuple:
    return tuple(
        _filled(inner, moments, f'{where}[{index}]')
        for index, inner in enumerate(state)
    )
  if isinstance(state, optax.ZeroNansState) or not jax.tree.leaves(state):
    return state
  raise ValueError(
      f'{where} is a {type(state).__name__}, and Keras and PyTorch have no such'
      ' state. Resume an optimizer without it, and add its state yourself.'
  )


def _filled_adam(state, moments):
  """Returns the state of Adam or AMSGrad with its count and moments."""
  filled = state._replace(count=jnp.full_like(state.count, moments.count))
  for field in state._fields:
    if field != 'count':
      arrays = _by_key(getattr(moments, field))
      tree = _filled_tree(getattr(state, field), arrays, field)
      filled = filled._replace(**{field: tree})
  return filled


def _filled_tree(tree, arrays, field):
  """Returns a tree of zeros with the arrays in their places."""

  def fill(path, zeros):
    key = jax.tree_util.keystr(path)
    if key not in arrays:
      raise ValueError(
          f'The optimizer trains params{key}, and moments.{field} does not have'
          f' it, only {sorted(arrays)}. If it was trained before, add it in'
          ' to_params; if not, exclude it with optax.partition, or add zeros.'
      )
    array = jnp.asarray(arrays[key])
    cast = array.astype(zeros.dtype)
    error = jnp.abs(cast.astype(array.dtype) - array)
    if field != 'mu' and not jnp.all(error <= 0.01 * array):
      raise ValueError(
          f'moments.{field}{key} has values that {zeros.dtype} does not'
          ' represent. Keep the parameters in float32, and cast them in the'
          ' model.'
      )
    return jax.device_put(cast, zeros.sharding)

  return jax.tree.map_with_path(fill, tree)


def _check_hyperparams(hyperparams, where):
  """Refuses hyperparameters in 16 bits: 0.999 in bfloat16 is 1."""
  narrow = sorted(
      name
      for name, value in hyperparams.items()
      if jnp.issubdtype(value.dtype, jnp.floating) and value.itemsize < 4
  )
  if narrow:
    raise ValueError(
        f'{where} has {narrow} in {hyperparams[narrow[0]].dtype}, which rounds'
        ' b2 = 0.999 to 1. Pass hyperparam_dtype=jnp.float32 to'
        ' optax.inject_hyperparams.'
    )


def _states_of(state, kinds):
  """Returns the states of these kinds inside of a state."""
  leaves = jax.tree.leaves(state, is_leaf=lambda x: isinstance(x, kinds))
  return [leaf for leaf in leaves if isinstance(leaf, kinds)]


def _by_key(tree):
  """Returns the leaves of a tree by their paths."""
  return {
      jax.tree_util.keystr(path): leaf
      for path, leaf in jax.tree.leaves_with_path(tree)
  }


def _moments(count, slots):
  """Returns `Moments` of an Adam that was trained."""
  if count < 1:
    raise ValueError(
        'This Adam has made no update. If it was loaded from a file, the format'
        " or the way it was loaded doesn't restore it: see the formats in"
        ' docs/porting/state.md.'
    )
  if not any(np.any(array) for array in slots[1]):
    raise ValueError(
        f'This Adam counts {count} updates, but its moments are zero: a file'
        ' restored only the count. See the formats in docs/porting/state.md.'
    )
  return Moments(count, *slots)
