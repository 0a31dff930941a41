"""Tests that the flag holds under jax's transformations."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import chex
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

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_vmap_over_hyperparameters(self, factory, formula):
    params, grads = following.start(), following.gradients(steps=12)
    hyperparams = {
        'learning_rate': np.array([0.1, 0.05, 0.02]),
        'b1': np.array([0.9, 0.5, 0.0]),
        'b2': np.array([0.999, 0.9, 0.99]),
        'eps': np.array([1e-3, 1e-5, 1e-2]),
    }

    @jax.jit
    @jax.vmap
    def train(hyperparams):
      opt = following.optimizer(
          factory, formula, **hyperparams, epsilon_hat=True
      )
      carry = jax.tree.map(jnp.asarray, params), opt.init(params)
      for g in grads:
        carry = following.apply(opt)(*carry, g)
      return carry[0]

    def expected(hat):
      points = zip(*hyperparams.values(), strict=True)
      points = [dict(zip(hyperparams, x, strict=True)) for x in points]
      return _stacked(
          following.expected(params, grads, formula, hat, **point)[-1]
          for point in points
      )

    self.assert_follows(
        train(hyperparams), expected, following.tolerance(12, rate=0.1, b1=0.0)
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

  @parameterized.parameters(optax.adam, optax.nadam, optax.amsgrad)
  def test_without_eps_root_as_bad_as_default(self, factory):
    # The root's slope at 0 is infinite: a flat direction gives nan upstream.
    gradient = jax.jit(jax.grad(self.loss), static_argnums=(1, 2))
    bad, bad_default = (
        jax.tree.map(
            lambda x: ~np.isfinite(x), gradient(self.point(0.0), factory, hat)
        )
        for hat in (True, False)
    )
    self.assertTrue(bad_default[0][3])
    chex.assert_trees_all_equal(bad, bad_default)


if __name__ == '__main__':
  absltest.main()
