"""Properties of the update, on random trees, hyperparameters and steps."""

import functools

from absl.testing import absltest
import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.numerics import reference
from tests.numerics import rounding

_SINGLE, _DOUBLE = (np.finfo(t).eps for t in (np.float32, np.float64))

# Derandomized, so that a run repeats.
_property = hypothesis.settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
)


def _powers(low, high):
  return st.floats(low, high).map(lambda x: float(np.float32(10.0**x)))


def _decays(nearest_to_one):
  """Rates from 0 to nearly 1 that are numbers in float32 too."""
  return st.just(0.0) | _powers(nearest_to_one, -0.05).map(
      lambda x: float(np.float32(1 - x))
  )


_HYPERPARAMETERS = st.fixed_dictionaries(
    {
        'b1': _decays(-2),
        'b2': _decays(-4),
        'eps': _powers(-10, 0),
        'eps_root': st.just(0.0) | _powers(-12, -2),
    }
)
_FORMULAS = (
    {},
    {'nesterov': True},
    {'amsgrad': True},
    {'amsgrad': True, 'bias_correction_mu': False},
    {'amsgrad': True, 'bias_correction_nu': False},
)
_TREES = (
    (),
    (7,),
    {'w': (2, 3), 'b': ()},
    [(5,), {'empty': (0, 2)}, ((), (1, 1))],
)


def _is_shape(x):
  return isinstance(x, tuple) and all(isinstance(n, int) for n in x)


@st.composite
def _gradients(draw):
  """A sequence of gradients, each element with a size of its own."""
  tree = draw(st.sampled_from(_TREES))
  steps = draw(st.integers(1, 8))
  rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

  def leaf(shape):
    # Squares, and what is kept of them, stay clear of underflow in float32.
    size = 10.0 ** rng.uniform(-6, 3, size=shape)
    size = np.where(rng.uniform(size=shape) < 0.1, 0.0, size)
    return [
        np.asarray(size * rng.normal(size=shape), np.float32)
        for _ in range(steps)
    ]

  leaves, treedef = jax.tree.flatten(tree, is_leaf=_is_shape)
  leaves = [leaf(shape) for shape in leaves]
  return [treedef.unflatten([g[t] for g in leaves]) for t in range(steps)]


def _transformation(formula, **kwargs):
  formula = dict(formula)
  if formula.pop('amsgrad', False):
    return optax.scale_by_amsgrad(**formula, **kwargs)
  return optax.scale_by_adam(**formula, **kwargs)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _update(formula, epsilon_hat, hyperparams, grads, state):
  opt = _transformation(formula, epsilon_hat=epsilon_hat, **hyperparams)
  return opt.update(grads, state)


def _run(formula, epsilon_hat, hyperparams, grads, count=0):
  """Yields the direction and the state at each step, from `count` on."""
  state = _transformation(formula).init(grads[0])
  state = state._replace(count=jnp.asarray(count, jnp.int32))
  formula = tuple(formula.items())
  for g in grads:
    updates, state = _update(formula, epsilon_hat, hyperparams, g, state)
    yield updates, state


def _cast(tree, dtype):
  return jax.tree.map(lambda x: np.asarray(x, dtype), tree)


class Float64Test(absltest.TestCase):
  """In float64, against the formulas."""

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  @_property
  @hypothesis.given(
      _gradients(),
      _HYPERPARAMETERS,
      st.sampled_from(_FORMULAS),
      st.booleans(),
  )
  def test_update_is_the_formula(self, grads, hyperparams, formula, hat):
    grads = _cast(grads, np.float64)
    updates = [u for u, _ in _run(formula, hat, hyperparams, grads)]
    grads, updates = (
        zip(*map(jax.tree.leaves, x), strict=True) for x in (grads, updates)
    )
    for leaf, got in zip(grads, updates, strict=True):
      state, errors = reference.init(leaf[0]), rounding.init(leaf[0])
      for g, u in zip(leaf, got, strict=True):
        expected, bound, state, errors = rounding.update(
            g,
            state,
            errors,
            _DOUBLE,
            epsilon_hat=hat,
            **hyperparams,
            **formula,
        )
        self.assertTrue(np.all(np.abs(u - expected) <= bound))


class Float32Test(absltest.TestCase):
  """In float32: what the update itself adds to the error of the moments."""

  def error(self, formula, hat, hyperparams, grads, count):
    """Returns the errors at the last step, and the bounds on them, by leaf.

    The truth is what the formula gives in float64 for the very moments that
    are in the state.
    """
    *_, (updates, state) = _run(formula, hat, hyperparams, grads, count)
    nu_max = getattr(state, 'nu_max', state.nu)
    trees = grads[-1], updates, state.mu, state.nu, nu_max
    leaves = [jax.tree.leaves(_cast(tree, np.float64)) for tree in trees]
    for g, u, mu, nu, nu_max in zip(*leaves, strict=True):
      expected, bound = rounding.of_direction(
          g,
          reference.State(int(state.count), mu, nu, nu_max),
          size=np.abs(mu),
          mu_error=np.zeros_like(mu),
          root_error=0.0,
          ulp=_SINGLE,
          exact_decay=True,
          epsilon_hat=hat,
          **hyperparams,
          **formula,
      )
      yield np.abs(u - expected), bound

  @_property
  @hypothesis.given(
      _gradients(),
      _HYPERPARAMETERS,
      st.sampled_from(_FORMULAS),
      st.just(0) | _powers(0, 5).map(int),
  )
  def test_error_is_no_larger_than_that_of_default(
      self, grads, hyperparams, formula, count
  ):
    flagged = self.error(formula, True, hyperparams, grads, count)
    default = self.error(formula, False, hyperparams, grads, count)
    for (got, bound), (upstream, _) in zip(flagged, default, strict=True):
      # The bound is what rounding may do to the flag's own last operations.
      self.assertTrue(np.all(got <= bound), (got, bound))
      self.assertTrue(np.all(got <= upstream + bound))


if __name__ == '__main__':
  absltest.main()
