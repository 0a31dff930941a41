"""Keras's Adam on JAX: its stateless step, compiled, in place."""

import jax
import keras

from benchmarks import steps
from benchmarks import trees
from benchmarks.frameworks import jax as on_jax

platform = on_jax.platform


def version() -> str:
  return f'Keras {keras.__version__}, JAX {jax.__version__}'


def prepare(step: str, shapes: trees.Shapes, dtype: str):
  """Keras's Adam on lists of arrays."""
  del step
  params, grads = (on_jax.tree(shapes, dtype, seed) for seed in (0, 1))
  variables = [keras.Variable(array, dtype=dtype) for array in params.values()]
  optimizer = keras.optimizers.Adam(steps.LEARNING_RATE)
  optimizer.build(variables)
  carried = (
      [variable.value for variable in variables],
      [variable.value for variable in optimizer.variables],
  )
  # The variables would keep arrays alive that the step overwrites.
  for variable in variables + optimizer.variables:
    variable._value = None  # pylint: disable=protected-access
  grads = list(grads.values())
  del params

  def take(params, state, grads):
    return optimizer.stateless_apply(state, grads, params)

  take = jax.jit(take, donate_argnums=(0, 1))
  return on_jax.carrying(take, carried, grads)
