from optax._src import transform
from optax._src import utils


def adam(*, epsilon_hat: bool = False, tf_style: bool = False):
  r"""...

  With ``epsilon_hat=True`` the update is that of TensorFlow and Keras, given
  just before Section 2.1 of [Kingma et al, 2014],

  .. math::
      u_t \leftarrow -\alpha_t \cdot \sqrt{1-\beta_2^t} \cdot \hat{m}_t /
        \left({\sqrt{v_t + \bar{\varepsilon}} + \varepsilon} \right).

  With the same arguments its steps are smaller, the first ones up to
  :math:`1 / \sqrt{1-\beta_2}` times (31.6 by default), until
  :math:`\beta_2^t` vanishes. Either can be resumed from a state of the other.

  Args:
    epsilon_hat: Whether ``eps`` is the epsilon hat of TensorFlow and Keras
      rather than the epsilon of Algorithm 1. A flag; its value goes in ``eps``.
    tf_style: A second name for ``epsilon_hat``; either switches it on.
  """
  if since('0.2.0'):
    """...

    Examples:
      >>> grads = jnp.array([1e-2, 1e-8])
      >>> for tf_style in (False, True):
      ...   solver = optax.adam(learning_rate=1.0, eps=1e-5, tf_style=tf_style)
      ...   updates, _ = solver.update(grads, solver.init(grads))
      ...   print(' '.join(f'{update:.1e}' for update in updates))
      -1.0e+00 -1.0e-03
      -9.7e-01 -3.2e-05

    .. warning::
      With ``epsilon_hat=True`` optax follows that formulation too.
    """
  utils.check_epsilon_hat(epsilon_hat=epsilon_hat, tf_style=tf_style)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat or tf_style),
      ...,
  )


if since('0.1.9'):
  nadam.__doc__ = """...

  Args:
    epsilon_hat: As in :func:`optax.adam`. TensorFlow's Adam kernel has it with
      ``use_nesterov``; Keras's Nadam follows Algorithm 1, the default here.
    tf_style: A second name for ``epsilon_hat``; either switches it on.
  """


def adamw(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: As in :func:`optax.adam`.
    tf_style: A second name for ``epsilon_hat``; either switches it on.
  """
  utils.check_epsilon_hat(epsilon_hat=epsilon_hat, tf_style=tf_style)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat or tf_style),
      ...,
  )


if since('0.1.9'):
  nadamw.__doc__ = """...

  Args:
    epsilon_hat: As in :func:`optax.adam`. TensorFlow's Adam kernel has it with
      ``use_nesterov``; Keras's Nadam follows Algorithm 1, the default here.
    tf_style: A second name for ``epsilon_hat``; either switches it on.
  """


@since('0.2.7')
def amsgrad(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: As in :func:`optax.adam`. As in Keras, ``nu_max`` is then the
      maximum of the uncorrected second moment, so that a state cannot be
      resumed in the other setting. No effect without ``bias_correction_nu``.
    tf_style: A second name for ``epsilon_hat``; either switches it on.
  """
  utils.check_epsilon_hat(epsilon_hat=epsilon_hat, tf_style=tf_style)
  return combine.chain(
      transform.scale_by_amsgrad(..., epsilon_hat=epsilon_hat or tf_style),
      ...,
  )
