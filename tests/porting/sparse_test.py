"""What TensorFlow's optimizers do with the sparse gradient of an embedding.

The porting pages say which of them compute the same as optax, which gets the
sum of the slices. These tests need TensorFlow, so they run with ALL=1.
"""

import functools
import os
import unittest

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tests.porting import problem
from tests.porting import processes

# pylint: disable=import-outside-toplevel

ROWS = 4
STEPS = 30


def keras_3(name, *args, **kwargs):
  import keras

  keras.config.set_floatx('float64')
  return getattr(keras.optimizers, name)(*(args or (0.05,)), **kwargs)


def tf_keras(name, **kwargs):
  import tf_keras

  tf_keras.backend.set_floatx('float64')
  return getattr(tf_keras.optimizers, name)(0.05, **kwargs)


def legacy(name, **kwargs):
  import tf_keras

  return getattr(tf_keras.optimizers.legacy, name)(0.05, **kwargs)


def tf1(name, *args, **kwargs):
  import tensorflow.compat.v1 as tf

  return getattr(tf.train, name)(0.05, *args, **kwargs)


def clip(grad):
  """Clips a gradient by the global norm."""
  import tensorflow as tf

  return tf.clip_by_global_norm([grad], 0.5)[0][0]


def unchanged(grad):
  return grad


def train(make, sparse, repeats=True, of_rows=unchanged, of_table=unchanged):
  """Returns an embedding at every step, in a list of one array.

  Args:
    make: A function that returns an optimizer.
    sparse: Whether its gradients are slices; otherwise, they are their sums.
    repeats: Whether two of three tokens in a batch are the same.
    of_rows: A function that changes the gradient of the rows of a batch.
    of_table: A function that changes the gradient of the embedding.
  """
  import keras
  import tensorflow as tf

  rng = np.random.default_rng(0)
  optimizer = make()
  is_keras_3 = isinstance(optimizer, keras.optimizers.Optimizer)
  variable = (keras if is_keras_3 else tf).Variable(rng.normal(size=(ROWS, 3)))
  history = [variable.numpy()]
  for _ in range(STEPS):
    tokens = rng.permutation(ROWS)[:3]
    if repeats:
      tokens[1] = tokens[0]
    values = of_rows(tf.constant(rng.normal(size=(3, 3))))
    grad = tf.IndexedSlices(values, tf.constant(tokens), (ROWS, 3))
    if not sparse:
      grad = tf.convert_to_tensor(grad)
    optimizer.apply_gradients([(of_table(grad), variable)])
    history.append(variable.numpy())
  return [np.stack(history)]


def move(values, tokens):
  """Returns the first update of one row by Keras 3's Adam, without momentum."""
  import keras
  import tensorflow as tf

  optimizer = keras_3('Adam', 1.0, beta_1=0.0)
  variable = keras.Variable([[0.0]])
  gradient = tf.constant(values, tf.float64)
  if tokens is not None:
    gradient = tf.IndexedSlices(gradient, tf.constant(tokens), (1, 1))
  optimizer.apply([gradient], [variable])
  return float(variable.numpy()[0, 0])


def run(make, sparse, **kwargs):
  return processes.call_in('tensorflow', train, make, sparse, **kwargs)


def apart(make, **kwargs):
  """Returns the distance between training with slices and with their sums."""
  dense = run(make, sparse=False, **kwargs)
  return problem.distance(dense, run(make, sparse=True, **kwargs))


def named(**makers):
  return [(name, make) for name, make in makers.items()]


