from optax._src import transform
from optax._src import utils


def _resolve_epsilon_hat(
    epsilon_hat: bool, tf_style: bool, nesterov: bool = False
) -> bool:
  """Returns whether `epsilon_hat` or its alias `tf_style` is set."""
  utils.check_epsilon_hat(epsilon_hat)
  utils.check_epsilon_hat(tf_style, 'tf_style')
  if tf_style and nesterov:
    raise ValueError(
        '`tf_style` does not support Nesterov momentum, since the Nadam of'
        ' Keras follows Algorithm 1. Use `epsilon_hat=True` to select this'
        ' formulation anyway.'
    )
  return epsilon_hat or tf_style


def adam(*, epsilon_hat: bool = False, tf_style: bool = False):
  r"""...

  With ``epsilon_hat=True`` or ``tf_style=True``, the optimizer follows the
  formulation just before Section 2.1 of [Kingma et al, 2014], as TensorFlow and
  Keras do. It adds :math:`\varepsilon`, which the paper then calls
  :math:`\hat{\varepsilon}`, before the second moment's bias correction:

  .. math::
      u_t \leftarrow -\alpha_t \cdot \sqrt{1-\beta_2^t} \cdot \hat{m}_t /
        \left({\sqrt{v_t + \bar{\varepsilon}} + \varepsilon} \right).

  With the same ``eps``, its first update is smaller, by up to a factor of
  :math:`1/\sqrt{1-\beta_2}` (31.6 with the default ``b2``) for gradients much
  smaller than ``eps``. The difference vanishes with :math:`\beta_2^t`. You can
  resume a state with or without the flag.

  Args:
    epsilon_hat: Whether to add ``eps`` before the second moment's bias
      correction, as TensorFlow and Keras do. Keras's default ``eps`` is 1e-7.
    tf_style: Alias for ``epsilon_hat``. Raises a ``ValueError`` with Nesterov
      momentum.

  Examples:

    With gradients smaller than ``eps``, the first updates differ most:

    >>> grads = jnp.array([1e-2, 1e-8])
    >>> for tf_style in (False, True):
    ...   solver = optax.adam(learning_rate=1.0, eps=1e-5, tf_style=tf_style)
    ...   updates, _ = solver.update(grads, solver.init(grads))
    ...   print(' '.join(f'{update:.1e}' for update in updates))
    -1.0e+00 -1.0e-03
    -9.7e-01 -3.2e-05

  .. warning::
    Pass ``tf_style=True`` to select TensorFlow's formulation.
  """
  epsilon_hat = _resolve_epsilon_hat(epsilon_hat, tf_style, nesterov)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat),
      ...,
  )


nadam.__doc__ = """...

  Args:
    epsilon_hat: See :func:`optax.adam`. Matches no framework's Nadam.
    tf_style: Not supported, raises a ``ValueError``.
"""


def adamw(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: Whether to add ``eps`` before the second moment's bias
      correction, see :func:`optax.adam`.
    tf_style: Alias for ``epsilon_hat``. Raises a ``ValueError`` with Nesterov
      momentum.
  """
  epsilon_hat = _resolve_epsilon_hat(epsilon_hat, tf_style, nesterov)
  return combine.chain(
      transform.scale_by_adam(..., epsilon_hat=epsilon_hat),
      ...,
  )


nadamw.__doc__ = """...

  Args:
    epsilon_hat: See :func:`optax.adam`. Matches no framework's Nadam.
    tf_style: Not supported, raises a ``ValueError``.
"""


@since('0.2.7')
def amsgrad(*, epsilon_hat: bool = False, tf_style: bool = False):
  """...

  Args:
    epsilon_hat: Whether to take the maximum and add ``eps`` before the second
      moment's bias correction, as Keras does; see :func:`optax.adam`. This
      changes the meaning of ``nu_max``, so a state cannot be resumed under the
      other setting. Has no effect with ``bias_correction_nu=False``.
    tf_style: Alias for ``epsilon_hat``.
  """
  epsilon_hat = _resolve_epsilon_hat(epsilon_hat, tf_style)
  return combine.chain(
      transform.scale_by_amsgrad(..., epsilon_hat=epsilon_hat),
      ...,
  )
