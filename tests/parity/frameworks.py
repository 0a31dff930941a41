"""Runs the text of a call on a given stream of gradients, in each framework.

Every runner returns the parameters after every step, stacked, the start first.
What a user imports to write such a call is imported for it: in Keras all of
``keras.optimizers`` and its ``schedules``, and so forth.
"""

import contextlib
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax


def define(text, **names):
  """Returns what the text of a call leaves behind, ``optimizer`` among it."""
  text = text if 'optimizer = ' in text else f'optimizer = {text}'
  exec(text, names)  # pylint: disable=exec-used
  return names


def _stack(trees):
  return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def precision(dtype):
  """A context in which JAX has the floats that ``dtype`` needs."""
  return jax.enable_x64(np.dtype(dtype) == np.float64)


def optax_step(text, **names):
  """Returns the optimizer of an optax call, and its step as `scan` takes it."""
  optimizer = define(text, optax=optax, jax=jax, jnp=jnp, **names)['optimizer']

  def step(carry, grads):
    params, state = carry
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  return optimizer, step


def run_optax(text, params, grads, **names):
  """Runs an optax call."""
  with precision(jax.tree.leaves(params)[0].dtype):
    optimizer, step = optax_step(text, **names)
    start = jax.tree.map(jnp.asarray, params)

    @jax.jit
    def scan(grads):
      return jax.lax.scan(step, (start, optimizer.init(start)), grads)[1]

    return jax.tree.map(
        lambda first, rest: np.concatenate([first[None], rest]),
        params,
        scan(jax.tree.map(jnp.asarray, grads)),
    )


def import_keras():
  """Returns Keras with the backend that the environment names."""
  import keras  # pylint: disable=import-outside-toplevel

  if keras.backend.backend() != os.environ['KERAS_BACKEND']:
    raise RuntimeError(f'Keras already runs on {keras.backend.backend()}')
  return keras


@contextlib.contextmanager
def keras_floats(dtype):
  """A context in which Keras makes variables of ``dtype`` by default."""
  keras = import_keras()
  before = keras.config.floatx()
  keras.config.set_floatx(np.dtype(dtype).name)
  try:
    with precision(dtype):
      yield keras
  finally:
    keras.config.set_floatx(before)


def _keras_step(keras, optimizer, variables):
  """Returns a compiled function from gradients to parameters."""
  if keras.backend.backend() == 'tensorflow':
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    @tf.function
    def apply(grads):
      optimizer.apply(grads, variables)

    def step(grads):
      apply([tf.convert_to_tensor(g) for g in grads])
      return [v.numpy() for v in variables]

    return step

  stateless = jax.jit(optimizer.stateless_apply)
  values = [v.value for v in optimizer.variables], [v.value for v in variables]

  def step(grads):
    nonlocal values
    trainable, state = stateless(values[0], grads, values[1])
    values = state, trainable
    return [np.asarray(v) for v in trainable]

  return step


def keras_names(keras):
  """Returns what a Keras user has imported."""
  return vars(keras.optimizers.schedules) | vars(keras.optimizers)


def run_keras(text, params, grads, *, floatx=None, **names):
  """Runs a Keras optimizer on the backend in use, `floatx` its default."""
  dtype = jax.tree.leaves(params)[0].dtype
  with keras_floats(floatx or dtype) as keras, precision(dtype):
    optimizer = define(text, **keras_names(keras), **names)['optimizer']
    variables = [
        keras.Variable(value, dtype=value.dtype.name, name=name)
        for name, value in params.items()
    ]
    optimizer.build(variables)
    step = _keras_step(keras, optimizer, variables)
    steps = zip(*grads.values(), strict=True)
    history = [list(params.values()), *(step(list(leaves)) for leaves in steps)]
    return dict(zip(params, _stack(history), strict=True))


def run_tf1(text, params, grads, *, each_step='', **names):
  """Runs an optimizer of TensorFlow 1 on resource variables, eagerly."""
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  variables = [tf.Variable(value) for value in params.values()]
  train = tf.compat.v1.train
  names.update(
      tf=tf,
      AdamOptimizer=train.AdamOptimizer,
      exponential_decay=train.exponential_decay,
      global_step=tf.Variable(0, dtype=tf.int64, trainable=False),
  )
  names = define(text, **names)
  history = [list(params.values())]
  for leaves in zip(*grads.values(), strict=True):
    names['grads'] = [tf.constant(leaf) for leaf in leaves]
    exec(each_step, names)  # pylint: disable=exec-used
    names['optimizer'].apply_gradients(
        zip(names['grads'], variables, strict=True),
        global_step=names['global_step'],
    )
    history.append([v.numpy() for v in variables])
  return dict(zip(params, _stack(history), strict=True))


def run_kernel(text, params, grads, **names):
  """Runs a call of TensorFlow's kernel at every step on every array.

  The call is shown without the kernel's state and gradient, which are added.
  """
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  code = compile(text, 'kernel', 'eval')

  def run(start, grads):
    var, m, v = (tf.Variable(a) for a in (start, 0 * start, 0 * start))
    history = [start]
    for t, g in enumerate(grads, 1):
      kernel = functools.partial(
          tf.raw_ops.ResourceApplyAdam,
          var=var.handle,
          m=m.handle,
          v=v.handle,
          grad=tf.constant(g),
          beta1_power=names['b1'] ** t,
          beta2_power=names['b2'] ** t,
      )
      eval(code, dict(names, ResourceApplyAdam=kernel))  # pylint: disable=eval-used
      history.append(var.numpy())
    return np.stack(history)

  return jax.tree.map(run, params, grads)


def _to_torch(array):
  """PyTorch takes float32 from NumPy, which holds every shorter float."""
  import torch  # pylint: disable=import-outside-toplevel

  wide = array.astype(np.promote_types(array.dtype, np.float32))
  return torch.tensor(wide).to(getattr(torch, array.dtype.name))


def run_torch(text, params, grads, *, each_step='', **names):
  """Runs a PyTorch optimizer, and its scheduler if the call makes one."""
  import torch  # pylint: disable=import-outside-toplevel

  leaves = [torch.nn.Parameter(_to_torch(value)) for value in params.values()]
  modules = torch.nn.utils, torch.optim.lr_scheduler, torch.optim
  names = define(
      text,
      **{k: v for module in modules for k, v in vars(module).items()} | names,
      params=leaves,
  )
  dtype = jax.tree.leaves(params)[0].dtype
  history = [list(params.values())]
  for step in zip(*grads.values(), strict=True):
    for leaf, grad in zip(leaves, step, strict=True):
      leaf.grad = _to_torch(grad)
    exec(each_step, names)  # pylint: disable=exec-used
    names['optimizer'].step()
    if 'scheduler' in names:
      names['scheduler'].step()
    history.append([x.detach().double().numpy().astype(dtype) for x in leaves])
  return dict(zip(params, _stack(history), strict=True))


RUNNERS = {
    'keras': run_keras,
    'kernel': run_kernel,
    'tf1': run_tf1,
    'torch': run_torch,
}
