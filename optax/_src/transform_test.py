import jax
import jax.numpy as jnp
import numpy as np
from optax._src import update

LR = ...

# The first gradients are the largest, so that the maximum of AMSGrad matters.
_GRADS = np.array([[1.0, -0.5, 0.1], [0.1, 0.2, -0.3], [-0.3, 0.0, 0.01]])


def _adam_updates(
    grads,
    eps,
    b1=0.9,
    b2=0.999,
    eps_root=0.0,
    nesterov=False,
    epsilon_hat=False,
):
  """Returns the updates of Adam, as in Kingma and Ba (2014)."""
  m, v = 0.0, 0.0
  updates = []
  for t, g in enumerate(grads, start=1):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    m_hat = m / (1 - b1**t)
    if nesterov:
      m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
    if epsilon_hat:
      # The formulation just before Section 2.1.
      update = np.sqrt(1 - b2**t) * m_hat / (np.sqrt(v + eps_root) + eps)
    else:
      update = m_hat / (np.sqrt(v / (1 - b2**t) + eps_root) + eps)
    updates.append(update)
  return updates


def _amsgrad_updates(
    grads,
    eps,
    b1=0.9,
    b2=0.999,
    eps_root=0.0,
    bias_correction_mu=True,
    bias_correction_nu=True,
    epsilon_hat=False,
):
  """Returns the updates of AMSGrad, with either epsilon of Adam."""
  m, v, v_max = 0.0, 0.0, 0.0
  updates = []
  for t, g in enumerate(grads, start=1):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    c1 = 1 - b1**t if bias_correction_mu else 1.0
    c2 = 1 - b2**t if bias_correction_nu else 1.0
    if epsilon_hat:
      v_max = np.maximum(v_max, v)
      update = np.sqrt(c2) * m / c1 / (np.sqrt(v_max + eps_root) + eps)
    else:
      v_max = np.maximum(v_max, v / c2)
      update = m / c1 / (np.sqrt(v_max + eps_root) + eps)
    updates.append(update)
  return updates


class TransformTest:
  ...

  @parameterized.named_parameters([
      ('default', {}),
      ('nesterov', {'nesterov': True}),
      ('epsilon_hat', {'epsilon_hat': True}),
      ('epsilon_hat_b1', {'epsilon_hat': True, 'b1': 0.0}),
      ('epsilon_hat_b2', {'epsilon_hat': True, 'b2': 0.5}),
      ('epsilon_hat_eps_root', {'epsilon_hat': True, 'eps_root': 0.01}),
      ('epsilon_hat_nesterov', {'epsilon_hat': True, 'nesterov': True}),
  ])
  def test_adam_with_epsilon_hat(self, kwargs):
    scaler = transform.scale_by_adam(eps=0.1, **kwargs)
    state = scaler.init(jnp.zeros(3))
    for grads, expected in zip(_GRADS, _adam_updates(_GRADS, 0.1, **kwargs)):
      updates, state = scaler.update(jnp.array(grads), state)
      np.testing.assert_allclose(updates, expected, rtol=1e-4)

  @since('0.2.7')
  @parameterized.named_parameters([
      ('default', {}),
      ('no_bias_correction_nu', {'bias_correction_nu': False}),
      ('epsilon_hat', {'epsilon_hat': True}),
      ('epsilon_hat_b1', {'epsilon_hat': True, 'b1': 0.0}),
      ('epsilon_hat_b2', {'epsilon_hat': True, 'b2': 0.5}),
      ('epsilon_hat_eps_root', {'epsilon_hat': True, 'eps_root': 0.01}),
      (
          'epsilon_hat_no_bias_correction_mu',
          {'epsilon_hat': True, 'bias_correction_mu': False},
      ),
      (
          'epsilon_hat_no_bias_correction_nu',
          {'epsilon_hat': True, 'bias_correction_nu': False},
      ),
  ])
  def test_amsgrad_with_epsilon_hat(self, kwargs):
    scaler = transform.scale_by_amsgrad(eps=0.1, **kwargs)
    state = scaler.init(jnp.zeros(3))
    for grads, expected in zip(_GRADS, _amsgrad_updates(_GRADS, 0.1, **kwargs)):
      updates, state = scaler.update(jnp.array(grads), state)
      np.testing.assert_allclose(updates, expected, rtol=1e-4)

  def test_adam_state_does_not_depend_on_epsilon_hat(self):
    grads = {'w': jnp.array([1.0, 0.5]), 'b': jnp.array(0.1)}
    default = transform.scale_by_adam()
    epsilon_hat = transform.scale_by_adam(epsilon_hat=True)
    _, expected = default.update(grads, default.init(grads))
    _, actual = epsilon_hat.update(grads, epsilon_hat.init(grads))
    jax.tree.map(np.testing.assert_array_equal, actual, expected)

  @since('0.2.7')
  @parameterized.product(
      scaler=(transform.scale_by_adam, transform.scale_by_amsgrad),
      dtype=('float16', 'bfloat16', 'float32', 'complex64'),
  )
  def test_epsilon_hat_preserves_dtype(self, scaler, dtype):
    opt = scaler(epsilon_hat=True)
    grads = jnp.ones(2, dtype)
    updates, _ = jax.jit(opt.update)(grads, opt.init(grads))
    self.assertEqual(updates.dtype, grads.dtype)

  @since('0.2.7')
  @parameterized.parameters(transform.scale_by_adam, transform.scale_by_amsgrad)
  def test_epsilon_hat_must_be_a_bool(self, scaler):
    with self.assertRaisesRegex(TypeError, 'epsilon_hat.*goes in `eps`'):
      scaler(epsilon_hat=1e-7)
