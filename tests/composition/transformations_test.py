"""Tests that the flag holds under jax's transformations."""

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following
from tests.composition import problems


class TransformationsTest(following.Float64TestCase):

  def setUp(self):
    super().setUp()
    self.params = problems.params()
    self.grads = problems.gradients(self.params, steps=12)

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_scan_over_a_thousand_steps(self, factory, formula):
    grads = problems.gradients(self.params, steps=1000)
    opt = following.optimizer(factory, formula, epsilon_hat=True)

    def body(carry, g):
      carry = following.apply(opt)(*carry, g)
      return carry, carry[0]

    @jax.jit
    def train(params, grads):
      return jax.lax.scan(body, (params, opt.init(params)), grads)

    (_, state), got = train(
        jax.tree.map(jnp.asarray, self.params),
        jax.tree.map(lambda *g: np.stack(g), *grads),
    )
    self.assertEqual(int(optax.tree.get(state, 'count')), 1000)
    self.assert_follows(
        got,
        lambda hat: jax.tree.map(
            lambda *p: np.stack(p),
            *following.expected(self.params, grads, formula, hat),
        ),
        following.tolerance(1000),
    )

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_vmap_over_hyperparameters(self, factory, formula):
    rate = np.array([0.1, 0.05, 0.02])
    b1 = np.array([0.9, 0.5, 0.0])
    b2 = np.array([0.999, 0.9, 0.99])
    eps = np.array([1e-3, 1e-5, 1e-2])

    @jax.jit
    @jax.vmap
    def train(rate, b1, b2, eps):
      opt = following.optimizer(
          factory,
          formula,
          learning_rate=rate,
          b1=b1,
          b2=b2,
          eps=eps,
          epsilon_hat=True,
      )
      params = jax.tree.map(jnp.asarray, self.params)
      state = opt.init(params)
      for g in self.grads:
        params, state = following.apply(opt)(params, state, g)
      return params

    def expected(hat):
      names = ('learning_rate', 'b1', 'b2', 'eps')
      finals = [
          following.expected(
              self.params,
              self.grads,
              formula,
              hat,
              **dict(zip(names, values, strict=True)),
          )[-1]
          for values in zip(rate, b1, b2, eps, strict=True)
      ]
      return jax.tree.map(lambda *p: np.stack(p), *finals)

    self.assert_follows(
        train(rate, b1, b2, eps),
        expected,
        following.tolerance(12, rate=0.1, b1=0.0),
    )

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_jit_with_donation(self, factory, formula):
    opt = following.optimizer(factory, formula, epsilon_hat=True)
    step = jax.jit(following.apply(opt), donate_argnums=(0, 1))
    params = jax.tree.map(lambda p: jnp.array(p, copy=True), self.params)
    state = opt.init(params)
    got = []
    for g in self.grads:
      before = jax.tree.leaves((params, state))
      params, state = step(params, state, g)
      self.assertTrue(all(x.is_deleted() for x in before))
      # A copy, since a view in NumPy would keep the buffer from being reused.
      got.append(jax.tree.map(jnp.copy, params))
    self.assert_follows(
        got,
        lambda hat: following.expected(self.params, self.grads, formula, hat),
        following.tolerance(12),
    )

  @parameterized.product(
      factory=(optax.adam, optax.nadam, optax.amsgrad),
      mu_dtype=(None, jnp.bfloat16),
  )
  def test_eval_shape(self, factory, mu_dtype):
    params = {
        'float64': jnp.ones(3, jnp.float64),
        'float32': jnp.ones((2, 2), jnp.float32),
        'bfloat16': jnp.ones((), jnp.bfloat16),
        'float16': jnp.ones((0, 2), jnp.float16),
        'weak': jax.lax.full((), 1.0),
    }

    def shapes(**flags):
      opt = factory(following.RATE, mu_dtype=mu_dtype, **flags)
      state = jax.eval_shape(opt.init, params)
      out = jax.eval_shape(opt.update, params, state, params)
      actual = jax.jit(opt.update)(params, opt.init(params), params)
      return out, actual

    out, actual = shapes(epsilon_hat=True)
    default, _ = shapes()
    self.assertEqual(jax.tree.structure(out), jax.tree.structure(default))
    leaves = map(jax.tree.leaves, (out, default, actual))
    for same in zip(*leaves, strict=True):
      kinds = {(x.shape, x.dtype, x.weak_type) for x in same}
      self.assertLen(kinds, 1)


if __name__ == '__main__':
  absltest.main()
