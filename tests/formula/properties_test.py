"""Updates match the formula for random hyperparameters and gradients.

All are computed in float64.
"""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import jax
import numpy as np
import optax

from graft import formula


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
  seed = draw(st.integers(0, 2**32 - 1))
  rng = np.random.default_rng(seed)
  shape = (6, 18)
  sizes = 10.0 ** rng.uniform(-6, 3, shape)
  signs = rng.choice([-1, 1], shape)
  is_zero = rng.uniform(size=shape) < 0.1
  return np.where(is_zero, 0.0, signs * sizes)


@functools.partial(jax.jit, static_argnames=('name', 'options'))
def _updates(name, grads, numbers, options):
  """Returns the updates of optax; `options` are pairs of a key and a value."""
  opt = getattr(optax, name)(**numbers, **dict(options))

  def step(state, grad):
    updates, state = opt.update(grad, state)
    return state, updates

  _, updates = jax.lax.scan(step, opt.init(grads[0]), grads)
  return updates


class PropertiesTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  @parameterized.named_parameters(
      ('adam', 'scale_by_adam', {}),
      ('nadam', 'scale_by_adam', {'nesterov': True}),
      ('amsgrad', 'scale_by_amsgrad', {}),
      (
          'amsgrad, mu not corrected',
          'scale_by_amsgrad',
          {'bias_correction_mu': False},
      ),
      (
          'amsgrad, nu not corrected',
          'scale_by_amsgrad',
          {'bias_correction_nu': False},
      ),
  )
  def test_updates_match_the_formula(self, name, options):
    # Derandomized, so that a run can be repeated.
    @hypothesis.settings(
        max_examples=80, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(_gradients(), _HYPERPARAMETERS, st.booleans())
    def check(grads, numbers, epsilon_hat):
      flags = {**options, 'epsilon_hat': epsilon_hat}
      expected = formula.expected(name, grads, **numbers, **flags)
      actual = _updates(name, grads, numbers, tuple(flags.items()))
      # Rounding gives about 1e-13; a wrong epsilon gives up to 1.
      size = np.max(np.abs(expected))
      np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * size)

    check()


if __name__ == '__main__':
  absltest.main()
