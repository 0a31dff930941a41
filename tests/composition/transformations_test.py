"""Tests that the flag holds under jax's transformations."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import jax
from jax import test_util
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following


def _stacked(trees):
  return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


class TransformationsTest(following.Float64TestCase):

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_scan_over_a_thousand_steps_with_donation(self, factory, formula):
    params, grads = following.start(), following.gradients(steps=1000)
    opt = following.optimizer(factory, formula, epsilon_hat=True)

    def body(carry, g):
      carry = following.apply(opt)(*carry, g)
      return carry, carry[0]

    train = jax.jit(functools.partial(jax.lax.scan, body), donate_argnums=0)
    carry = jax.tree.map(lambda p: jnp.array(p, copy=True), params)
    carry = carry, opt.init(carry)
    (_, state), got = train(carry, _stacked(grads))
    self.assertTrue(all(x.is_deleted() for x in jax.tree.leaves(carry)))
    self.assertEqual(int(optax.tree.get(state, 'count')), 1000)
    self.assert_follows(
        got,
        lambda hat: _stacked(following.expected(params, grads, formula, hat)),
        following.tolerance(1000),
    )


class GradientTest(following.Float64TestCase):
  """Gradients through five updates on a quadratic, with one flat direction."""

  def loss(self, at, factory, hat):
    params, *hyperparams = at
    curvature = jnp.array([1.0, 0.1, 1e-3, 0.0])
    opt = factory(*hyperparams, epsilon_hat=hat)

    def step(carry, _):
      params, state = carry
      return following.apply(opt)(params, state, curvature * params), None

    carry = params, opt.init(params)
    (params, _), _ = jax.lax.scan(step, carry, length=5)
    return jnp.sum(curvature * params**2)

  def point(self, eps_root):
    params = jnp.array([0.5, 3.0, -3.0, 3.0])
    return (params, *jnp.array([0.1, 0.9, 0.99, following.EPS, eps_root]))

  @parameterized.parameters(optax.adam, optax.nadam, optax.amsgrad)
  def test_to_parameters_and_hyperparameters(self, factory):
    test_util.check_grads(
        jax.jit(lambda *at: self.loss(at, factory, True)),
        self.point(eps_root=1e-4),
        order=1,
        modes=['rev'],
        eps=1e-8,  # Small next to eps_root, large next to float64's rounding.
    )


if __name__ == '__main__':
  absltest.main()
