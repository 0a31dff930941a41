import jax.numpy as jnp
import numpy as np
from optax._src import update
from optax._src import utils


def _reference(grads, name, b1=0.9, b2=0.999, *, eps, eps_root, **kwargs):
  """Yields the updates of Adam or AMSGrad, in float64."""
  m = v = v_max = 0.0
  for t, g in enumerate(grads, start=1):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    c1 = 1 - b1**t if kwargs.get('bias_correction_mu', True) else 1.0
    c2 = 1 - b2**t if kwargs.get('bias_correction_nu', True) else 1.0
    m_hat = m / c1
    if kwargs.get('nesterov'):
      m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / c1
    factor, root = (np.sqrt(c2), v) if 'epsilon_hat' in kwargs else (1, v / c2)
    v_max = np.maximum(v_max, root) if name == 'amsgrad' else root
    yield factor * m_hat / (np.sqrt(v_max + eps_root) + eps)


class TransformTest:
  ...

  @since('0.2.7')
  @parameterized.product(
      variant=(
          *((name, x) for name in ('adam', 'amsgrad') for x in ({}, {'b1': 0})),
          *(('adam', x) for x in ({'b2': 0}, {'nesterov': True})),
          *(('amsgrad', {f'bias_correction_{x}': False}) for x in ('mu', 'nu')),
      ),
      flag=({}, {'epsilon_hat': True}),
      eps_root=(0.0, 0.01),
      mu_dtype=(None, 'bfloat16'),
  )
  def test_adam_formulations(self, variant, flag, eps_root, mu_dtype):
    name, kwargs = variant
    kwargs = dict(kwargs, eps=0.1, eps_root=eps_root, mu_dtype=mu_dtype, **flag)
    scaler = getattr(transform, f'scale_by_{name}')(**kwargs)
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
  def test_epsilon_hat_is_the_default_without_epsilon(self, scaler):
    params, grads = [jnp.ones(2), 1.0], [jnp.ones(2, 'bfloat16'), 1.0]
    updates = []
    for flag in ({}, {'epsilon_hat': True}):
      opt = scaler(eps=0.0, mu_dtype='bfloat16', **flag)
      updates.append(opt.update(grads, opt.init(params))[0])
    test_utils.assert_trees_all_close(*updates, rtol=1e-6)
    self.assertEqual(*([u.aval for u in update] for update in updates))
    self.assertIs(scaler.__kwdefaults__['epsilon_hat'], False)
    with self.assertRaisesRegex(TypeError, 'epsilon_hat.*`eps`'):
      scaler(epsilon_hat=1e-7)
