"""How far rounding may take Adam from its formulas, to first order.

The formulas are followed on one array in float64, together with a bound on the
error of arithmetic with machine epsilon `ulp`: each operation, and each
constant, that is rounded adds half an `ulp` of the terms that it handles. The
power `b**t` needs more care, since a rounded `b` counts `t` times and the
subtraction in `1 - b**t` magnifies what is left. Where epsilon is added plays
no part, so one bound serves both formulations. Underflow is not covered.
"""

from typing import NamedTuple

import numpy as np

from tests.numerics import reference

_NEGLECTED = 1.01  # Products of small errors.


class Errors(NamedTuple):
  """The moving average of |g|, and bounds on the errors of the moments."""

  size: np.ndarray
  mu: np.ndarray
  nu: np.ndarray
  nu_max: np.ndarray


def init(array) -> Errors:
  zeros = np.zeros(np.shape(array), np.float64)
  return Errors(zeros, zeros, zeros, zeros)


def of_correction(decay, count, ulp, exact_decay=False):
  """Bounds the relative error of `1 - decay**count`."""
  power = decay**count
  # Two units for the power itself, half of one for the subtraction.
  units = 2 if exact_decay else 2 + count / 2
  return ulp * (units * power / (1 - power) + 0.5)


def of_direction(
    g, state, size, mu_error, root_error, ulp, exact_decay=False, **hyperparams
):
  """Bounds the error of the direction that belongs to the moments in `state`.

  Args:
    g: the gradient of this step, of which Nesterov's m_hat takes a part.
    state: a `reference.State`, after the step.
    size: what the first moment would be if no terms cancelled.
    mu_error: the first moment's error.
    root_error: the relative error of what stands under the root, except that of
      its bias correction.
    ulp: the machine epsilon.
    exact_decay: whether the decay rates are numbers of that precision.
    **hyperparams: those of `reference.update`.

  Returns:
    The direction and the bound on its error.
  """
  of_mean, of_gain = reference.split(hyperparams)
  b1, b2 = hyperparams.get('b1', 0.9), hyperparams.get('b2', 0.999)
  c1_error = of_correction(b1, state.count, ulp, exact_decay)
  c2_error = of_correction(b2, state.count, ulp, exact_decay)

  def mean(g, mu):
    return reference.corrected_mean(g, mu, state.count, **of_mean)

  # Dividing by c1 and, for Nesterov, weighting and adding: five roundings.
  m_hat_error = mean(0.0, mu_error)
  m_hat_error += mean(np.abs(g), size) * (c1_error + 2.5 * ulp)
  factor, _ = reference.gain(state.nu, state.nu_max, state.count, **of_gain)
  u = factor * mean(g, state.mu)
  # Two constants, their two sums, two roots, a product and a division: eight.
  rest = 4 * ulp + (root_error + c2_error) / 2
  return u, _NEGLECTED * (factor * m_hat_error + np.abs(u) * rest)


def _ratio(error, value):
  return np.divide(error, value, out=np.zeros_like(value), where=value != 0)


def update(g, state, errors, ulp, **hyperparams):
  """Returns the direction, the bound on its error, and both next states."""
  b1, b2 = hyperparams.get('b1', 0.9), hyperparams.get('b2', 0.999)
  g = np.asarray(g, np.float64)
  _, state = reference.update(g, state, **hyperparams)
  size = b1 * errors.size + (1 - b1) * np.abs(g)
  # Two constants, two products, one sum; and one square for the second moment.
  mu_error = b1 * errors.mu + 2.5 * ulp * size
  nu_error = b2 * errors.nu + 3 * ulp * state.nu
  root_error = _ratio(nu_error, state.nu)
  nu_max_error = errors.nu_max
  if hyperparams.get('amsgrad', False):
    c2_error = of_correction(b2, state.count, ulp)
    nu_max_error = np.maximum(
        errors.nu_max, (root_error + c2_error + ulp) * state.nu_max
    )
    root_error = _ratio(nu_max_error, state.nu_max)
  u, u_error = of_direction(
      g, state, size, mu_error, root_error, ulp, **hyperparams
  )
  return u, u_error, state, Errors(size, mu_error, nu_error, nu_max_error)


def trajectory(params, grads, learning_rate, ulp, **hyperparams):
  """Returns one array's final value and the bound on its error."""
  p = np.asarray(params, np.float64)
  p_error = np.zeros_like(p)
  state, errors = reference.init(p), init(p)
  for step, g in enumerate(grads):
    rate = learning_rate(step) if callable(learning_rate) else learning_rate
    u, u_error, state, errors = update(g, state, errors, ulp, **hyperparams)
    p = p - rate * u
    # The rate is rounded, the product too, and then the sum.
    p_error += rate * (u_error + ulp * np.abs(u)) + ulp / 2 * np.abs(p)
  return p, p_error
