"""Tests of gradients through several updates."""

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following
from tests.composition import problems
from tests.numerics import reference


class GradientTest(following.Float64TestCase):
  """Gradients through five updates on a quadratic, with one flat direction."""

  curvature = np.array([1.0, 0.1, 1e-3, 0.0])
  target = np.array([0.5, -1.0, 2.0, 0.0])
  point = {
      'params': np.array([1.0, 2.0, -1.0, 3.0]),
      'rate': np.array(0.1),
      'b1': np.array(0.9),
      'b2': np.array(0.99),
      'eps': np.array(problems.EPS),
      'eps_root': np.array(1e-6),
  }

  def through_optax(self, at, factory, hat, wrap=lambda step: step):
    opt = factory(
        at['rate'],
        at['b1'],
        at['b2'],
        at['eps'],
        at['eps_root'],
        epsilon_hat=hat,
    )

    @wrap
    def step(carry, _):
      params, state = carry
      grads = self.curvature * (params - self.target)
      return following.apply(opt)(params, state, grads), None

    start = at['params'], opt.init(at['params'])
    (params, _), _ = jax.lax.scan(step, start, length=5)
    return jnp.sum(self.curvature * (params - self.target) ** 2) / 2

  def gradient(self, at, factory, hat):
    grad = jax.grad(lambda at: self.through_optax(at, factory, hat))
    return jax.jit(grad)(jax.tree.map(jnp.asarray, at))

  def through_reference(self, at, formula, hat):
    params = at['params']
    state = reference.init(params)
    for _ in range(5):
      u, state = reference.update(
          self.curvature * (params - self.target),
          state,
          b1=at['b1'],
          b2=at['b2'],
          eps=at['eps'],
          eps_root=at['eps_root'],
          epsilon_hat=hat,
          **formula,
      )
      params = params - at['rate'] * u
    return np.sum(self.curvature * (params - self.target) ** 2) / 2

  def differences(self, formula, hat):
    """Central differences of the reference, relative steps of 1e-5."""
    out = {}
    for name, value in self.point.items():
      flat = np.zeros(value.size)
      for i in range(value.size):
        step = np.zeros(value.size)
        step[i] = 1e-5 * np.abs(value.reshape(-1)[i])
        ends = [
            self.through_reference(
                self.point | {name: value + sign * step.reshape(value.shape)},
                formula,
                hat,
            )
            for sign in (1, -1)
        ]
        flat[i] = (ends[0] - ends[1]) / (2 * step[i])
      out[name] = flat.reshape(value.shape)
    return out

  @parameterized.named_parameters(
      ('adam', optax.adam, {}),
      ('nadam', optax.nadam, {'nesterov': True}),
      ('amsgrad', optax.amsgrad, {'amsgrad': True}),
  )
  def test_through_several_updates(self, factory, formula):
    got = self.gradient(self.point, factory, True)
    chex.assert_tree_all_finite(got)
    for hat, check in ((True, self.assertLess), (False, self.assertGreater)):
      expected = self.differences(formula, hat)
      # Differences err by step**2 = 1e-10 and rounding / step = 1e-10 or so.
      error = max(
          np.max(np.abs(got[k] - v) / (np.abs(v) + 1e-2))
          for k, v in expected.items()
      )
      check(error, 1e-6)

  @parameterized.parameters(optax.adam, optax.nadam, optax.amsgrad)
  def test_without_eps_root_as_bad_as_default(self, factory):
    # The root's slope at 0 is infinite: a flat direction gives nan upstream.
    at = self.point | {'eps_root': np.array(0.0)}
    got, default = (self.gradient(at, factory, hat) for hat in (True, False))
    bad, bad_default = (
        jax.tree.map(lambda x: ~np.isfinite(x), g) for g in (got, default)
    )
    self.assertTrue(bad_default['params'][3])
    chex.assert_trees_all_equal(bad, bad_default)

  @parameterized.parameters(optax.adam, optax.nadam, optax.amsgrad)
  def test_checkpoint(self, factory):
    at = jax.tree.map(jnp.asarray, self.point)

    def traced(wrap):
      grad = jax.grad(lambda at: self.through_optax(at, factory, True, wrap))
      return jax.jit(grad).trace(at)

    plain, saved = traced(lambda step: step), traced(jax.checkpoint)
    self.assertIn('remat', str(saved.jaxpr))
    self.assertNotIn('remat', str(plain.jaxpr))
    # The steps are computed twice, by programs that may round differently.
    chex.assert_trees_all_close(
        saved.lower().compile()(at), plain.lower().compile()(at), rtol=1e-12
    )


if __name__ == '__main__':
  absltest.main()
