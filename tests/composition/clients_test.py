"""Tests that libraries on top of optax train with the flag, as they should."""

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np
import optax

from tests.composition import clients
from tests.composition import problems
from tests.numerics import rounding

_STEPS = 60
_RATE = 0.02
_SINGLE = np.finfo(np.float32).eps

_CLIENTS = (
    clients.linen_train_state,
    clients.nnx_optimizer,
    clients.haiku,
    clients.equinox,
    clients.numpyro_svi,
)
_SETTINGS = (
    (optax.adam, {}, True),
    (optax.adam, {}, False),
    (optax.nadam, {'nesterov': True}, True),
    (optax.amsgrad, {'amsgrad': True}, True),
)


def _arrays(tree):
  return [np.asarray(x) for x in jax.tree.leaves(tree)]


def _apart(start, grads, end, formula):
  """How far `end` is off the formula, in units of what rounding explains."""

  def leaf(p, g, q):
    expected, bound = rounding.trajectory(
        p, g, _RATE, _SINGLE, eps=problems.EPS, **formula
    )
    # A parameter that no gradient reaches is 0 and may not err: add no more
    # than what makes the ratio 0 there.
    bound = bound + np.finfo(np.float32).tiny
    return np.max(np.abs(q.astype(np.float64) - expected) / bound)

  return max(map(leaf, start, zip(*grads, strict=True), end))


class ClientsTest(parameterized.TestCase):

  @parameterized.product(client=_CLIENTS, setting=_SETTINGS)
  def test_trains_by_the_formula(self, client, setting):
    factory, formula, tf_style = setting
    tx = optax.chain(
        clients.record(),
        factory(_RATE, eps=problems.EPS, tf_style=tf_style),
    )
    start, *steps = client(tx, _STEPS)
    params, grads, losses = zip(*steps, strict=True)
    grads = [_arrays(g) for g in grads]

    with self.subTest('loss_falls'):
      self.assertLess(np.mean(losses[-5:]), 0.5 * losses[0])
    with self.subTest('trajectory'):
      for hat in (False, True):
        apart = _apart(
            _arrays(start),
            grads,
            _arrays(params[-1]),
            formula | {'epsilon_hat': hat},
        )
        if hat == tf_style:
          self.assertLessEqual(apart, 1)
        else:
          self.assertGreater(apart, 100)


if __name__ == '__main__':
  absltest.main()
