"""A workaround that computes TensorFlow's Adam without the flag.

Unmodified optax computes the same updates if ``inject_hyperparams`` changes a
hyperparameter at each step. A wrapper must treat the two alike, so tests of
wrappers need no formulas.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

B2, EPS, RATE = 0.99, 1e-3, 0.05
NAMES = ('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')


def flagged(name: str, *, epsilon_hat: bool = True, **kwargs):
  """The optimizer with the flag, or without it."""
  kwargs = {'learning_rate': RATE, 'b2': B2, 'eps': EPS, **kwargs}
  return getattr(optax, name)(**kwargs, epsilon_hat=epsilon_hat)


def injected(name: str, **kwargs) -> optax.GradientTransformationExtraArgs:
  """The same updates from optax as released."""
  root = lambda count: jnp.sqrt(1 - jnp.asarray(B2) ** (count + 1))
  kwargs = {'learning_rate': RATE, 'b2': B2, 'eps': EPS, **kwargs}
  if name == 'amsgrad':
    rate = lambda count: RATE * root(count)
    kwargs |= {'learning_rate': rate, 'bias_correction_nu': False}
  else:
    kwargs['eps'] = lambda count: EPS / root(count)
  return optax.inject_hyperparams(getattr(optax, name))(**kwargs)


def params_and_grads(steps: int, seed: int = 0):
  """A small tree, and its gradients for each step, from 1e-5 to 1."""
  rng = np.random.default_rng(seed)
  shapes = {'layer': {'w': (4, 3), 'b': (3,)}, 'scale': ()}
  normal = lambda *shape: rng.normal(size=shape)
  draw = lambda s: 10.0 ** rng.uniform(-5, 0, (steps, *s)) * normal(steps, *s)
  is_shape = lambda x: isinstance(x, tuple)
  params = jax.tree.map(lambda s: normal(*s), shapes, is_leaf=is_shape)
  return params, jax.tree.map(draw, shapes, is_leaf=is_shape)


def train(opt, params, grads):
  """The parameters after each step, from one compiled scan."""

  def step(carry, g):
    params, state = carry
    updates, state = opt.update(g, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  @jax.jit
  def run(params, grads):
    return jax.lax.scan(step, (params, opt.init(params)), grads)

  (_, state), out = run(jax.tree.map(jnp.asarray, params), grads)
  return out, state


def distance(got, expected, start) -> float:
  """The largest difference over the largest distance traveled."""
  largest = lambda f, *trees: max(
      jax.tree.leaves(jax.tree.map(lambda *x: float(np.max(f(*x))), *trees))
  )
  apart = largest(lambda x, y: np.abs(x - y), got, expected)
  return apart / largest(lambda x, p: np.abs(x - p), expected, start)


def compare(test, wrap: Callable, name: str, steps: int = 12, rtol=1e-12, **kw):
  """Asserts that the wrapped flag, and not the default, matches `injected`."""
  params, grads = params_and_grads(steps)
  run = lambda opt: train(wrap(opt), params, grads)[0]
  expected = run(injected(name, **kw))
  on, off = (run(flagged(name, epsilon_hat=x, **kw)) for x in (True, False))
  test.assertLess(distance(on, expected, params), rtol)
  test.assertGreater(distance(off, expected, params), 1e-3)
