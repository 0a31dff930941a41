"""Trains the optimizer that a code for optax defines."""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def with_start(start, history):
  """Returns the parameters at every step, as `problem.distance` takes them.

  Args:
    start: The parameters before the first step, a list of arrays.
    history: For each of them an array with a leading axis of steps.
  """
  pairs = zip(start, history, strict=True)
  return [np.concatenate([[first], rest]) for first, rest in pairs]


def train_optax(code, start, gradients, **names):
  """Returns the parameters at every step in float64, the start first.

  Args:
    code: Code that defines `optimizer`.
    start: The parameters, a list of arrays.
    gradients: For each of them an array with a leading axis of steps.
    **names: What the code uses and doesn't define.
  """
  names = {'to_params': list, **names}

  def step(carry, grads):
    params, state = carry
    updates, state = names['optimizer'].update(grads, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  with jax.enable_x64(True):
    exec(code, names)  # pylint: disable=exec-used
    params = [jnp.asarray(value) for value in start]
    state = names['optimizer'].init(params)
    _, history = jax.lax.scan(step, (params, state), gradients)
  return with_start(start, history)
