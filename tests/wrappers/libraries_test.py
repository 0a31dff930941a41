"""Libraries that take an optax optimizer train with the flag.

Each trains a small network on scikit-learn's digits in its own way, with the
flag, with the workaround and with the default.
"""

from absl.testing import absltest
from absl.testing import parameterized
import equinox as eqx
from flax import nnx
import jax
import numpy as np
import optax
import pytest
from sklearn import datasets

from tests.wrappers import workaround

_STEPS, _WIDTH, _CLASSES = 10, 16, 10


def _digits():
  images, labels = datasets.load_digits(return_X_y=True)
  return (images[:256] / 16).astype(np.float32), labels[:256]


def _loss(logits):
  _, labels = _digits()
  return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def train_nnx(opt):
  images, _ = _digits()
  rngs = nnx.Rngs(0)
  model = nnx.Sequential(
      nnx.Linear(images.shape[1], _WIDTH, rngs=rngs),
      nnx.relu,
      nnx.Linear(_WIDTH, _CLASSES, rngs=rngs),
  )
  optimizer = nnx.Optimizer(model, opt, wrt=nnx.Param)
  arrays = lambda: jax.tree.map(np.array, nnx.to_pure_dict(nnx.state(model)))

  @nnx.jit
  def step(model, optimizer):
    loss, grads = nnx.value_and_grad(lambda m: _loss(m(images)))(model)
    optimizer.update(model, grads)
    return loss

  start = arrays()
  losses = [step(model, optimizer) for _ in range(_STEPS)]
  return start, arrays(), losses


def train_equinox(opt):
  images, _ = _digits()
  model = eqx.nn.MLP(
      images.shape[1], _CLASSES, _WIDTH, depth=1, key=jax.random.key(0)
  )
  # The activations are leaves too; filtering replaces them by None.
  start = eqx.filter(model, eqx.is_inexact_array)
  state = opt.init(start)

  @eqx.filter_jit
  def step(model, state):
    loss_fn = lambda model: _loss(jax.vmap(model)(images))
    loss, grads = eqx.filter_value_and_grad(loss_fn)(model)
    params = eqx.filter(model, eqx.is_inexact_array)
    updates, state = opt.update(grads, state, params)
    return eqx.apply_updates(model, updates), state, loss

  losses = []
  for _ in range(_STEPS):
    model, state, loss = step(model, state)
    losses.append(loss)
  return start, eqx.filter(model, eqx.is_inexact_array), losses


@pytest.mark.slow
class LibrariesTest(parameterized.TestCase):

  @parameterized.product(
      train=(train_nnx, train_equinox), name=('adam', 'amsgrad')
  )
  @jax.default_matmul_precision('highest')  # GPUs round to 10 bits.
  def test_trains_like_the_workaround(self, train, name):
    start, expected, losses = train(workaround.injected(name))
    self.assertLess(losses[-1], 0.5 * losses[0])
    on, off = (
        train(workaround.flagged(name, epsilon_hat=flag))[1]
        for flag in (True, False)
    )
    on, off = (workaround.distance(x, expected, start) for x in (on, off))
    self.assertLess(on, 1e-5)  # Rounding in float32 gives 1e-6.
    self.assertGreater(off, 0.1)


if __name__ == '__main__':
  absltest.main()
