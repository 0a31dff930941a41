class HelpersTest:
  ...

  def test_resolve_epsilon_hat(self):
    for on, off in ((True, False), (np.True_, np.False_)):
      self.assertTrue(utils.resolve_epsilon_hat(on, off))
      self.assertTrue(utils.resolve_epsilon_hat(off, on))
      self.assertFalse(utils.resolve_epsilon_hat(off, off, nesterov=True))
    for flag in (1e-7, 0.0, 1, 'true', None, np.array(True), jnp.array(True)):
      with self.assertRaisesRegex(TypeError, 'tf_style.*bool.*`eps`'):
        utils.resolve_epsilon_hat(False, flag)
