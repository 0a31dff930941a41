"""Training loops of libraries that take an optax optimizer, on real data.

Each function here trains a small model of its library with the transformation
that it is given, by the library's own way of applying it. It yields the
parameters first, then at each step the parameters, the gradients that the
transformation was handed, and the loss.
"""

from typing import Any, NamedTuple

import equinox as eqx
from flax import linen
from flax import nnx
from flax.training import train_state
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn import datasets

_WIDTH, _CLASSES = 32, 10


class RecordState(NamedTuple):
  grads: Any


def record() -> optax.GradientTransformation:
  """Passes the gradients on, and keeps them in its state."""

  def init_fn(params):
    return RecordState(optax.tree.zeros_like(params))

  def update_fn(updates, state, params=None):
    del state, params
    return updates, RecordState(updates)

  return optax.GradientTransformation(init_fn, update_fn)


def digits():
  images, labels = datasets.load_digits(return_X_y=True)
  return (images[:512] / 16).astype(np.float32), labels[:512]


def _loss(logits, labels):
  return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def linen_train_state(tx, steps):
  images, labels = digits()
  model = linen.Sequential(
      [linen.Dense(_WIDTH), linen.relu, linen.Dense(_CLASSES)]
  )
  state = train_state.TrainState.create(
      apply_fn=model.apply, params=model.init(jax.random.key(0), images), tx=tx
  )

  @jax.jit
  def step(state):
    loss, grads = jax.value_and_grad(
        lambda params: _loss(state.apply_fn(params, images), labels)
    )(state.params)
    return state.apply_gradients(grads=grads), loss

  yield state.params
  for _ in range(steps):
    state, loss = step(state)
    yield state.params, state.opt_state[0].grads, loss


def nnx_optimizer(tx, steps):
  images, labels = digits()
  rngs = nnx.Rngs(0)
  model = nnx.Sequential(
      nnx.Linear(images.shape[1], _WIDTH, rngs=rngs),
      nnx.relu,
      nnx.Linear(_WIDTH, _CLASSES, rngs=rngs),
  )
  optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)

  @nnx.jit
  def step(model, optimizer):
    loss, grads = nnx.value_and_grad(lambda m: _loss(m(images), labels))(model)
    optimizer.update(model, grads)
    return loss

  def arrays(tree):
    # Copies, since the variables are written in place.
    return jax.tree.map(jnp.copy, jax.tree.leaves(nnx.as_pure(tree)))

  yield arrays(nnx.state(model, nnx.Param))
  for _ in range(steps):
    loss = step(model, optimizer)
    grads = optimizer.opt_state[0].grads
    yield arrays(nnx.state(model, nnx.Param)), arrays(grads), loss


def equinox(tx, steps):
  images, labels = digits()
  # The activations are leaves too, which filtering turns into None.
  model = eqx.nn.MLP(
      images.shape[1], _CLASSES, _WIDTH, depth=1, key=jax.random.key(0)
  )
  state = tx.init(eqx.filter(model, eqx.is_inexact_array))

  @eqx.filter_jit
  def step(model, state):
    loss, grads = eqx.filter_value_and_grad(
        lambda model: _loss(jax.vmap(model)(images), labels)
    )(model)
    params = eqx.filter(model, eqx.is_inexact_array)
    updates, state = tx.update(grads, state, params)
    return eqx.apply_updates(model, updates), state, loss

  yield eqx.filter(model, eqx.is_inexact_array)
  for _ in range(steps):
    model, state, loss = step(model, state)
    yield eqx.filter(model, eqx.is_inexact_array), state[0].grads, loss
