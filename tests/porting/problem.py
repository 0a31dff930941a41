"""The problem that both sides of a case solve, and their distance.

The parameters are what flax would have for one layer and a scalar. The layer is
called ``bias_head``, because Keras searches the names of variables for ``bias``
and does not search their paths.
"""

import jax
import numpy as np

STEPS = 200
SHAPES = {'bias_head': {'bias': (5,), 'kernel': (4, 3)}, 'scale': ()}


def _from_shapes(leaf):
  return jax.tree.map(leaf, SHAPES, is_leaf=lambda x: isinstance(x, tuple))


def params():
  """Returns parameters of order 1, a tree of float64 arrays."""
  rng = np.random.default_rng(1)
  return _from_shapes(lambda shape: np.asarray(rng.normal(size=shape)))


def names():
  """Returns the path of each leaf, such as ``bias_head/kernel``."""
  leaves = jax.tree_util.tree_leaves_with_path(params())
  return ['/'.join(entry.key for entry in path) for path, _ in leaves]


def gradients(overflows=False):
  """Returns a list of gradients, one tree for each step.

  Signs are random and magnitudes log-uniform from 1e-6 to 1, within a factor of
  10 for each entry, so that some stay near any epsilon. One entry in ten is
  zero, and so is one row in ten of the matrix, like an embedding that was not
  looked up. With ``overflows``, one step in ten has an infinite entry.
  """
  rng = np.random.default_rng(0)

  def leaf(shape):
    size = (STEPS, *shape)
    sign = rng.choice([-1.0, 1.0], size)
    smallest = rng.uniform(-6, -1, shape)
    exponent = smallest + rng.uniform(0, 1, size)
    is_zero = rng.random(size) < 0.1
    g = np.where(is_zero, 0.0, sign * 10**exponent)
    if len(shape) == 2:
      row_is_zero = rng.random(size[:2]) < 0.1
      g[row_is_zero] = 0.0
    return g

  grads = _from_shapes(leaf)
  if overflows:
    overflow = rng.random(STEPS) < 0.1
    grads['scale'][overflow] = np.inf
  return [jax.tree.map(lambda g: g[step], grads) for step in range(STEPS)]


def distance(theirs, ours):
  """Returns the largest difference over the distance traveled.

  The distance traveled is the largest distance of any parameter from its start.

  Args:
    theirs: The parameters at every step: for each leaf an array with a leading
      axis of steps, the start first.
    ours: The same.
  """
  pairs = zip(theirs, ours, strict=True)
  apart = [np.max(np.abs(their - our)) for their, our in pairs]
  traveled = [np.max(np.abs(their - their[0])) for their in theirs]
  # Unlike Python's max, NumPy's never drops a NaN.
  return float(np.max(apart) / np.max(traveled))
