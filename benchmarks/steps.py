"""optax's step: what is timed, as a `timeit.Timer`, and what is counted."""

from collections.abc import Callable
import functools
import timeit

import jax
import jax.numpy as jnp
import optax

from benchmarks import trees

OPTIMIZERS = {
    'adam': optax.adam,
    'adamw': optax.adamw,
    'nadam': functools.partial(optax.adam, nesterov=True),
    'nadamw': functools.partial(optax.adamw, nesterov=True),
    'amsgrad': optax.amsgrad,
}


def make(name: str, *, epsilon_hat: bool) -> optax.GradientTransformation:
  """An optimizer with the flag or without."""
  return OPTIMIZERS[name](trees.LEARNING_RATE, epsilon_hat=epsilon_hat)


def step(optimizer: optax.GradientTransformation) -> Callable:
  """A function of parameters, state and gradients that takes one step."""

  def take(params, state, grads):
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  return take


def tree(shapes: trees.Shapes, dtype: str, seed: int) -> dict[str, jax.Array]:
  """The arrays of a seed as JAX has them."""
  arrays = trees.arrays(shapes, seed)
  return jax.tree.map(lambda array: jnp.array(array, dtype), arrays)


def abstract(optimizer, shapes: trees.Shapes, dtype: str) -> tuple:
  """The arguments of a step, as shapes only."""
  struct = functools.partial(jax.ShapeDtypeStruct, dtype=jnp.dtype(dtype))
  params = {name: struct(shape) for name, shape in shapes.items()}
  return params, jax.eval_shape(optimizer.init, params), params


def carrying(take: Callable, carried: tuple, grads) -> timeit.Timer:
  """A timer of a step whose results are its next arguments."""

  def call():
    nonlocal carried
    carried = jax.block_until_ready(take(*carried, grads))

  # Its set-up is not timed: it compiles, and later warms the caches.
  return timeit.Timer(call, setup=call)


def eager(name, shapes, dtype, epsilon_hat, transform=None) -> timeit.Timer:
  """Times the step run operation by operation, or transformed."""
  params, grads = (tree(shapes, dtype, seed) for seed in (0, 1))
  optimizer = make(name, epsilon_hat=epsilon_hat)
  take = step(optimizer)
  carried = params, optimizer.init(params)
  return carrying(transform(take) if transform else take, carried, grads)


def jitted(name, shapes, dtype, epsilon_hat) -> timeit.Timer:
  """Times the compiled step, which overwrites parameters and state."""
  transform = functools.partial(jax.jit, donate_argnums=(0, 1))
  return eager(name, shapes, dtype, epsilon_hat, transform)


def tracing(name, shapes, dtype, epsilon_hat, compiles=False) -> timeit.Timer:
  """Times the way to StableHLO, or to a program, with nothing cached."""
  optimizer = make(name, epsilon_hat=epsilon_hat)
  arguments = abstract(optimizer, shapes, dtype)

  def call():
    lowered = jax.jit(step(optimizer)).lower(*arguments)
    return lowered.compile() if compiles else lowered

  return timeit.Timer(call, setup=jax.clear_caches)


def floor(shapes, dtype) -> timeit.Timer:
  """Times the bytes: p, g, m, v read, p, m, v written, one addition each."""

  def take(params, mu, nu, grads):
    params = jax.tree.map(jnp.add, params, grads)
    return params, *jax.tree.map(lambda x: x + 1, (mu, nu))

  params, grads = (tree(shapes, dtype, seed) for seed in (0, 1))
  zeros = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
  take = jax.jit(take, donate_argnums=(0, 1, 2))
  return carrying(take, (params, *zeros), grads)
