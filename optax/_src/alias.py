from optax._src import transform
from optax._src import utils


def adam(*, epsilon_hat: bool = False, tf_style: bool = False):
  r"""...

  With ``epsilon_hat=True`` or ``tf_style=True``, the update is the one used by
  TensorFlow and Keras, from just before Section 2.1 of [Kingma et al, 2014],

  .. math::
      u_t \leftarrow -\alpha_t \cdot \sqrt{1-\beta_2^t} \cdot \hat{m}_t /
        \left({\sqrt{v_t + \bar{\varepsilon}} + \varepsilon} \right).

  Its first update is up to 31.6 times smaller than the default's, with the
  default ``b2`` and gradients far below ``eps``. The difference vanishes with
  :math:`\beta_2^t`. A state can be resumed under either setting.

  Args:
    epsilon_hat: Whether to add ``eps`` before the second moment's bias
      correction, as TensorFlow and Keras do. Keras's default ``eps`` is 1e-7.
    tf_style: Alias for ``epsilon_hat``; raises with Nesterov momentum.
  """
  if since('0.2.0'):
    """...

    Examples:

      With gradients below ``eps``, the first updates differ most:

      >>> grads = jnp.array([1e-2, 1e-8])
      >>> for tf_style in (False, True):
      ...   solver = optax.adam(learning_rate=1.0, eps=1e-5, tf_style=tf_style)
      ...   updates, _ = solver.update(grads, solver.init(grads))
      ...   print(' '.join(f'{update:.1e}' for update in updates))
      -1.0e+00 -1.0e-03
      -9.7e-01 -3.2e-05

    .. warning::
      To use that formulation, pass ``tf_style=True``.
    """
  if since('0.1.9'):
    epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, tf_style, nesterov)
  else:
    epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, tf_style)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat),
      ...,
  )


if since('0.1.9'):
  nadam.__doc__ = """...

  Args:
    epsilon_hat: As in :func:`optax.adam`; matches no framework's Nadam.
    tf_style: Not supported, raises a ``ValueError``.
  """


def adamw(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: As in :func:`optax.adam`.
    tf_style: Alias for ``epsilon_hat``; raises with Nesterov momentum.
  """
  if since('0.1.9'):
    epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, tf_style, nesterov)
  else:
    epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, tf_style)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat),
      ...,
  )


if since('0.1.9'):
  nadamw.__doc__ = """...

  Args:
    epsilon_hat: As in :func:`optax.adam`; matches no framework's Nadam.
    tf_style: Not supported, raises a ``ValueError``.
  """


@since('0.2.7')
def amsgrad(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: As in :func:`optax.adam`. As in Keras, ``nu_max`` is then taken
      before the bias correction, so a state cannot be resumed under the other
      setting. Has no effect with ``bias_correction_nu=False``.
    tf_style: Alias for ``epsilon_hat``.
  """
  epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, tf_style)
  return combine.chain(
      transform.scale_by_amsgrad(..., epsilon_hat=epsilon_hat),
      ...,
  )
