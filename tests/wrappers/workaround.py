"""TensorFlow's Adam from optax as released, by changing a number at each step.

A wrapper must treat it like the flag, so tests of wrappers need no formulas.
All of them train on the problem of the porting guide.
"""

import jax
import jax.numpy as jnp
import optax

from tests.porting import problem

LEARNING_RATE = 0.05
B2 = 0.99
EPS = 1e-3


def with_flag(name, *, epsilon_hat=True, **kwargs):
  """Returns an optimizer with the flag on or off."""
  factory = getattr(optax, name)
  defaults = {'learning_rate': LEARNING_RATE, 'b2': B2, 'eps': EPS}
  return factory(epsilon_hat=epsilon_hat, **{**defaults, **kwargs})


def _correction(count):
  return jnp.sqrt(1 - jnp.asarray(B2) ** (count + 1))


def _larger_eps(count):
  return EPS / _correction(count)


def _smaller_learning_rate(count):
  return LEARNING_RATE * _correction(count)


def without_flag(name, **kwargs):
  """Returns an optimizer that makes the updates of the flag without it."""
  factory = optax.inject_hyperparams(getattr(optax, name))
  if name == 'amsgrad':
    return factory(
        _smaller_learning_rate,
        b2=B2,
        eps=EPS,
        bias_correction_nu=False,
        **kwargs,
    )
  return factory(LEARNING_RATE, b2=B2, eps=_larger_eps, **kwargs)


def gradients():
  """Returns the gradients of the problem as a tree with an axis of steps."""
  return jax.tree.map(lambda *steps: jnp.stack(steps), *problem.gradients())


def train(opt):
  """Returns the parameters at every step and the last state.

  The parameters are a list of arrays with a leading axis of steps, the start
  first, as `problem.distance` takes them.
  """

  def step(carry, grads):
    params, state = carry
    updates, state = opt.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  @jax.jit
  def run(params, grads):
    carry, history = jax.lax.scan(step, (params, opt.init(params)), grads)
    return carry[1], history

  start = jax.tree.map(jnp.asarray, problem.params())
  state, history = run(start, gradients())

  def prepend(first, rest):
    return jnp.concatenate([first[None], rest])

  return jax.tree.leaves(jax.tree.map(prepend, start, history)), state


def assert_wrapped_alike(wrap, name, tolerance=1e-12, **kwargs):
  """Asserts that a wrapper treats the flag like the workaround."""
  expected, _ = train(wrap(without_flag(name, **kwargs)))
  flag, _ = train(wrap(with_flag(name, **kwargs)))
  default, _ = train(wrap(with_flag(name, epsilon_hat=False, **kwargs)))
  of_flag = problem.distance(expected, flag)
  assert of_flag < tolerance, (
      f'{name} with the flag ends {of_flag:.0e} of the distance traveled from'
      f' the workaround; at most {tolerance:.0e} is rounding'
  )
  of_default = problem.distance(expected, default)
  assert of_default > 1e-3, (
      f'{name} without the flag ends only {of_default:.0e} of the distance'
      ' traveled from the workaround, so this shows nothing'
  )
