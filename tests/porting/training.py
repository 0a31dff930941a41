"""Trains with optax, and returns the parameters at every step."""

import jax
import jax.numpy as jnp
import optax

from tests.docs import blocks
from tests.porting import problem


def train(optimizer, start, gradients, state=None, step=None, averages=None):
  """Returns the parameters at every step, as `problem.distance` takes them.

  Args:
    optimizer: An optimizer of optax.
    start: The parameters before the first step, a tree.
    gradients: Trees of gradients, one for each step.
    state: The optimizer's state before the first step, by default a new one.
    step: A function of the parameters, the state and the gradients that returns
      new parameters and a new state. By default, it uses the optimizer.
    averages: A function of the state that returns more values to record.
  """

  def apply(params, state, grads):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  def read():
    others = averages(state) if averages else []
    return jax.tree.leaves((params, others))

  params = jax.tree.map(jnp.asarray, start)
  if state is None:
    state = optimizer.init(params)
  compiled = jax.jit(step or apply)
  history = [read()]
  for grads in gradients:
    params, state = compiled(params, state, grads)
    history.append(read())
  return problem.stack(history)


def train_optax(code, start, gradients, **names):
  """Returns the parameters at every step in float64, the start first.

  Args:
    code: Code that defines `optimizer`.
    start: The parameters, a list of arrays.
    gradients: For each of them an array with a leading axis of steps.
    **names: What the code uses and doesn't define.
  """
  steps = [list(grads) for grads in zip(*gradients, strict=True)]
  with jax.enable_x64(True):
    defined = blocks.run([(1, code)], 'code', {'to_params': list, **names})
    return train(defined['optimizer'], start, steps)
