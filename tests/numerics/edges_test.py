"""Tests at the edge of what numbers and trees can be.

Where upstream's default gives nan, the flag may too, and the test says so. It
must not where the default does not.
"""

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.numerics import reference
from tests.numerics import rounding

_FACTORIES = (
    ('adam', optax.scale_by_adam, {}),
    ('nadam', optax.scale_by_adam, {'nesterov': True}),
    ('amsgrad', optax.scale_by_amsgrad, {}),
)


def _formula(factory, kwargs):
  return kwargs | {'amsgrad': factory is optax.scale_by_amsgrad}


def _directions(factory, grads, jit=False, **kwargs):
  """Returns the direction at each step for a sequence of gradients."""
  opt = factory(**kwargs)
  update = jax.jit(opt.update) if jit else opt.update
  state, out = opt.init(grads[0]), []
  for g in grads:
    u, state = update(g, state)
    out.append(u)
  return out


def _both(factory, grads, **kwargs):
  return (
      _directions(factory, grads, epsilon_hat=hat, **kwargs)
      for hat in (False, True)
  )


def _float64(tree):
  return jax.tree.map(lambda x: np.asarray(x).astype(np.float64), tree)


class EdgesTest(parameterized.TestCase):

  def assert_no_worse(self, got, default):
    """Asks that `got` is finite wherever `default` is."""
    leaves = map(jax.tree.leaves, (got, default))
    for u, v in zip(*leaves, strict=True):
      worse = np.isfinite(_float64(v)) & ~np.isfinite(_float64(u))
      self.assertFalse(np.any(worse), (u, v))

  @parameterized.product(
      setting=_FACTORIES, dtype=(jnp.float32, jnp.bfloat16, jnp.float16)
  )
  def test_zero_gradients_give_zero_updates(self, setting, dtype):
    _, factory, kwargs = setting
    epsilons = [1.0, 1e-3, 1e-7]
    if dtype != jnp.float16:
      epsilons += [1e-20, 1e-36]
    zeros = [jnp.zeros(3, dtype)] * 3
    for eps in epsilons:
      got = _directions(factory, zeros, eps=eps, epsilon_hat=True, **kwargs)
      chex.assert_trees_all_equal(got, zeros)

  @parameterized.named_parameters(*_FACTORIES)
  def test_end_of_int32(self, factory, kwargs):
    last = np.iinfo(np.int32).max
    g = jnp.array([0.5, -1e-3])

    def run(hat):
      opt = factory(epsilon_hat=hat, eps=1e-2, **kwargs)
      state = opt.init(g)._replace(
          count=jnp.array(last - 1, jnp.int32),
          mu=jnp.array([0.3, 1e-3]),
          nu=jnp.array([0.04, 1e-6]),
      )
      for _ in range(3):
        u, state = opt.update(g, state)
        yield u
        self.assertEqual(state.count, last)

    # No correction is left, so that epsilon stands in one and the same place.
    chex.assert_trees_all_equal(list(run(True)), list(run(False)))

  @parameterized.product(
      setting=_FACTORIES,
      size=(1e-38, 1e-30, 1e-20, 1e20, 1e38),
      eps=(1e-8, 0.0),
      jit=(False, True),
  )
  def test_tiny_and_huge_gradients(self, setting, size, eps, jit):
    _, factory, kwargs = setting
    # Squares of 1e-38 and 1e-30 are 0 in float32; of 1e20 and 1e38, infinite.
    grads = [jnp.float32([size, -size, 1.0, 0.3 * size])] * 4
    default, got = _both(factory, grads, eps=eps, jit=jit, **kwargs)
    self.assert_no_worse(got, default)
    if eps:
      for u, v in zip(got, default, strict=True):
        finite = np.isfinite(v)
        # The larger the effective epsilon, the smaller the update.
        self.assertTrue(
            np.all(np.abs(u[finite]) <= np.abs(v[finite]) * (1 + 1e-4))
        )
        if size < 1:
          self.assertTrue(np.all(finite))
        elif factory is not optax.scale_by_adam or not kwargs:
          # Divided by infinity: nothing moves, in either setting.
          np.testing.assert_array_equal(u[np.array([0, 1, 3])], np.zeros(3))

  @parameterized.product(setting=_FACTORIES, bad=(np.inf, -np.inf, np.nan))
  def test_not_finite_is_confined(self, setting, bad):
    _, factory, kwargs = setting
    good = {'a': np.float32([1.0, -2.0, 3.0]), 'b': np.float32([0.5])}
    spoilt = {'a': np.float32([1.0, bad, 3.0]), 'b': good['b']}

    def run(second):
      return _directions(
          factory,
          [good, second, good],
          eps=1e-2,
          epsilon_hat=True,
          **kwargs,
      )

    clean, dirty = run(good), run(spoilt)
    for u in (*clean, *dirty):
      u['at_fault'] = u['a'][1]
      u['a'] = u['a'][np.array([0, 2])]
    for step, (u, v) in enumerate(zip(dirty, clean, strict=True)):
      at_fault = u.pop('at_fault'), v.pop('at_fault')
      chex.assert_trees_all_equal(u, v)
      # As upstream, the element is lost from then on.
      self.assertEqual(bool(np.isfinite(at_fault[0])), step == 0)
      self.assertTrue(np.isfinite(at_fault[1]))

  @parameterized.product(setting=_FACTORIES, jit=(False, True))
  def test_float16_with_eps_below_its_numbers(self, setting, jit):
    _, factory, kwargs = setting
    self.assertEqual(np.float16(1e-8), 0)
    g = jnp.array([0.0, 1e-6, 1e-4, 1e-2, 1.0, 1e2, 6e4], jnp.float16)
    default, got = _both(factory, [g] * 3, eps=1e-8, jit=jit, **kwargs)
    self.assert_no_worse(got, default)
    for u, v in zip(got, default, strict=True):
      self.assertEqual(u.dtype, jnp.float16)
      # A zero gradient is 0 / 0 and those whose squares vanish are x / 0.
      for direction in (u, v):
        self.assertTrue(np.isnan(direction[0]))
        self.assertFalse(np.any(np.isfinite(direction[1:3])))
      # Without eps the settings agree, to six roundings of each.
      np.testing.assert_allclose(
          _float64(u[4:]), _float64(v[4:]), rtol=12 * jnp.finfo(g.dtype).eps
      )

  @parameterized.product(
      setting=_FACTORIES,
      dtypes=(
          ('float32', 'bfloat16'),
          ('float32', 'float16'),
          ('bfloat16', None),
          ('bfloat16', 'float32'),
          ('float16', None),
          ('float16', 'float32'),
      ),
      hat=(False, True),
  )
  def test_values_in_low_precision(self, setting, dtypes, hat):
    """The direction follows from the moments in the state, within rounding."""
    _, factory, kwargs = setting
    dtype, mu_dtype = map(jnp.dtype, (dtypes[0], dtypes[1] or dtypes[0]))
    # Numbers in every dtype; and gradients of one sign, so that none cancel.
    hyperparams = {'b1': 0.5, 'b2': 0.875, 'eps': 0.0625}
    rng = np.random.default_rng(0)
    grads = [jnp.asarray(rng.uniform(0.05, 1, 50), dtype) for _ in range(3)]
    opt = factory(**hyperparams, **kwargs, mu_dtype=dtypes[1], epsilon_hat=hat)
    state = opt.init(grads[0])
    for g in grads:
      u, state = jax.jit(opt.update)(g, state)
    self.assertEqual(state.mu.dtype, mu_dtype)
    g, u, mu, nu, nu_max = _float64(
        (grads[-1], u, state.mu, state.nu, getattr(state, 'nu_max', state.nu))
    )

    def of_bound(epsilon_hat):
      expected, bound = rounding.of_direction(
          g,
          reference.State(len(grads), mu, nu, nu_max),
          size=mu,
          # It is rounded to its own dtype after it was used.
          mu_error=jnp.finfo(mu_dtype).eps / 2 * mu,
          root_error=0.0,
          ulp=jnp.finfo(dtype).eps,
          exact_decay=True,
          epsilon_hat=epsilon_hat,
          **hyperparams,
          **_formula(factory, kwargs),
      )
      return np.max(np.abs(u - expected) / bound)

    self.assertLessEqual(of_bound(hat), 1)
    self.assertGreater(of_bound(not hat), 1)

  def test_whole_numbers_as_decay_rates(self):
    for _, factory, kwargs in _FACTORIES:
      default, flag = _both(factory, [jnp.ones(2)] * 2, b1=0, b2=0, **kwargs)
      chex.assert_trees_all_close(default, flag)


if __name__ == '__main__':
  absltest.main()
