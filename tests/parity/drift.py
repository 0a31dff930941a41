"""How far two correct programs drift apart when they train a network.

The two differ in the order of the sums over the inputs of each layer alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.parity import frameworks
from tests.parity import measure

STEPS = 500
RATES = (1e-2, 3e-2)
_SIZES = (64, 64, 64, 1)


def _train(dtype, lr, order):
  """Returns the weights, with ReLUs between them, as Adam fits noise."""
  rng = np.random.default_rng(0)
  start = [
      jnp.asarray(rng.normal(size=(m, n)) / np.sqrt(m), dtype)
      for m, n in zip(_SIZES, _SIZES[1:], strict=False)
  ]
  inputs = jnp.asarray(rng.normal(size=(256, _SIZES[0])), dtype)
  targets = jnp.asarray(rng.normal(size=(256, 1)), dtype)
  optimizer = optax.adam(lr, eps=1e-7, tf_style=True)

  def loss(weights):
    out = inputs
    for i, w in enumerate(weights):
      out = jax.nn.relu(out) if i else out
      out = out[:, ::order] @ w[::order]
    return jnp.mean(jnp.square(out - targets))

  def step(carry, _):
    weights, state = carry
    updates, state = optimizer.update(jax.grad(loss)(weights), state)
    weights = optax.apply_updates(weights, updates)
    return (weights, state), weights

  @jax.jit
  def run():
    carry = start, optimizer.init(start)
    return jax.lax.scan(step, carry, length=STEPS)[1]

  return run()


def drift(dtype, lr):
  """Returns the largest difference between the two, of the travel."""
  with frameworks.precision(dtype):
    return measure.deviation(*(_train(dtype, lr, order) for order in (1, -1)))
