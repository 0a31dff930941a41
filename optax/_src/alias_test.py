import jax.numpy as jnp
import numpy as np


class AliasTest:
  ...

  @since('0.2.7')
  @parameterized.parameters('adam', 'adamw', 'amsgrad', 'nadam', 'nadamw')
  def test_epsilon_hat_is_a_larger_epsilon(self, opt_name):
    params, grads = jnp.ones(2), jnp.array([1e-3, -1e-4])

    def first_update(**kwargs):
      opt = getattr(alias, opt_name)(0.1, **kwargs)
      updates, _ = opt.update(grads, opt.init(params), params)
      return updates

    actual = first_update(eps=1e-3, eps_root=1e-6, epsilon_hat=True)
    # The first second moment, (1 - b2) * grads**2, is not corrected.
    c2 = 1 - 0.999
    expected = first_update(eps=1e-3 / np.sqrt(c2), eps_root=1e-6 / c2)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)

  @since('0.2.7')
  @parameterized.parameters('adam', 'adamw', 'amsgrad')
  def test_tf_style_is_epsilon_hat(self, opt_name):
    params, grads = jnp.ones(2), jnp.array([1e-3, -1e-4])
    expected_opt = getattr(alias, opt_name)(0.1, eps=1e-3, epsilon_hat=True)
    opt = getattr(alias, opt_name)(0.1, eps=1e-3, tf_style=True)
    expected, _ = expected_opt.update(grads, expected_opt.init(params), params)
    actual, _ = opt.update(grads, opt.init(params), params)
    np.testing.assert_array_equal(actual, expected)

  @parameterized.parameters('adam', 'adamw', 'nadam', 'nadamw')
  def test_tf_style_does_not_support_nesterov(self, opt_name):
    with self.assertRaisesRegex(ValueError, 'Nesterov.*`epsilon_hat=True`'):
      getattr(alias, opt_name)(0.1, nesterov=True, tf_style=True)

  @since('0.2.7')
  @parameterized.product(
      opt_name=('adam', 'adamw', 'amsgrad', 'nadam', 'nadamw'),
      flag=('epsilon_hat', 'tf_style'),
  )
  def test_epsilon_hat_must_be_a_bool(self, opt_name, flag):
    opt_factory = getattr(alias, opt_name)
    with self.assertRaisesRegex(TypeError, f'{flag}.*goes in `eps`'):
      opt_factory(0.1, **{flag: 1e-7})
    with self.assertRaisesRegex(TypeError, f'{flag}.*goes in `eps`'):
      opt = _inject.inject_hyperparams(opt_factory)(0.1, **{flag: 1e-7})
      opt.init(jnp.ones(2))
