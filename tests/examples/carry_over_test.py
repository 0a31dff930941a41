"""Half a run in a framework and half in optax ends where the framework does."""

import importlib
import os
import pathlib
import tempfile

os.environ.setdefault('KERAS_BACKEND', 'jax')

from absl.testing import absltest  # pylint: disable=g-import-not-at-top
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from examples import carry_over

STEPS = 24
HALF = STEPS // 2
LR = 1e-2
SHAPES = ((4, 3), (3,), (4, 3), ())
NAMES = ('kernel', 'bias', 'table', 'scale')


def problem(dtype='float64'):
  """Returns parameters and, for each step, gradients from 1e-6 to 1."""
  rng = np.random.default_rng(23)
  params = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
  draw = lambda shape: (10 ** rng.uniform(-6, 0, shape)).astype(dtype)
  return params, [[draw(shape) for shape in SHAPES] for _ in range(STEPS)]


def to_params(leaves):
  kernel, bias, table, scale = leaves
  return {'dense': {'kernel': kernel.T, 'bias': bias}, 'rest': (table, scale)}


def label(trained, frozen='frozen'):
  """Labels like `to_params`'s tree, with a frozen table."""
  return to_params([np.full((), trained)] * 2 + [frozen, trained])


def only(*trained):
  return to_params([np.array(name in trained) for name in NAMES])


class CarryOverTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def _require(self, name):
    try:
      return importlib.import_module(name)
    except ImportError:
      self.skipTest(f'{name} is not installed')

  def _folder(self):
    return pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _check(self, optimizer, moments, half, end, tolerance=1e-10):
    """Compares the second half in optax with the framework's, at `end`."""
    start, grads = problem(half[0].dtype)
    params, expected = to_params(half), to_params(end)
    moments = moments.map(to_params)
    state = carry_over.resume(optimizer, params, moments)
    update = jax.jit(optimizer.update)

    def finish(state):
      now = jax.tree.map(jnp.asarray, params)
      for grad in grads[HALF:]:
        updates, state = update(to_params(grad), state, now)
        now = optax.apply_updates(now, updates)
      apart = jax.tree.map(lambda x, y: np.abs(x - y).max(), now, expected)
      return max(jax.tree.leaves(apart))

    traveled = jax.tree.map(
        lambda x, y: np.abs(x - y).max(), expected, to_params(start)
    )
    traveled = max(jax.tree.leaves(traveled))
    self.assertLess(finish(state) / traveled, tolerance)
    self.assertGreater(finish(optimizer.init(params)) / traveled, 1e-3)
