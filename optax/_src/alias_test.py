import numpy as np

_OPTIMIZERS_UNDER_TEST = (...,)

if since('0.2.7'):

  _TF_STYLE = ('adam', 'adamw', 'amsgrad', 'nadam', 'nadamw')

  _OPTIMIZERS_UNDER_TEST += tuple(
      {'opt_name': name, 'opt_kwargs': {'learning_rate': 0.1, 'tf_style': True}}
      for name in _TF_STYLE
  )


class AliasTest:
  ...

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE)
  def test_tf_style_is_epsilon_hat(self, opt_name):
    params, grads = jnp.zeros(2), jnp.array([1e-7, -1e-8])

    def first_update(**flags):
      opt = getattr(alias, opt_name)(0.1, eps=1e-7, **flags)
      return opt.update(grads, opt.init(params), params)[0]

    eps_at_first = 1e-7 / np.sqrt(1 - 0.999)  # Next to abs(grads).
    factor = (np.abs(grads) + 1e-7) / (np.abs(grads) + eps_at_first)
    for flags in ({'tf_style': True}, {'epsilon_hat': True}):
      expected = factor * first_update()
      np.testing.assert_allclose(first_update(**flags), expected, rtol=1e-4)

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE, flag=('epsilon_hat', 'tf_style'))
  def test_tf_style_is_a_flag(self, opt_name, flag):
    factory = getattr(alias, opt_name)
    definition = getattr(factory, 'func', factory)  # Of a partial, as nadam.
    self.assertIs(definition.__kwdefaults__[flag], False)
    with self.assertRaisesRegex(TypeError, f'{flag}.*`eps`'):
      factory(0.1, **{flag: 1e-7})
    injected = _inject.inject_hyperparams(factory)(0.1, **{flag: 1e-7})
    with self.assertRaisesRegex(TypeError, f'{flag}.*`eps`'):
      injected.init(jnp.ones(2))

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE, leaves=(1, 300))
  def test_tf_style_adds_no_work(self, opt_name, leaves):
    counts, params = [], [jnp.ones(2)] * leaves
    for tf_style in (False, True):
      opt = getattr(alias, opt_name)(0.1, tf_style=tf_style)
      jaxpr = jax.make_jaxpr(opt.update)(params, opt.init(params), params)
      counts.append(str(jaxpr).count(' = '))
    self.assertLessEqual(counts[1], counts[0] + 2)
