"""The flag under optax's own wrappers and under jax's transformations."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import jax
from jax import test_util
import jax.numpy as jnp
import numpy as np
import optax

from tests.porting import problem
from tests.wrappers import workaround


def _chain(opt):
  return optax.chain(optax.clip_by_global_norm(0.5), opt, optax.scale(0.5))


def _multi_steps(opt):
  multi_steps = optax.MultiSteps(opt, 4, accumulator_dtype=jnp.float64)
  return multi_steps.gradient_transformation()


def _masked(opt):
  return optax.masked(opt, {'bias_head': True, 'scale': False})


def _partition(opt):
  labels = {'bias_head': {'bias': 'other', 'kernel': 'ours'}, 'scale': 'ours'}
  return optax.partition({'ours': opt, 'other': optax.adam(0.1)}, labels)


def _apply_if_finite(opt):
  return optax.apply_if_finite(opt, 3)


class WrappersTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  @parameterized.parameters('adam', 'amsgrad')
  def test_flag_matches_the_workaround(self, name):
    workaround.assert_wrapped_alike(lambda opt: opt, name)

  @parameterized.product(
      wrap=(
          _chain,
          _multi_steps,
          _masked,
          _partition,
          _apply_if_finite,
          optax.contrib.split_real_and_imaginary,
      ),
      name=('adam', 'amsgrad'),
  )
  def test_flag_matches_the_workaround_in_a_wrapper(self, wrap, name):
    workaround.assert_wrapped_alike(wrap, name)

  def test_flag_matches_the_workaround_in_schedule_free(self):
    def wrap(opt):
      return optax.contrib.schedule_free(opt, workaround.LEARNING_RATE)

    # Each step divides by b1 to recover a sequence, which magnifies rounding.
    workaround.assert_wrapped_alike(wrap, 'adam', tolerance=1e-8, b1=0.0)

  @parameterized.parameters('adam', 'amsgrad')
  def test_injected_schedules_give_the_numbers_of_each_step(self, name):
    schedules = {
        'learning_rate': lambda count: 0.05 / (1 + count),
        'b1': lambda count: 0.9 * 0.999**count,
        'eps': lambda count: 1e-3 * 0.99**count,
    }
    factory = functools.partial(
        getattr(optax, name), b2=workaround.B2, epsilon_hat=True
    )
    injected = optax.inject_hyperparams(factory)(**schedules)
    trained, _ = workaround.train(injected)

    # At each step, an optimizer with the numbers of that step.
    params = problem.params()
    state = factory(0.0).init(params)
    for count, grads in enumerate(problem.gradients()[:10]):
      numbers = {key: value(count) for key, value in schedules.items()}
      updates, state = factory(**numbers).update(grads, state, params)
      params = optax.apply_updates(params, updates)
    for actual, expected in zip(trained, jax.tree.leaves(params), strict=True):
      np.testing.assert_allclose(actual[10], expected, rtol=1e-12)

  @parameterized.parameters('adam', 'nadam', 'amsgrad')
  def test_updates_have_the_right_derivatives(self, name):
    curvature = jnp.array([1.0, 0.1, 1e-3, 0.0])

    def loss(params, learning_rate, b1, b2, eps, eps_root):
      opt = workaround.with_flag(
          name,
          learning_rate=learning_rate,
          b1=b1,
          b2=b2,
          eps=eps,
          eps_root=eps_root,
      )

      def step(carry, _):
        params, state = carry
        updates, state = opt.update(curvature * params, state)
        return (optax.apply_updates(params, updates), state), None

      (params, _), _ = jax.lax.scan(step, (params, opt.init(params)), length=5)
      return jnp.sum(curvature * params**2)

    params = jnp.array([0.5, 3.0, -3.0, 3.0])
    numbers = jnp.array([0.1, 0.9, 0.99, 1e-3, 1e-4])
    # The step is small next to eps_root, and large next to rounding.
    test_util.check_grads(
        jax.jit(loss), (params, *numbers), order=1, modes=['rev'], eps=1e-8
    )


if __name__ == '__main__':
  absltest.main()
