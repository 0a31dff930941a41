"""Helpers: half a run in a framework and half in optax end like a whole run."""

import tempfile

from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from porting import carry_over
from tests.porting import problem
from tests.porting import training

STEPS = 24
HALF = 12
NAMES = problem.names()
BIAS = NAMES.index('bias_head/bias')
LR = 1e-2

KERAS_ADAM = optax.adam(LR, eps=1e-7, tf_style=True)
KERAS_AMSGRAD = optax.amsgrad(LR, eps=1e-7, tf_style=True)

# What models train on: in batches of 2, an epoch has 4 steps.
X = np.linspace(0, 1, 32).reshape(8, 4)
Y = np.ones((8, 1))


def start(dtype):
  """Returns the parameters before the first step, in the order of NAMES."""
  return [np.asarray(x, dtype) for x in jax.tree.leaves(problem.params())]


def gradients(dtype):
  """Returns a list of gradients for each step."""
  steps = [jax.tree.leaves(tree) for tree in problem.gradients()[:STEPS]]
  return [[np.asarray(grad, dtype) for grad in grads] for grads in steps]


def to_params(leaves):
  """Puts a list in the order of NAMES into a tree of a different order."""
  bias, kernel, scale = leaves
  return {'dense': {'kernel': kernel.T, 'bias': bias}, 'a': scale}


def labels(others, *, bias):
  """Returns a tree like the parameters, with a label for each."""
  return {'dense': {'kernel': others, 'bias': bias}, 'a': others}


def without_bias(optimizer):
  """Trains all parameters but the bias."""
  optimizers = {'trained': optimizer, 'frozen': optax.set_to_zero()}
  return optax.partition(optimizers, labels('trained', bias='frozen'))


def train(step, read, carry, dtype='float64'):
  """Trains in a framework.

  Args:
    step: Makes a step with the gradients it is given.
    read: Returns the parameters.
    carry: Called halfway.
    dtype: The dtype of the gradients.

  Returns:
    What `carry` returned, and the lists of parameters at every step, the start
    first.
  """
  history = [read()]
  for count, grads in enumerate(gradients(dtype)):
    if count == HALF:
      carried = carry()
    step(grads)
    history.append(read())
  return carried, history


def distance(optimizer, state, history):
  """Continues from halfway in optax; returns how far `history` is from that.

  Args:
    optimizer: An optimizer of optax.
    state: Its state halfway.
    history: What `train` returned for the framework.
  """
  theirs = [jax.tree.leaves(to_params(leaves)) for leaves in history[HALF:]]
  half = to_params(history[HALF])
  grads = [to_params(leaves) for leaves in gradients(half['a'].dtype)[HALF:]]
  ours = training.train(optimizer, half, grads, state=state)
  return problem.distance(problem.stack(theirs), ours)


def new_model(package, optimizer):
  """Returns a small model of Keras 3 or tf_keras, given a class."""
  dense = package.layers.Dense
  layers = [package.layers.Input((4,)), dense(3, 'tanh'), dense(1)]
  model = package.Sequential(layers)
  model.compile(optimizer(LR), package.losses.MeanSquaredError())
  return model


def trained_model(package, optimizer):
  """Returns a model after 4 steps, and the moments."""
  model = new_model(package, optimizer)
  model.fit(X, Y, batch_size=2, verbose=0)
  return model, carry_over.from_keras(model.optimizer)


class TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def folder(self):
    return self.enter_context(tempfile.TemporaryDirectory())

  def check(self, optimizer, moments, history, tolerance=1e-10):
    """Resumes halfway in optax; must stay with the framework from there on."""
    params = jax.tree.map(jnp.asarray, to_params(history[HALF]))
    state = carry_over.resume(optimizer, params, moments.map(to_params))
    fresh = optimizer.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, fresh)
    self.assertLess(
        distance(optimizer, state, history),
        tolerance,
        'The resumed run ends this share of the distance traveled away from the'
        " framework's: the case's optimizer differs from the framework's, or"
        ' carry_over.py restores a part of the state wrongly.',
    )
    self.assertGreater(
        distance(optimizer, fresh, history),
        1e-3,
        'A run from a fresh state ends there too, so this test shows nothing.',
    )

  def assert_refuses(self, message, function, *args, **kwargs):
    """The function raises a ValueError with these words."""
    with self.assertRaisesRegex(ValueError, message):
      function(*args, **kwargs)
