"""Steps of Adam to time, each as a `timeit.Timer`, and counts of optax's.

A timer's setup, which is not timed, takes a step too: it compiles and warms up.
Frameworks are imported where they are used, since any but JAX may be missing.
"""

# pylint: disable=import-outside-toplevel

from collections.abc import Callable, Sequence
import functools
import timeit

import jax
import jax.numpy as jnp
import numpy as np
import optax

_in_place = functools.partial(jax.jit, donate_argnums=(0, 1))


@functools.cache  # A step that is built again is not compiled again.
def make(name: str, epsilon_hat: bool) -> tuple[Callable, Callable]:
  """Returns the ``init`` of an optimizer, and a step that applies updates."""
  optimizer = getattr(optax, name)(1e-3, epsilon_hat=epsilon_hat)

  def step(params, state, grads):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  return optimizer.init, step


def abstract(
    init: Callable, shapes: Sequence[tuple[int, ...]], dtype: str
) -> tuple:
  """Returns the arguments of a step, as shapes only."""
  params = [jax.ShapeDtypeStruct(shape, jnp.dtype(dtype)) for shape in shapes]
  state = jax.eval_shape(init, params)
  return params, state, params


def count_equations(
    name: str,
    shapes: Sequence[tuple[int, ...]],
    dtype: str,
    epsilon_hat: bool,
) -> int:
  """Counts the equations of a step, those inside calls too."""
  init, step = make(name, epsilon_hat)
  with jax.disable_jit():  # From JAX 0.11 on, a call is one equation.
    jaxpr = jax.make_jaxpr(step)(*abstract(init, shapes, dtype))
  return len(jaxpr.eqns)


def count(
    name: str,
    shapes: Sequence[tuple[int, ...]],
    dtype: str,
    epsilon_hat: bool,
) -> dict[str, int]:
  """Counts a step's equations, and XLA's accessed and temporary bytes.

  With donated buffers, the compiled step overwrites parameters and state. XLA
  adds up bytes in float32: beyond 2**24 they are rounded.
  """
  init, step = make(name, epsilon_hat)
  arguments = abstract(init, shapes, dtype)
  found = {'equations': count_equations(name, shapes, dtype, epsilon_hat)}
  for suffix, jitted in (
      ('donated', _in_place(step)),
      ('not donated', jax.jit(step)),
  ):
    compiled = jitted.lower(*arguments).compile()
    cost = compiled.cost_analysis()
    memory = compiled.memory_analysis()
    found[f'bytes accessed, {suffix}'] = int(cost['bytes accessed'])
    found[f'temporary bytes, {suffix}'] = memory.temp_size_in_bytes
  return found


def _repeat(step: Callable, carried: tuple, grads=()) -> timeit.Timer:
  """Times a step whose results are its next arguments."""

  def call():
    nonlocal carried
    carried = jax.block_until_ready(step(*carried, *grads))

  return timeit.Timer(call, setup=call)


def _time_step(name, grads, dtype, epsilon_hat, compile_step):
  init, step = make(name, epsilon_hat)
  grads = [jnp.asarray(grad, dtype) for grad in grads]
  params = [jnp.ones_like(grad) for grad in grads]
  return _repeat(compile_step(step), (params, init(params)), (grads,))


def eager_step(
    name: str, grads: Sequence[np.ndarray], dtype: str, epsilon_hat: bool
) -> timeit.Timer:
  """Times optax's step, one operation at a time."""

  def keep(step):
    return step

  return _time_step(name, grads, dtype, epsilon_hat, keep)


def jitted_step(
    name: str, grads: Sequence[np.ndarray], dtype: str, epsilon_hat: bool
) -> timeit.Timer:
  """Times optax's step, compiled, in place."""
  return _time_step(name, grads, dtype, epsilon_hat, _in_place)


