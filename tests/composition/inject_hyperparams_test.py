"""Tests that hyperparameters are injected, and that the flag is not one."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following


class InjectHyperparamsTest(following.Float64TestCase):

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_schedules_of_all_hyperparameters(self, factory, formula):
    schedules = {
        'b1': lambda step: 0.9 - 0.02 * step,
        'b2': lambda step: 0.99 + 0.0005 * step,
        'eps': lambda step: following.EPS * 0.7**step,
        'learning_rate': lambda step: following.RATE / (1 + step),
    }
    params, grads = following.start(), following.gradients(steps=12)
    opt = following.optimizer(
        optax.inject_hyperparams(factory),
        formula,
        **schedules,
        epsilon_hat=True,
    )
    got, state = following.run(opt, params, grads)
    self.assert_follows(
        got,
        lambda hat: following.expected(
            params, grads, formula, hat, **schedules
        ),
        following.tolerance(12),
    )
    self.assertNoCommonElements(['epsilon_hat', 'tf_style'], state.hyperparams)

  def test_flag_is_static_and_eps_is_not(self):
    params, grads = following.start(), following.gradients(steps=8)
    opt = optax.inject_hyperparams(optax.adam)(
        following.RATE, eps=1.0, tf_style=True
    )
    step = jax.jit(chex.assert_max_traces(following.apply(opt), n=1))
    state, got = opt.init(params), [jax.tree.map(jnp.asarray, params)]
    for count, g in enumerate(grads):
      state.hyperparams['eps'] = jnp.asarray(following.EPS * (1 + count))
      params, state = step(got[-1], state, g)
      got.append(params)
    self.assert_follows(
        got[1:],
        lambda hat: following.expected(
            following.start(),
            grads,
            {},
            hat,
            eps=lambda count: following.EPS * (1 + count),
        ),
        following.tolerance(8),
    )


_FLAGS = (
    (optax.scale_by_adam, {}, 'epsilon_hat'),
    (optax.scale_by_amsgrad, {}, 'epsilon_hat'),
    *(
        (factory, {'learning_rate': following.RATE}, name)
        for _, factory, _ in following.OPTIMIZERS
        for name in ('epsilon_hat', 'tf_style')
    ),
)


@parameterized.parameters(*_FLAGS)
class WrongFlagTest(parameterized.TestCase):

  def assert_refused(self, name, call, *args):
    with self.assertRaisesRegex(TypeError, f'`{name}` is a flag.* set `eps`'):
      call(*args)

  def test_value_is_refused(self, factory, required, name):
    for value in (1, np.float32(1e-7), np.ones(2), jnp.array(1e-7)):
      kwargs = {**required, name: value}
      self.assert_refused(name, functools.partial(factory, **kwargs))

  def test_injected_value_or_schedule_is_refused(self, factory, required, name):
    for value in (1e-7, jnp.array(1e-7), lambda count: 1e-7):
      injected = optax.inject_hyperparams(factory)(**required, **{name: value})
      self.assert_refused(name, injected.init, jnp.ones(3))
      self.assert_refused(name, jax.jit(injected.init), jnp.ones(3))

  def test_traced_value_is_refused(self, factory, required, name):
    def in_jit(value):
      return factory(**required, **{name: value}).init(jnp.ones(3))

    self.assert_refused(name, jax.jit(in_jit), 1e-7)
    self.assert_refused(name, jax.vmap(in_jit), jnp.ones(2))

  def test_flag_is_taken(self, factory, required, name):
    for value in (True, False, np.True_, np.False_):
      kwargs = {**required, name: value}
      factory(**kwargs).init(jnp.ones(3))
      optax.inject_hyperparams(factory)(**kwargs).init(jnp.ones(3))


if __name__ == '__main__':
  absltest.main()
