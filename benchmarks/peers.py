"""Adam elsewhere, each as a `timeit.Timer` of its step on the same arrays.

Each is imported where it is used, in a process that has no other framework.
"""

# pylint: disable=import-outside-toplevel

import timeit

from benchmarks import trees


def keras_on_jax(shapes: trees.Shapes, dtype: str) -> timeit.Timer:
  """Keras's stateless step on JAX, compiled, in place."""
  import jax
  import keras

  from benchmarks import steps

  params, grads = (steps.tree(shapes, dtype, seed) for seed in (0, 1))
  variables = [keras.Variable(array, dtype=dtype) for array in params.values()]
  optimizer = keras.optimizers.Adam(trees.LEARNING_RATE)
  optimizer.build(variables)
  groups = variables, optimizer.variables
  carried = tuple([variable.value for variable in group] for group in groups)

  def take(params, state, grads):
    return optimizer.stateless_apply(state, grads, params)

  take = jax.jit(take, donate_argnums=(0, 1))
  return steps.carrying(take, carried, list(grads.values()))


def tensorflow_kernel(shapes: trees.Shapes, dtype: str) -> timeit.Timer:
  """TensorFlow's ApplyAdam, called for each array from one graph."""
  import tensorflow as tf

  params, grads = (
      [tf.cast(array, dtype) for array in trees.arrays(shapes, seed).values()]
      for seed in (0, 1)
  )
  zeros = [tf.zeros_like(tensor) for tensor in params]
  p, m, v = (
      [tf.Variable(tensor) for tensor in group]
      for group in (params, zeros, zeros)
  )
  numbers = trees.LEARNING_RATE, 0.9, 0.999, 1e-8
  rate, b1, b2, epsilon = (tf.constant(number, dtype) for number in numbers)
  powers = tf.Variable(b1), tf.Variable(b2)

  @tf.function
  def take():
    b1_power, b2_power = (power.read_value() for power in powers)
    for variable, mu, nu, grad in zip(p, m, v, grads, strict=True):
      tf.raw_ops.ResourceApplyAdam(
          var=variable.handle,
          m=mu.handle,
          v=nu.handle,
          beta1_power=b1_power,
          beta2_power=b2_power,
          lr=rate,
          beta1=b1,
          beta2=b2,
          epsilon=epsilon,
          grad=grad,
      )
    powers[0].assign(b1_power * b1)
    powers[1].assign(b2_power * b2)

  return timeit.Timer(take, setup=take)


def pytorch(shapes: trees.Shapes, dtype: str, **options) -> timeit.Timer:
  """PyTorch's Adam; ``fused`` is one pass over the arrays."""
  import torch

  params, grads = (
      [
          torch.from_numpy(array).to(getattr(torch, dtype))
          for array in trees.arrays(shapes, seed).values()
      ]
      for seed in (0, 1)
  )
  for param, grad in zip(params, grads, strict=True):
    param.grad = grad
  step = torch.optim.Adam(params, lr=trees.LEARNING_RATE, **options).step
  return timeit.Timer(step, setup=step)