def first_call(
    name: str, grads: Sequence[np.ndarray], dtype: str, epsilon_hat: bool
) -> timeit.Timer:
  """Times tracing and compiling optax's step, with nothing cached."""
  init, step = make(name, epsilon_hat)
  arguments = abstract(init, [grad.shape for grad in grads], dtype)

  def call():
    jax.jit(step).lower(*arguments).compile()

  return timeit.Timer(call, setup=jax.clear_caches)


def copy(grads: Sequence[np.ndarray], dtype: str) -> timeit.Timer:
  """Times one pass over as many bytes as Adam has to read and write."""
  # Read: parameter, gradient, two moments. Written: all but the gradient.
  size = sum(grad.size for grad in grads)
  moved = 7 * size * jnp.dtype(dtype).itemsize
  one = jnp.ones(())

  @functools.partial(jax.jit, donate_argnums=0)
  def add_one(array):
    return (array + one,)

  array = jnp.zeros(moved // 8)  # Four bytes each, read and written.
  return _repeat(add_one, (array,))


def keras_on_jax(grads: Sequence[np.ndarray], dtype: str) -> timeit.Timer:
  """Times Keras's stateless step, compiled, in place."""
  import keras

  grads = [jnp.asarray(grad, dtype) for grad in grads]
  params = [jnp.ones_like(grad) for grad in grads]
  optimizer = keras.optimizers.Adam(1e-3)
  optimizer.build([keras.Variable(param, dtype=dtype) for param in params])
  state = [variable.value for variable in optimizer.variables]

  @_in_place
  def step(params, state, grads):
    return optimizer.stateless_apply(state, grads, params)

  return _repeat(step, (params, state), (grads,))


def tensorflow_kernel(grads: Sequence[np.ndarray], dtype: str) -> timeit.Timer:
  """Times TensorFlow's ApplyAdam, called for each array from one graph."""
  import tensorflow as tf

  if jax.default_backend() == 'gpu' and not tf.test.is_gpu_available():
    raise ImportError('TensorFlow sees no GPU')
  grads = [tf.cast(grad, dtype) for grad in grads]
  params = [tf.Variable(tf.ones_like(grad)) for grad in grads]
  mus = [tf.Variable(tf.zeros_like(grad)) for grad in grads]
  nus = [tf.Variable(tf.zeros_like(grad)) for grad in grads]
  hyperparameters = {
      'beta1_power': tf.constant(0.9, dtype),
      'beta2_power': tf.constant(0.999, dtype),
      'lr': tf.constant(1e-3, dtype),
      'beta1': tf.constant(0.9, dtype),
      'beta2': tf.constant(0.999, dtype),
      'epsilon': tf.constant(1e-7, dtype),
  }

  @tf.function(autograph=False)
  def step():
    for param, mu, nu, grad in zip(params, mus, nus, grads, strict=True):
      tf.raw_ops.ResourceApplyAdam(
          var=param.handle,
          m=mu.handle,
          v=nu.handle,
          grad=grad,
          **hyperparameters,
      )

  def call():
    step()
    tf.test.experimental.sync_devices()

  return timeit.Timer(call, setup=call)


def pytorch(
    grads: Sequence[np.ndarray], dtype: str, fused: bool | None = None
) -> timeit.Timer:
  """Times PyTorch's Adam; ``fused=True`` makes one pass over the arrays."""
  import torch

  device = 'cuda' if jax.default_backend() == 'gpu' else 'cpu'
  if device == 'cuda' and not torch.cuda.is_available():
    raise ImportError('PyTorch sees no GPU')
  kind = {'dtype': getattr(torch, dtype), 'device': device}
  params = [torch.ones(grad.shape, **kind) for grad in grads]
  for param, grad in zip(params, grads, strict=True):
    param.grad = torch.tensor(grad, **kind)
  optimizer = torch.optim.Adam(params, lr=1e-3, fused=fused)
  synchronize = torch.get_device_module(device).synchronize

  def call():
    optimizer.step()
    synchronize()

  return timeit.Timer(call, setup=call)
