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
  kwargs = {'learning_rate': LEARNING_RATE, 'b2': B2, 'eps': EPS, **kwargs}
  return factory(epsilon_hat=epsilon_hat, **kwargs)


def without_flag(name, **kwargs):
  """Returns an optimizer that makes the updates of the flag without it."""

  def root(count):
    return jnp.sqrt(1 - jnp.asarray(B2) ** (count + 1))

  def larger_eps(count):
    return EPS / root(count)

  def smaller_learning_rate(count):
    return LEARNING_RATE * root(count)

  factory = optax.inject_hyperparams(getattr(optax, name))
  if name == 'amsgrad':
    return factory(
        smaller_learning_rate, b2=B2, eps=EPS, bias_correction_nu=False, **kwargs
    )
  return factory(LEARNING_RATE, b2=B2, eps=larger_eps, **kwargs)


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
  distance = problem.distance(expected, flag)
  assert distance < tolerance, f'the flag is {distance:.0e} away'
  distance = problem.distance(expected, default)
  assert distance > 1e-3, f'the default is only {distance:.0e} away'