_of = functools.partial
SQUARES_SLICES = named(
    adam=_of(keras_3, 'Adam'),
    amsgrad=_of(keras_3, 'Adam', amsgrad=True),
    adamw=_of(keras_3, 'AdamW'),
    nadam=_of(keras_3, 'Nadam'),
    rmsprop=_of(keras_3, 'RMSprop'),
    adagrad=_of(keras_3, 'Adagrad'),
    adadelta=_of(keras_3, 'Adadelta'),
    lamb=_of(keras_3, 'Lamb'),
)
AS_DENSE = named(
    keras_3_sgd=_of(keras_3, 'SGD', momentum=0.9),
    keras_3_lion=_of(keras_3, 'Lion'),
    keras_3_made_dense=_of(keras_3, 'Adam', global_clipnorm=1e9),
    keras_3_accumulated=_of(keras_3, 'Adam', gradient_accumulation_steps=2),
    tf_keras_adam=_of(tf_keras, 'Adam'),
    tf_keras_rmsprop=_of(tf_keras, 'RMSprop', momentum=0.9),
    tf_keras_sgd=_of(tf_keras, 'SGD', momentum=0.9),
    legacy_adam=_of(legacy, 'Adam'),
    legacy_amsgrad=_of(legacy, 'Adam', amsgrad=True),
    legacy_adagrad=_of(legacy, 'Adagrad'),
    legacy_rmsprop=_of(legacy, 'RMSprop'),
    legacy_sgd=_of(legacy, 'SGD'),
    tf1_adam=_of(tf1, 'AdamOptimizer'),
    tf1_adagrad=_of(tf1, 'AdagradOptimizer'),
    tf1_gradient_descent=_of(tf1, 'GradientDescentOptimizer'),
)
KEEPS_ROWS = named(
    legacy_sgd=_of(legacy, 'SGD', momentum=0.9),
    legacy_rmsprop=_of(legacy, 'RMSprop', momentum=0.9),
    legacy_adadelta=_of(legacy, 'Adadelta'),
    legacy_adamax=_of(legacy, 'Adamax'),
    legacy_nadam=_of(legacy, 'Nadam'),
    legacy_ftrl=_of(legacy, 'Ftrl'),
    tf1_momentum=_of(tf1, 'MomentumOptimizer', 0.9),
    tf1_rmsprop=_of(tf1, 'RMSPropOptimizer'),
    tf1_adadelta=_of(tf1, 'AdadeltaOptimizer'),
    tf1_ftrl=_of(tf1, 'FtrlOptimizer'),
)
CLIPS_SLICES = named(
    keras_3_norm=_of(keras_3, 'Adam', clipnorm=0.5),
    keras_3_global_norm=_of(keras_3, 'Adam', global_clipnorm=0.5),
    keras_3_value=_of(keras_3, 'SGD', clipvalue=0.1),
    tf_keras_norm=_of(tf_keras, 'Adam', clipnorm=0.5),
    tf_keras_global_norm=_of(tf_keras, 'Adam', global_clipnorm=0.5),
    tf_keras_value=_of(tf_keras, 'Adam', clipvalue=0.1),
    legacy_global_norm=_of(legacy, 'Adam', global_clipnorm=0.5),
)


@unittest.skipUnless(
    os.environ.get('ALL'), 'frameworks other than Keras on JAX run with ALL=1'
)
class SparseTest(parameterized.TestCase):

  def test_smallest_input_of_keras_3(self):
    slices = processes.call_in('tensorflow', move, [[1.0], [1.0]], [0, 0])
    dense = processes.call_in('tensorflow', move, [[2.0]], None)
    self.assertAlmostEqual(slices, -1.414, places=3)
    self.assertAlmostEqual(dense, -1.0, places=3)

  @parameterized.named_parameters(SQUARES_SLICES)
  def test_keras_3_squares_slices_before_it_adds_them(self, make):
    self.assertGreater(apart(make), 0.1)
    self.assertLess(apart(make, repeats=False), 1e-10)

  @parameterized.named_parameters(AS_DENSE)
  def test_slices_do_the_same_as_their_sum(self, make):
    self.assertLess(apart(make), 1e-10)

  @parameterized.named_parameters(KEEPS_ROWS)
  def test_rows_that_were_not_looked_up_stay(self, make):
    (table,) = run(make, sparse=True)
    stays = np.all(table[1:] == table[:-1], axis=-1)
    self.assertEqual(np.sum(stays), 2 * STEPS)

  @parameterized.named_parameters(CLIPS_SLICES)
  def test_clipping_treats_each_slice_separately(self, make):
    self.assertGreater(apart(make), 1e-2)
    self.assertLess(apart(make, repeats=False), 1e-10)

  def test_norm_of_the_slices_is_that_of_the_gradient_of_the_rows(self):
    make = functools.partial(tf1, 'AdamOptimizer')
    theirs = run(make, sparse=True, of_table=clip)
    table_clipped = run(make, sparse=False, of_table=clip)
    rows_clipped = run(make, sparse=False, of_rows=clip)
    self.assertGreater(problem.distance(theirs, table_clipped), 1e-2)
    self.assertLess(problem.distance(theirs, rows_clipped), 1e-10)


if __name__ == '__main__':
  absltest.main()
