class HelpersTest:
  ...

  @parameterized.parameters([True, False, np.True_, np.False_])
  def test_check_epsilon_hat_accepts_bools(self, value):
    utils.check_epsilon_hat(value)

  @parameterized.named_parameters([
      ('float', 1e-7),
      ('int', 0),
      ('numpy_scalar', np.float32(1e-7)),
      ('numpy_array', np.array(True)),
      ('jax_array', jnp.array(True)),
  ])
  def test_check_epsilon_hat_refers_numbers_to_eps(self, value):
    with self.assertRaisesRegex(TypeError, 'tf_style.*goes in `eps`'):
      utils.check_epsilon_hat(value, 'tf_style')

  @parameterized.parameters(['True', None])
  def test_check_epsilon_hat_refuses_other_values(self, value):
    with self.assertRaisesRegex(TypeError, "epsilon_hat.*got ('True'|None).$"):
      utils.check_epsilon_hat(value)
