"""The problem that both sides of a case solve, and their distance.

The parameters are what flax would have for one layer and a scalar. The layer is
called ``bias_head``, because Keras searches the names of variables for ``bias``
and does not search their paths.
"""

import jax
import numpy as np

STEPS = 200


def _tree(draw):
  """Returns a tree like the parameters, given a function of a shape."""
  return {
      'bias_head': {'bias': draw(5), 'kernel': draw(4, 3)},
      'scale': draw(),
  }


def params():
  """Returns parameters of order 1, a tree of float64 arrays."""
  rng = np.random.default_rng(1)

  def draw(*shape):
    return np.asarray(rng.normal(size=shape))

  return _tree(draw)


def names():
  """Returns the path of each leaf, such as ``bias_head/kernel``."""
  leaves = jax.tree_util.tree_leaves_with_path(params())
  return ['/'.join(entry.key for entry in path) for path, _ in leaves]


def gradients(overflows=False, spikes=False):
  """Returns a list of gradients, one tree for each step.

  Signs are random and magnitudes log-uniform from 1e-6 to 1, within a factor of
  10 for each entry, so that some stay near any epsilon. One entry in ten is
  zero, and so is one row in ten of the matrix, like an embedding that was not
  looked up. Global norms are below 0.6.

  Args:
    overflows: Whether one step in ten has an infinite entry.
    spikes: Whether one step in ten is 10 times larger.
  """
  rng = np.random.default_rng(0)

  def draw(*shape):
    size = (STEPS, *shape)
    sign = rng.choice([-1.0, 1.0], size)
    smallest = rng.uniform(-6, -1, shape)
    exponent = smallest + rng.uniform(0, 1, size)
    is_zero = rng.random(size) < 0.1
    values = np.where(is_zero, 0.0, sign * 10**exponent)
    if len(shape) == 2:
      row_is_zero = rng.random(size[:2]) < 0.1
      values[row_is_zero] = 0.0
    return values

  drawn = _tree(draw)
  if overflows:
    is_infinite = rng.random(STEPS) < 0.1
    drawn['scale'][is_infinite] = np.inf
  if spikes:
    is_spike = rng.random(STEPS) < 0.1
    for leaf in jax.tree.leaves(drawn):
      leaf[is_spike] *= 10.0
  leaves, structure = jax.tree.flatten(drawn)
  return [structure.unflatten(step) for step in zip(*leaves, strict=True)]


def stack(history):
  """Returns a list of arrays with a leading axis of steps.

  Args:
    history: A list of arrays for each step.
  """
  return [np.stack(values) for values in zip(*history, strict=True)]


def distance(theirs, ours):
  """Returns the largest difference over the distance traveled.

  The distance traveled is the largest distance of any parameter from its start.

  Args:
    theirs: The parameters at every step: for each leaf an array with a leading
      axis of steps, the start first.
    ours: The same.
  """
  apart = []
  traveled = []
  for their, our in zip(theirs, ours, strict=True):
    apart.append(np.max(np.abs(their - our)))
    traveled.append(np.max(np.abs(their - their[0])))
  # Unlike Python's max, NumPy's never drops a NaN.
  return float(np.max(apart) / np.max(traveled))
