class HelpersTest:
  ...

  def test_check_epsilon_hat(self):
    for flag in (True, False, np.True_):
      utils.check_epsilon_hat(epsilon_hat=flag, tf_style=flag)
    for number in (1e-7, 0.0, 1, None, np.float32(1), jnp.array(True)):
      with self.assertRaisesRegex(TypeError, 'tf_style.*`eps`'):
        utils.check_epsilon_hat(epsilon_hat=False, tf_style=number)
