"""Tests that libraries on top of optax train with the flag, as they should."""

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np
import optax

from tests.composition import clients
from tests.composition import following
from tests.numerics import rounding

_STEPS = 60
_RATE = 0.02
_SINGLE = np.finfo(np.float32).eps

_CLIENTS = (clients.linen_train_state, clients.nnx_optimizer, clients.equinox)
_OPTIMIZERS = ((optax.adam, {}), (optax.amsgrad, {'amsgrad': True}))


def _arrays(tree):
  return [np.asarray(x) for x in jax.tree.leaves(tree)]


def _apart(start, grads, end, formula):
  """How far `end` is off the formula, in units of what rounding explains."""

  def leaf(p, g, q):
    expected, bound = rounding.trajectory(
        p, g, _RATE, _SINGLE, eps=following.EPS, **formula
    )
    # A parameter that no gradient reaches is 0 and may not err: add no more
    # than what makes the ratio 0 there.
    bound = bound + np.finfo(np.float32).tiny
    return np.max(np.abs(q.astype(np.float64) - expected) / bound)

  return max(map(leaf, start, zip(*grads, strict=True), end))


class ClientsTest(parameterized.TestCase):

  @parameterized.product(client=_CLIENTS, optimizer=_OPTIMIZERS)
  def test_trains_by_the_formula(self, client, optimizer):
    factory, formula = optimizer
    tx = optax.chain(
        clients.record(), factory(_RATE, eps=following.EPS, tf_style=True)
    )
    start, *steps = client(tx, _STEPS)
    params, grads, losses = zip(*steps, strict=True)
    self.assertLess(np.mean(losses[-5:]), 0.5 * losses[0])
    right, wrong = (
        _apart(
            _arrays(start),
            list(map(_arrays, grads)),
            _arrays(params[-1]),
            formula | {'epsilon_hat': hat},
        )
        for hat in (True, False)
    )
    self.assertLessEqual(right, 1)
    self.assertGreater(wrong, 100)


if __name__ == '__main__':
  absltest.main()
