"""Tests that hyperparameters are injected, and that the flag is not one."""

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


class InjectHyperparamsTest(following.Float64TestCase):

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_schedules_of_all_hyperparameters(self, factory, formula):
    schedules = {
        'b1': lambda step: 0.9 - 0.02 * step,
        'b2': lambda step: 0.99 + 0.0005 * step,
        'eps': lambda step: problems.EPS * 0.7**step,
        'learning_rate': lambda step: following.RATE / (1 + step),
    }
    params = problems.params()
    grads = problems.gradients(params, steps=12)
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
    self.assertNotIn('epsilon_hat', state.hyperparams)
    self.assertNotIn('tf_style', state.hyperparams)

  def test_schedules_of_the_transformation(self):
    params = problems.params()
    grads = problems.gradients(params, steps=6)

    def eps(step):
      return problems.EPS * (1 + step)

    opt = optax.inject_hyperparams(optax.scale_by_adam)(
        eps=eps, epsilon_hat=True
    )
    state, got = opt.init(params), []
    for g in grads:
      updates, state = opt.update(g, state, params)
      got.append(updates)
    self.assert_follows(
        got,
        lambda hat: reference.directions(grads, eps=eps, epsilon_hat=hat),
        following.tolerance(6, rate=1.0),
    )

  def test_flag_is_static_and_eps_is_not(self):
    params = problems.params()
    grads = problems.gradients(params, steps=8)
    opt = optax.inject_hyperparams(optax.adam)(
        following.RATE, eps=1.0, tf_style=True
    )
    step = jax.jit(chex.assert_max_traces(following.apply(opt), n=1))
    current, state, got = params, opt.init(params), []
    current = jax.tree.map(jnp.asarray, current)
    for count, g in enumerate(grads):
      state.hyperparams['eps'] = jnp.asarray(problems.EPS * (1 + count))
      current, state = step(current, state, g)
      got.append(current)
    self.assert_follows(
        got,
        lambda hat: following.expected(
            params,
            grads,
            {},
            hat,
            eps=lambda count: problems.EPS * (1 + count),
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
_NOT_FLAGS = {
    'float': lambda: 1e-7,
    'zero': lambda: 0.0,
    'int': lambda: 1,
    'numpy_scalar': lambda: np.float32(1e-7),
    'numpy_array': lambda: np.array(1e-7),
    'numpy_vector': lambda: np.array([1e-7, 1e-7]),
    'jax_array': lambda: jnp.array(1e-7),
}


class WrongFlagTest(parameterized.TestCase):

  def assert_refused(self, name, call):
    with self.assertRaisesRegex(TypeError, f'`{name}`.* goes in `eps`'):
      call()

  @parameterized.product(flag=_FLAGS, value=tuple(_NOT_FLAGS))
  def test_value_is_refused(self, flag, value):
    factory, required, name = flag
    kwargs = {**required, name: _NOT_FLAGS[value]()}
    params = jnp.ones(3)
    self.assert_refused(name, lambda: factory(**kwargs))
    injected = optax.inject_hyperparams(factory)(**kwargs)
    self.assert_refused(name, lambda: injected.init(params))

    def in_jit(params):
      return optax.inject_hyperparams(factory)(**kwargs).init(params)

    self.assert_refused(name, lambda: jax.jit(in_jit)(params))

  @parameterized.parameters(*_FLAGS)
  def test_traced_value_is_refused(self, factory, required, name):
    def in_jit(value):
      return factory(**required, **{name: value}).init(jnp.ones(3))

    self.assert_refused(name, lambda: jax.jit(in_jit)(1e-7))
    self.assert_refused(name, lambda: jax.vmap(in_jit)(jnp.ones(2)))

  @parameterized.parameters(*_FLAGS)
  def test_schedule_is_refused(self, factory, required, name):
    opt = optax.inject_hyperparams(factory)(
        **required, **{name: lambda count: 1e-7}
    )
    self.assert_refused(name, lambda: opt.init(jnp.ones(3)))

  @parameterized.parameters(*_FLAGS)
  def test_flag_is_taken(self, factory, required, name):
    for value in (True, False, np.True_, np.False_):
      kwargs = {**required, name: value}
      factory(**kwargs).init(jnp.ones(3))
      optax.inject_hyperparams(factory)(**kwargs).init(jnp.ones(3))


if __name__ == '__main__':
  absltest.main()
