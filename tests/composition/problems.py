"""Parameters and gradients for the tests: a small tree, many magnitudes."""

import jax
import numpy as np

# Large next to many of the gradients, so that its place shows.
EPS = 1e-3


def params(seed=0):
  rng = np.random.default_rng(seed)
  return {
      'layer': {'w': rng.normal(size=(4, 3)), 'b': rng.normal(size=(3,))},
      'scale': rng.normal(size=()),
  }


def gradients(like, steps, seed=1):
  """A list of gradients shaped as `like`, from 1e-5 to 1 and of either sign."""
  rng = np.random.default_rng(seed)

  def draw(p):
    size = 10.0 ** rng.uniform(-5, 0, size=np.shape(p))
    return [size * rng.normal(size=np.shape(p)) for _ in range(steps)]

  leaves, treedef = jax.tree.flatten(like)
  return [treedef.unflatten(g) for g in zip(*map(draw, leaves), strict=True)]
