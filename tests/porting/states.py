"""Half a run in a framework and half in optax must end like the whole run."""

import tempfile

from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from porting import carry_over

STEPS = 24
HALF = 12
NAMES = ('kernel', 'bias', 'table', 'scale')
SHAPES = ((4, 3), (3,), (3, 4), ())
BIAS = NAMES.index('bias')
LR = 1e-2

KERAS_ADAM = optax.adam(LR, eps=1e-7, tf_style=True)
KERAS_AMSGRAD = optax.amsgrad(LR, eps=1e-7, tf_style=True)


def start(dtype):
  """Returns the parameters of the first half."""
  rng = np.random.default_rng(23)
  return [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]


def gradients(dtype):
  """Returns the gradients of each step, from 1e-6 to 1."""
  rng = np.random.default_rng(24)
  return [
      [np.asarray(10 ** rng.uniform(-6, 0, shape), dtype) for shape in SHAPES]
      for _ in range(STEPS)
  ]


def to_params(leaves):
  """Puts a list in the order of NAMES into a tree of a different order."""
  kernel, bias, table, scale = leaves
  return {'dense': {'kernel': kernel.T, 'bias': bias}, 'a': [scale, table]}


def train(step, read, carry, dtype='float64'):
  """Trains in a framework.

  Args:
    step: Makes a step with the gradients it is given.
    read: Returns the parameters.
    carry: Called halfway.
    dtype: The dtype of the gradients.

  Returns:
    What `carry` returned, and the parameters halfway and at the end.
  """
  first, second = np.split(np.arange(STEPS), [HALF])
  grads = gradients(dtype)
  for t in first:
    step(grads[t])
  carried = carry()
  half = read()
  for t in second:
    step(grads[t])
  return carried, half, read()


def labels(others, *, bias):
  """Returns a tree like the parameters, with a label for each."""
  leaves = [others] * len(NAMES)
  leaves[BIAS] = bias
  structure = jax.tree.structure(to_params(start('float32')))
  mapped = to_params([np.array(leaf) for leaf in leaves])
  return structure.unflatten(leaf.item() for leaf in jax.tree.leaves(mapped))


def without_bias(optimizer):
  """Trains all parameters but the bias."""
  optimizers = {'trained': optimizer, 'frozen': optax.set_to_zero()}
  return optax.partition(optimizers, labels('trained', bias='frozen'))


class TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def folder(self):
    return self.enter_context(tempfile.TemporaryDirectory())

  def check(self, optimizer, moments, half, end, tolerance=1e-10):
    """Continues from `half` in optax; must arrive at the framework's `end`."""
    params = jax.tree.map(jnp.asarray, to_params(half))
    state = carry_over.resume(optimizer, params, moments.map(to_params))
    fresh = optimizer.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, fresh)
    self.assertLess(self.distance(optimizer, params, state, end), tolerance)
    self.assertGreater(self.distance(optimizer, params, fresh, end), 1e-3)

  def distance(self, optimizer, params, state, end):
    """Makes the second half of the steps; returns how far `end` is."""
    update = jax.jit(optimizer.update)
    dtype = jax.tree.leaves(params)[0].dtype
    for grads in gradients(dtype)[HALF:]:
      updates, state = update(to_params(grads), state, params)
      params = optax.apply_updates(params, updates)
    apart = optax.tree.sub(params, to_params(end))
    traveled = optax.tree.sub(to_params(start(dtype)), to_params(end))
    apart = optax.tree.norm(apart, ord=jnp.inf)
    return apart / optax.tree.norm(traveled, ord=jnp.inf)

  def assert_refuses(self, message, function, *args, **kwargs):
    """The function raises a ValueError with these words."""
    with self.assertRaisesRegex(ValueError, message):
      function(*args, **kwargs)
