import jax.numpy as jnp
import numpy as np

_OPTIMIZERS_UNDER_TEST = ...

if since('0.2.7'):

  _TF_STYLE = ('adam', 'adamw', 'amsgrad', 'nadam', 'nadamw')
  _OPTIMIZERS_UNDER_TEST += tuple(
      {'opt_name': opt, 'opt_kwargs': {'learning_rate': 0.01, 'tf_style': True}}
      for opt in _TF_STYLE
  )


class AliasTest:
  ...

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE, mu_dtype=(None, 'bfloat16'))
  def test_tf_style_is_epsilon_hat(self, opt_name, mu_dtype):
    params, grads = jnp.zeros(2), jnp.array([1e-7, -1e-8])

    def first_update(**kwargs):
      opt = getattr(alias, opt_name)(0.1, mu_dtype=mu_dtype, **kwargs)
      return opt.update(grads, opt.init(params), params)[0]

    c2 = 1 - 0.999  # At any one step, the two differ in the epsilons only.
    expected = first_update(eps=1e-7 / np.sqrt(c2), eps_root=1e-14 / c2)
    for flag in ('tf_style', 'epsilon_hat'):
      actual = first_update(eps=1e-7, eps_root=1e-14, **{flag: True})
      np.testing.assert_allclose(actual, expected, rtol=1e-4)

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE, flag=('epsilon_hat', 'tf_style'))
  def test_tf_style_is_a_flag(self, opt_name, flag):
    factory = getattr(alias, opt_name)
    self.assertIs(getattr(factory, 'func', factory).__kwdefaults__[flag], False)
    with self.assertRaisesRegex(TypeError, f'{flag}.*`eps`'):
      factory(0.1, **{flag: 0.0})
    injected = _inject.inject_hyperparams(factory)(0.1, **{flag: 1e-7})
    with self.assertRaisesRegex(TypeError, f'{flag}.*`eps`'):
      injected.init(jnp.ones(2))

  @since('0.2.7')
  @parameterized.product(opt_name=_TF_STYLE, leaves=(1, 300))
  def test_tf_style_adds_no_work(self, opt_name, leaves):
    counts, params = [], [jnp.ones(2)] * leaves
    for tf_style in (False, True):
      opt = getattr(alias, opt_name)(0.1, tf_style=tf_style)
      with jax.disable_jit():  # So that no equation hides in a call.
        jaxpr = jax.make_jaxpr(opt.update)(params, opt.init(params), params)
      counts.append(len(jaxpr.eqns))
    self.assertLessEqual(counts[1], counts[0] + 1)  # One square root.
