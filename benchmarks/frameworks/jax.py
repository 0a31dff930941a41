"""optax on JAX, and the floors: what moving the bytes takes by itself."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks import steps
from benchmarks import trees


def platform() -> str:
  return jax.devices()[0].platform


def version() -> str:
  return f'JAX {jax.__version__}'


def tree(shapes: trees.Shapes, dtype: str, seed: int) -> dict[str, jax.Array]:
  """The tree of a seed, on the device."""
  return jax.tree.map(
      lambda array: jnp.asarray(array, dtype), trees.arrays(shapes, seed)
  )


def carrying(take: Callable, carried: tuple, grads):
  """A step that carries what it returns along, and how to wait for it."""

  def call():
    nonlocal carried
    carried = take(*carried, grads)
    return carried

  return call, jax.block_until_ready


def _floor(params, mu, nu, grads):
  """Reads p, g, m and v once and writes p, m and v once, an addition each."""
  params = jax.tree.map(jnp.add, params, grads)
  return params, *jax.tree.map(lambda x: x + 1, (mu, nu))


def _prepare_floor(shapes, dtype):
  params, grads = (tree(shapes, dtype, seed) for seed in (0, 1))
  carried = params, *(jax.tree.map(jnp.zeros_like, params) for _ in range(2))
  return jax.jit(_floor, donate_argnums=(0, 1, 2)), carried, grads


def _prepare_copy(shapes, dtype):
  """Seven numbers a parameter: three and a half read, as many written."""
  source, target = (
      {
          name: jnp.full(array.size * 7 // 2, value, dtype)
          for name, array in trees.arrays(shapes, 0).items()
      }
      for value in (1, 0)
  )
  copy = jax.jit(
      lambda target, source: (jax.tree.map(jnp.copy, source),),
      donate_argnums=0,
      keep_unused=True,
  )
  return copy, (target,), source


def _prepare_optax(shapes, dtype, flag):
  params, grads = (tree(shapes, dtype, seed) for seed in (0, 1))
  optimizer = steps.make('adam', epsilon_hat=flag)
  return steps.jitted(optimizer), (params, optimizer.init(params)), grads


def prepare(step: str, shapes: trees.Shapes, dtype: str):
  """A step that carries parameters and state along, compiled."""
  if step == 'floor':
    return carrying(*_prepare_floor(shapes, dtype))
  if step == 'copy':
    return carrying(*_prepare_copy(shapes, dtype))
  flag = step == 'optax, epsilon_hat'
  return carrying(*_prepare_optax(shapes, dtype, flag))
