class HelpersTest:
  ...

  def test_resolve_epsilon_hat(self):
    for flags in ((True, False, True), (np.False_, True), (np.True_,)):
      self.assertTrue(utils.resolve_epsilon_hat(*flags))
    self.assertFalse(utils.resolve_epsilon_hat(False, False, True))
    for flag in (1e-7, 0.0, 1, 'true', None, np.array(True), jnp.array(True)):
      with self.assertRaisesRegex(TypeError, 'tf_style.*bool.*`eps`'):
        utils.resolve_epsilon_hat(False, flag)
