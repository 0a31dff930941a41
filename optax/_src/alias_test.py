import jax.numpy as jnp

_OPTIMIZERS_UNDER_TEST = ...

if since('0.2.7'):

  _EPSILON_HAT = ('adam', 'adamw', 'amsgrad', 'nadam', 'nadamw')
  _KWARGS = {'learning_rate': 1e-2, 'epsilon_hat': True}
  _OPTIMIZERS_UNDER_TEST += tuple(
      {'opt_name': name, 'opt_kwargs': _KWARGS} for name in _EPSILON_HAT
  )


class AliasTest:
  ...

  @since('0.2.7')
  @parameterized.product(
      opt_name=_EPSILON_HAT,
      learning_rate=(0.1, lambda count: 0.1 / (count + 1)),
      kwargs=({}, {'b1': 0.0}, {'mu_dtype': 'bfloat16'}),
  )
  def test_epsilon_hat_is_larger(self, opt_name, learning_rate, kwargs):
    params, grads = jnp.ones(2), jnp.array([1e-7, -1e-8])

    def first_update(**more):
      opt = getattr(alias, opt_name)(learning_rate, **kwargs, **more)
      return opt.update(grads, opt.init(params), params)[0]

    c2 = 1 - 0.999  # Each step only scales the epsilons.
    expected = first_update(eps=1e-7 / c2**0.5, eps_root=1e-14 / c2)
    for flag in ('epsilon_hat', 'tf_style')[: 1 + ('nadam' not in opt_name)]:
      actual = first_update(eps=1e-7, eps_root=1e-14, **{flag: True})
      test_utils.assert_trees_all_close(actual, expected, rtol=1e-4)

  @since('0.2.7')
  @parameterized.product(
      opt_name=_EPSILON_HAT, flag=('epsilon_hat', 'tf_style'), inject=(0, 1)
  )
  def test_epsilon_hat_is_a_bool(self, opt_name, flag, inject):
    factory = getattr(alias, opt_name)
    self.assertIs(getattr(factory, 'func', factory).__kwdefaults__[flag], False)
    factory = _inject.inject_hyperparams(factory) if inject else factory
    with self.assertRaisesRegex(TypeError, f'{flag}.*bool.*`eps`'):
      factory(0.1, **{flag: 0.0}).init(jnp.ones(2))

  @since('0.2.7')
  @parameterized.parameters('adam', 'adamw', 'nadam', 'nadamw')
  def test_tf_style_does_not_support_nesterov(self, opt_name):
    opt = _inject.inject_hyperparams(getattr(alias, opt_name))
    with self.assertRaisesRegex(ValueError, 'Nesterov.*`epsilon_hat=True`'):
      opt(0.1, nesterov=True, tf_style=True).init(jnp.ones(2))

  @since('0.2.7')
  @parameterized.product(opt_name=_EPSILON_HAT, leaves=(1, 300))
  def test_epsilon_hat_adds_one_equation(self, opt_name, leaves):
    counts, params = [], [jnp.ones(2)] * leaves
    for epsilon_hat in (False, True):
      opt = getattr(alias, opt_name)(0.1, epsilon_hat=epsilon_hat)
      with jax.disable_jit():  # So that no equation hides in a call.
        jaxpr = jax.make_jaxpr(opt.update)(params, opt.init(params), params)
      counts.append(len(jaxpr.eqns))
    self.assertEqual(counts[1], counts[0] + 1)  # The square root.
