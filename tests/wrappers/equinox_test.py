"""Equinox trains with the flag, on scikit-learn's digits.

The README and docs/porting/state.md train with flax.
"""

from absl.testing import absltest
from absl.testing import parameterized
import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from sklearn import datasets

from tests.porting import problem
from tests.wrappers import workaround

_STEPS = 10
_WIDTH = 16
_CLASSES = 10


def _load_digits():
  images, labels = datasets.load_digits(return_X_y=True)
  return (images[:256] / 16).astype(np.float32), labels[:256]


def _cross_entropy(logits, labels):
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
  return losses.mean()


def train(opt):
  """Returns the parameters at every step."""
  images, labels = _load_digits()
  model = eqx.nn.MLP(
      images.shape[1], _CLASSES, _WIDTH, depth=1, key=jax.random.key(0)
  )
  # The activations are leaves too; the filter replaces them by None.
  state = opt.init(eqx.filter(model, eqx.is_inexact_array))

  def loss_fn(model):
    return _cross_entropy(jax.vmap(model)(images), labels)

  @eqx.filter_jit
  def step(model, state):
    grads = eqx.filter_grad(loss_fn)(model)
    params = eqx.filter(model, eqx.is_inexact_array)
    updates, state = opt.update(grads, state, params)
    return eqx.apply_updates(model, updates), state

  def read():
    params = eqx.filter(model, eqx.is_inexact_array)
    return [np.array(param) for param in jax.tree.leaves(params)]

  history = [read()]
  for _ in range(_STEPS):
    model, state = step(model, state)
    history.append(read())
  return [np.stack(values) for values in zip(*history, strict=True)]


@pytest.mark.slow
class EquinoxTest(parameterized.TestCase):

  @parameterized.parameters('adam', 'amsgrad')
  @jax.default_matmul_precision('highest')  # GPUs round to 10 bits.
  def test_trains_like_the_workaround(self, name):
    expected = train(workaround.without_flag(name))
    flag = train(workaround.with_flag(name))
    default = train(workaround.with_flag(name, epsilon_hat=False))
    # Rounding in float32 gives 1e-6.
    self.assertLess(problem.distance(expected, flag), 1e-5)
    self.assertGreater(problem.distance(expected, default), 0.1)


if __name__ == '__main__':
  absltest.main()
