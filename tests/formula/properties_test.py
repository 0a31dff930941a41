"""Random hyperparameters, gradients and steps, in float64."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import jax
import numpy as np
import optax

from graft import formula

_VARIANTS = (
    ('scale_by_adam', {}),
    ('scale_by_adam', {'nesterov': True}),
    ('scale_by_amsgrad', {}),
    ('scale_by_amsgrad', {'bias_correction_mu': False}),
    ('scale_by_amsgrad', {'bias_correction_nu': False}),
)
# Derandomized, so that a run can be repeated.
_property = hypothesis.settings(
    max_examples=40, deadline=None, derandomize=True, database=None
)


def _powers(low, high):
  return st.floats(low, high).map(lambda exponent: 10.0**exponent)


def _decays(nearest_to_one):
  return st.just(0.0) | _powers(nearest_to_one, -0.05).map(lambda x: 1 - x)


_HYPERPARAMETERS = st.fixed_dictionaries({
    'b1': _decays(-2),
    'b2': _decays(-4),
    'eps': _powers(-10, 0),
    'eps_root': st.just(0.0) | _powers(-12, -2),
})


@st.composite
def _gradients(draw):
  """Rows of gradients, one in ten zero, the others from 1e-6 to 1e3."""
  rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
  shape = 6, 18
  sizes = 10.0 ** rng.uniform(-6, 3, shape) * (rng.uniform(size=shape) > 0.1)
  return sizes * rng.choice([-1, 1], shape)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _updates(name, options, hyperparameters, grads):
  opt = getattr(optax, name)(**dict(options), **hyperparameters)
  body = lambda state, g: opt.update(g, state)[::-1]
  return jax.lax.scan(body, opt.init(grads[0]), grads)[1]


class PropertiesTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def assert_close(self, actual, expected):
    # Rounding gives about 1e-13; a wrong epsilon gives up to 1.
    size = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * size)

  @parameterized.product(variant=_VARIANTS, epsilon_hat=(False, True))
  def test_updates_match_the_formula(self, variant, epsilon_hat):
    name, options = variant
    options = {**options, 'epsilon_hat': epsilon_hat}

    @_property
    @hypothesis.given(_gradients(), _HYPERPARAMETERS)
    def check(grads, numbers):
      expected = list(formula.expected(name, grads, **numbers, **options))
      actual = _updates(name, tuple(options.items()), numbers, grads)
      self.assert_close(actual, expected)

    check()

  @parameterized.parameters(False, True)
  def test_epsilon_hat_is_a_larger_epsilon(self, nesterov):
    options = (('nesterov', nesterov),)
    flag = ('epsilon_hat', True)

    @_property
    @hypothesis.given(_gradients(), _HYPERPARAMETERS)
    def check(grads, numbers):
      last = _updates('scale_by_adam', (*options, flag), numbers, grads)[-1]
      c2 = 1 - numbers['b2'] ** len(grads)
      eps, eps_root = numbers['eps'] / np.sqrt(c2), numbers['eps_root'] / c2
      numbers = numbers | {'eps': eps, 'eps_root': eps_root}
      self.assert_close(
          last, _updates('scale_by_adam', options, numbers, grads)[-1]
      )

    check()


if __name__ == '__main__':
  absltest.main()
