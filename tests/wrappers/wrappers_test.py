"""The flag under optax's own wrappers and under jax's transformations."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import jax
from jax import test_util
import jax.numpy as jnp
import optax

from tests.wrappers import workaround


def _partitioned(opt):
  labels = {'layer': {'w': 'ours', 'b': 'other'}, 'scale': 'ours'}
  return optax.partition({'ours': opt, 'other': optax.adam(0.1)}, labels)


_WRAPPERS = {
    'alone': lambda opt: opt,
    'chain': lambda opt: optax.chain(
        optax.clip_by_global_norm(0.5), opt, optax.scale(0.5)
    ),
    'multi_steps': lambda opt: optax.MultiSteps(
        opt, 4, accumulator_dtype=jnp.float64
    ).gradient_transformation(),
    'masked': lambda opt: optax.masked(opt, {'layer': True, 'scale': False}),
    'partition': _partitioned,
    'apply_if_finite': lambda opt: optax.apply_if_finite(opt, 3),
    'split_real_and_imaginary': optax.contrib.split_real_and_imaginary,
}


class WrappersTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  @parameterized.product(wrapper=tuple(_WRAPPERS), name=('adam', 'amsgrad'))
  def test_wrapper(self, wrapper, name):
    workaround.compare(self, _WRAPPERS[wrapper], name)

  @parameterized.parameters('adamw', 'amsgrad')
  def test_a_thousand_steps(self, name):
    workaround.compare(self, lambda opt: opt, name, steps=1000)

  def test_schedule_free(self):
    # Each step divides by b1 to recover a sequence, which magnifies rounding.
    wrap = lambda opt: optax.contrib.schedule_free(opt, workaround.RATE)
    workaround.compare(self, wrap, 'adam', rtol=1e-9, b1=0.0)

  def test_partition_keeps_both_settings_apart(self):
    params, grads = workaround.params_and_grads(steps=12)
    on, off = (workaround.flagged('adam', epsilon_hat=x) for x in (True, False))
    labels = {'layer': {'w': 'on', 'b': 'off'}, 'scale': 'off'}
    both = optax.partition({'on': on, 'off': off}, labels)
    got, on, off = (
        workaround.train(opt, params, grads)[0] for opt in (both, on, off)
    )
    self.assertTrue(jnp.allclose(got['layer']['w'], on['layer']['w'], 1e-12))
    self.assertTrue(jnp.allclose(got['layer']['b'], off['layer']['b'], 1e-12))

  @parameterized.parameters(*workaround.NAMES)
  def test_injected_hyperparameters(self, name):
    """Schedules for every number, beside the flag."""
    schedules = {
        'learning_rate': lambda count: 0.05 / (1 + count),
        'b1': lambda count: 0.9 - 0.02 * count,
        'eps': lambda count: 1e-3 * 0.7**count,
    }
    params, grads = workaround.params_and_grads(steps=8)
    opt = optax.inject_hyperparams(getattr(optax, name))(
        **schedules, b2=workaround.B2, epsilon_hat=True
    )
    got, state = workaround.train(opt, params, grads)
    self.assertNoCommonElements(['epsilon_hat', 'tf_style'], state.hyperparams)

    # One optimizer for each step, with the numbers of that step.
    state = workaround.flagged(name).init(params)
    for count in range(8):
      numbers = {key: f(count) for key, f in schedules.items()}
      opt = workaround.flagged(name, **numbers)
      g = jax.tree.map(lambda x, i=count: x[i], grads)
      updates, state = opt.update(g, state, params)
      params = optax.apply_updates(params, updates)
    last = jax.tree.map(lambda x: x[-1], got)
    start, _ = workaround.params_and_grads(steps=8)
    self.assertLess(workaround.distance(last, params, start), 1e-12)

  @parameterized.parameters('adam', 'nadam', 'amsgrad')
  def test_gradients_through_updates(self, name):
    curvature = jnp.array([1.0, 0.1, 1e-3, 0.0])

    def loss(params, *numbers):
      keys = ('learning_rate', 'b1', 'b2', 'eps', 'eps_root')
      opt = workaround.flagged(name, **dict(zip(keys, numbers, strict=True)))

      def step(carry, _):
        params, state = carry
        updates, state = opt.update(curvature * params, state)
        return (optax.apply_updates(params, updates), state), None

      (params, _), _ = jax.lax.scan(step, (params, opt.init(params)), length=5)
      return jnp.sum(curvature * params**2)

    at = (jnp.array([0.5, 3.0, -3.0, 3.0]), 0.1, 0.9, 0.99, 1e-3, 1e-4)
    # The step is small next to eps_root, and large next to rounding.
    check = functools.partial(test_util.check_grads, order=1, modes=['rev'])
    check(jax.jit(loss), tuple(map(jnp.asarray, at)), eps=1e-8)


if __name__ == '__main__':
  absltest.main()
