import jax.numpy as jnp
import numpy as np
from optax._src import update
from optax._src import utils


def _reference(
    grads, name, b1=0.9, b2=0.999, *, eps, eps_root, epsilon_hat=False, **kwargs
):
  """Yields the updates of Adam or AMSGrad, in float64."""
  m = v = v_max = 0.0
  for t, g in enumerate(grads, start=1):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    c1 = 1 - b1**t if kwargs.get('bias_correction_mu', True) else 1.0
    c2 = 1 - b2**t if kwargs.get('bias_correction_nu', True) else 1.0
    m_hat = m / c1
    if kwargs.get('nesterov'):
      m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / c1
    factor, root = (np.sqrt(c2), v) if epsilon_hat else (1.0, v / c2)
    v_max = np.maximum(v_max, root) if name == 'amsgrad' else root
    yield factor * m_hat / (np.sqrt(v_max + eps_root) + eps)


class TransformTest:
  ...

  @since('0.2.7')
  @parameterized.product(
      variant=(
          ('adam', {}),
          ('adam', {'b1': 0.0}),
          ('adam', {'b2': 0}),
          ('adam', {'nesterov': True}),
          ('amsgrad', {}),
          ('amsgrad', {'b1': 0.0}),
          ('amsgrad', {'bias_correction_mu': False}),
          ('amsgrad', {'bias_correction_nu': False}),
      ),
      epsilon_hat=({}, {'epsilon_hat': True}),
      eps_root=(0.0, 0.01),
      mu_dtype=(None, 'bfloat16'),
  )
  def test_adam_formulations(self, variant, epsilon_hat, eps_root, mu_dtype):
    name, kwargs = variant
    kwargs = dict(kwargs, eps=0.1, eps_root=eps_root, **epsilon_hat)
    scaler = getattr(transform, f'scale_by_{name}')(mu_dtype=mu_dtype, **kwargs)
    # Constant signs keep the rounding errors of low precision small.
    grads = np.outer([1.0, 0.5, 0.25, 2.0], [1.0, -0.125, 0.03125])
    dtypes = ('float16', 'bfloat16', 'float32', 'float64')
    with utils.x64_precision():
      state = scaler.init({dtype: jnp.zeros(3, dtype) for dtype in dtypes})
      for g, expected in zip(grads, _reference(grads, name, **kwargs)):
        inputs = {dtype: jnp.array(g, dtype) for dtype in dtypes}
        updates, state = scaler.update(inputs, state)
        for dtype, actual in updates.items():
          used = (dtype, mu_dtype or dtype)
          self.assertEqual(actual.dtype, jnp.result_type(*used))
          rtol = 4 * float(max(jnp.finfo(dtype).eps for dtype in used))
          np.testing.assert_allclose(actual.astype(float), expected, rtol=rtol)

  @since('0.2.7')
  @parameterized.parameters(transform.scale_by_adam, transform.scale_by_amsgrad)
  def test_epsilon_hat_without_epsilon(self, scaler):
    """With ``eps=0``, the settings agree, weak types included."""
    params, grads = [jnp.ones(2), 1.0], [jnp.ones(2, 'bfloat16'), 1.0]
    updates = []
    for epsilon_hat in (False, True):
      opt = scaler(eps=0.0, mu_dtype='bfloat16', epsilon_hat=epsilon_hat)
      updates.append(opt.update(grads, opt.init(params))[0])
    test_utils.assert_trees_all_close(*updates, rtol=1e-6)
    self.assertEqual(*([u.aval for u in update] for update in updates))
    with self.assertRaisesRegex(TypeError, 'epsilon_hat.*`eps`'):
      scaler(epsilon_hat=1e-7)
    self.assertIs(scaler.__kwdefaults__['epsilon_hat'], False)
