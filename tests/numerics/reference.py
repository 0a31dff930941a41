"""Adam and AMSGrad after the formulas, in NumPy and float64.

Written from the paper's formulas; shares nothing with optax but the convention
that the first step has count 1.
"""

from typing import Any, NamedTuple

import jax
import numpy as np


class State(NamedTuple):
  """The step count, the two moments and, for AMSGrad, the running maximum."""

  count: int
  mu: Any
  nu: Any
  nu_max: Any


def init(params) -> State:
  zeros = jax.tree.map(lambda p: np.zeros(np.shape(p), np.float64), params)
  return State(0, zeros, zeros, zeros)


def moments(g, mu, nu, *, b1=0.9, b2=0.999):
  g = np.asarray(g, np.float64)
  return b1 * mu + (1 - b1) * g, b2 * nu + (1 - b2) * g**2


def corrected_mean(
    g, mu, count, *, b1=0.9, nesterov=False, bias_correction_mu=True
):
  """The first moment's estimate, m_hat."""
  if nesterov:
    return b1 * mu / (1 - b1 ** (count + 1)) + (1 - b1) * g / (1 - b1**count)
  return mu / (1 - b1**count) if bias_correction_mu else mu


def gain(
    nu,
    nu_max,
    count,
    *,
    b2=0.999,
    eps=1e-8,
    eps_root=0.0,
    amsgrad=False,
    bias_correction_nu=True,
    epsilon_hat=False,
):
  """What m_hat is multiplied by, and what stands under the root."""
  c2 = 1 - b2**count if bias_correction_nu else 1.0
  under_root = nu if epsilon_hat else nu / c2
  if amsgrad:
    under_root = np.maximum(nu_max, under_root)
  scale = np.sqrt(c2) if epsilon_hat else 1.0
  with np.errstate(divide='ignore', invalid='ignore'):
    return scale / (np.sqrt(under_root + eps_root) + eps), under_root


def split(hyperparams):
  """Divides hyperparameters into those of the mean and those of the gain."""
  of_mean = ('b1', 'nesterov', 'bias_correction_mu')
  mean = {k: v for k, v in hyperparams.items() if k in of_mean}
  return mean, {k: v for k, v in hyperparams.items() if k not in of_mean}


def update(grads, state: State, **hyperparams):
  """Returns the direction u and the next state; u is not scaled by a rate."""
  of_mean, of_gain = split(hyperparams)
  decays = {k: v for k, v in hyperparams.items() if k in ('b1', 'b2')}
  count = state.count + 1

  def leaf(g, mu, nu, nu_max):
    g = np.asarray(g, np.float64)
    mu, nu = moments(g, mu, nu, **decays)
    factor, nu_max = gain(nu, nu_max, count, **of_gain)
    with np.errstate(invalid='ignore'):
      u = factor * corrected_mean(g, mu, count, **of_mean)
    return u, mu, nu, nu_max

  out = jax.tree.map(leaf, grads, state.mu, state.nu, state.nu_max)
  u, mu, nu, nu_max = (
      jax.tree.map(lambda _, o, i=i: o[i], grads, out) for i in range(4)
  )
  return u, State(count, mu, nu, nu_max)


def at_step(hyperparams, step):
  """Evaluates those hyperparameters that are schedules, counted from 0."""
  return {k: v(step) if callable(v) else v for k, v in hyperparams.items()}


def directions(grads, **hyperparams):
  """Returns the direction at each step for a sequence of gradients."""
  state, out = init(grads[0]), []
  for step, g in enumerate(grads):
    u, state = update(g, state, **at_step(hyperparams, step))
    out.append(u)
  return out


def descend(params, direction, learning_rate, weight_decay=0.0):
  return jax.tree.map(
      lambda p, u: p - learning_rate * (u + weight_decay * p), params, direction
  )


def trajectory(params, grads, learning_rate, weight_decay=0.0, **hyperparams):
  """Returns the parameters after each step for a sequence of gradients."""
  params = jax.tree.map(lambda p: np.asarray(p, np.float64), params)
  out = []
  for step, u in enumerate(directions(grads, **hyperparams)):
    rate = learning_rate(step) if callable(learning_rate) else learning_rate
    params = descend(params, u, rate, weight_decay)
    out.append(params)
  return out
