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
import optax

from graft import formula

# The functions with the flag, except for those without a learning rate.
OPTIMIZERS = [name for name, x in formula.FUNCTIONS.items() if x.rate]
Shapes = Sequence[tuple[int, ...]]
_in_place = functools.partial(jax.jit, donate_argnums=(0, 1))


@functools.cache  # Steps that are built again are not compiled again.
def make(name: str, epsilon_hat: bool) -> tuple[Callable, Callable]:
  """The ``init`` of an optimizer, and a step that applies its updates."""
  optimizer = getattr(optax, name)(1e-3, epsilon_hat=epsilon_hat)

  def step(params, state, grads):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  return optimizer.init, step


def abstract(init: Callable, shapes: Shapes, dtype: str) -> tuple:
  """The arguments of a step, as shapes only."""
  params = [jax.ShapeDtypeStruct(shape, jnp.dtype(dtype)) for shape in shapes]
  return params, jax.eval_shape(init, params), params


def count(name: str, shapes: Shapes, dtype: str, epsilon_hat: bool) -> dict:
  """Counts a step's equations, and XLA's accessed and temporary bytes.

  With donated buffers, the compiled step overwrites parameters and state. XLA
  adds up bytes in float32: beyond 2**24 they are rounded.
  """
  init, step = make(name, epsilon_hat)
  arguments = abstract(init, shapes, dtype)
  with jax.disable_jit():  # From JAX 0.11 on, a call is one equation.
    found = {'equations': len(jax.make_jaxpr(step)(*arguments).eqns)}
  for suffix, donated in (', donated', (0, 1)), (', not donated', ()):
    jitted_step = jax.jit(step, donate_argnums=donated)
    compiled = jitted_step.lower(*arguments).compile()
    cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
    found[f'bytes accessed{suffix}'] = int(cost['bytes accessed'])
    found[f'temporary bytes{suffix}'] = memory.temp_size_in_bytes
  return found


def _repeated(step: Callable, carried: tuple, grads) -> timeit.Timer:
  """Times a step whose results are its next arguments."""

  def call():
    nonlocal carried
    carried = jax.block_until_ready(step(*carried, grads))

  return timeit.Timer(call, setup=call)


def eager_step(name, grads, dtype, epsilon_hat, compiler=lambda step: step):
  """Times optax's step, one operation at a time unless a compiler is given."""
  init, step = make(name, epsilon_hat)
  grads = [jnp.asarray(grad, dtype) for grad in grads]
  params = [jnp.ones_like(grad) for grad in grads]
  return _repeated(compiler(step), (params, init(params)), grads)


def jitted_step(*arguments):
  """Times optax's step, compiled, in place."""
  return eager_step(*arguments, _in_place)


def first_call(name, grads, dtype, epsilon_hat):
  """Times tracing and compiling optax's step, with nothing cached."""
  init, step = make(name, epsilon_hat)
  arguments = abstract(init, [grad.shape for grad in grads], dtype)
  call = lambda: jax.jit(step).lower(*arguments).compile()
  return timeit.Timer(call, setup=jax.clear_caches)


def copy(grads, dtype):
  """Times one pass over as many bytes as Adam has to read and write."""
  # Read: parameter, gradient, two moments. Written: all but the gradient.
  moved = 7 * sum(grad.size for grad in grads) * jnp.dtype(dtype).itemsize
  add = jax.jit(lambda x, one: (x + one,), donate_argnums=0)
  return _repeated(add, (jnp.zeros(moved // 8),), jnp.ones(()))


def keras_on_jax(grads, dtype):
  """Times Keras's stateless step, compiled, in place."""
  import keras
  grads = [jnp.asarray(grad, dtype) for grad in grads]
  params = [jnp.ones_like(grad) for grad in grads]
  optimizer = keras.optimizers.Adam(1e-3)
  optimizer.build([keras.Variable(array, dtype=dtype) for array in params])
  state = [variable.value for variable in optimizer.variables]
  step = lambda params, *rest: optimizer.stateless_apply(*rest, params)
  return _repeated(_in_place(step), (params, state), grads)


def tensorflow_kernel(grads, dtype):
  """Times TensorFlow's ApplyAdam, called for each array from one graph."""
  import tensorflow as tf
  if jax.default_backend() == 'gpu' and not tf.test.is_gpu_available():
    raise ImportError('TensorFlow sees no GPU')
  grads = [tf.cast(grad, dtype) for grad in grads]
  numbers = dict(beta1=0.9, beta2=0.999, lr=1e-3, epsilon=1e-7)
  numbers |= dict(beta1_power=0.9, beta2_power=0.999)
  numbers = {name: tf.constant(n, dtype) for name, n in numbers.items()}
  p, m, v = (
      [tf.Variable(make(grad)) for grad in grads]
      for make in (tf.ones_like, tf.zeros_like, tf.zeros_like)
  )

  @tf.function(autograph=False)
  def step():
    for param, mu, nu, grad in zip(p, m, v, grads, strict=True):
      handles = dict(var=param.handle, m=mu.handle, v=nu.handle)
      tf.raw_ops.ResourceApplyAdam(**handles, grad=grad, **numbers)

  call = lambda: (step(), tf.test.experimental.sync_devices())
  return timeit.Timer(call, setup=call)


def pytorch(grads, dtype, **options):
  """Times PyTorch's Adam; ``fused=True`` makes one pass over the arrays."""
  import torch
  device = 'cuda' if jax.default_backend() == 'gpu' else 'cpu'
  if device == 'cuda' and not torch.cuda.is_available():
    raise ImportError('PyTorch sees no GPU')
  to = dict(dtype=getattr(torch, dtype), device=device)
  params = [torch.ones(grad.shape, **to) for grad in grads]
  for param, grad in zip(params, grads, strict=True):
    param.grad = torch.tensor(grad, **to)
  step = torch.optim.Adam(params, lr=1e-3, **options).step
  wait = torch.get_device_module(device).synchronize
  call = lambda: (step(), wait())
  return timeit.Timer(call, setup=call)
