"""What TensorFlow's optimizers do with the sparse gradient of an embedding.

The porting pages say which of them compute the same as optax, which gets the
sum of the slices. `own_process_test.py` runs these tests.
"""

import os

os.environ['KERAS_BACKEND'] = 'tensorflow'

# pylint: disable=wrong-import-position
from absl.testing import absltest
from absl.testing import parameterized
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tests.porting import problem

# pylint: enable=wrong-import-position

keras_3 = keras.optimizers
tf_optimizers = tf_keras.optimizers
legacy = tf_keras.optimizers.legacy
tf1 = tf.compat.v1.train

ROWS = 4
STEPS = 30


def clip(grad):
  """Clips a gradient by the global norm."""
  (clipped,), _ = tf.clip_by_global_norm([grad], 0.5)
  return clipped


def unchanged(grad):
  return grad


def train(
    optimizer, sparse, repeats=True, of_rows=unchanged, of_table=unchanged
):
  """Returns an embedding at every step, in a list of one array.

  Args:
    optimizer: An optimizer that made no update.
    sparse: Whether its gradients are slices; otherwise, they are their sums.
    repeats: Whether two of three tokens in a batch are the same.
    of_rows: A function that changes the gradient of the rows of a batch.
    of_table: A function that changes the gradient of the embedding.
  """
  rng = np.random.default_rng(0)
  package = keras if isinstance(optimizer, keras_3.Optimizer) else tf
  variable = package.Variable(rng.normal(size=(ROWS, 3)))
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


def distance(kind, settings, repeats=True):
  """Returns the distance between training with slices and with their sums."""
  dense = train(kind(0.05, **settings), sparse=False, repeats=repeats)
  sparse = train(kind(0.05, **settings), sparse=True, repeats=repeats)
  return problem.distance(dense, sparse)


class SparseTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    keras.config.set_floatx('float64')
    tf_keras.backend.set_floatx('float64')

  @parameterized.named_parameters(
      ('slices', tf.IndexedSlices([[1.0], [1.0]], [0, 0], (1, 1)), -(2**0.5)),
      ('their sum', tf.constant([[2.0]]), -1.0),
  )
  def test_first_update_of_keras_3_without_momentum(self, grad, expected):
    table = keras.Variable([[0.0]], dtype='float32')
    optimizer = keras_3.Adam(1.0, beta_1=0.0)
    optimizer.apply([grad], [table])
    self.assertAlmostEqual(float(table[0, 0]), expected, places=3)

  @parameterized.named_parameters(
      ('Adam', keras_3.Adam, {}),
      ('AMSGrad', keras_3.Adam, {'amsgrad': True}),
      ('AdamW', keras_3.AdamW, {}),
      ('Nadam', keras_3.Nadam, {}),
      ('RMSprop', keras_3.RMSprop, {}),
      ('Adagrad', keras_3.Adagrad, {}),
      ('Adadelta', keras_3.Adadelta, {}),
      ('Lamb', keras_3.Lamb, {}),
  )
  def test_keras_3_squares_slices_before_it_adds_them(self, kind, settings):
    self.assertGreater(distance(kind, settings), 0.1)
    self.assertLess(distance(kind, settings, repeats=False), 1e-10)

  @parameterized.named_parameters(
      ('Keras 3 SGD', keras_3.SGD, {'momentum': 0.9}),
      ('Keras 3 Lion', keras_3.Lion, {}),
      ('Keras 3 made dense', keras_3.Adam, {'global_clipnorm': 1e9}),
      ('accumulated', keras_3.Adam, {'gradient_accumulation_steps': 2}),
      ('tf_keras Adam', tf_optimizers.Adam, {}),
      ('tf_keras RMSprop', tf_optimizers.RMSprop, {'momentum': 0.9}),
      ('tf_keras SGD', tf_optimizers.SGD, {'momentum': 0.9}),
      ('legacy Adam', legacy.Adam, {}),
      ('legacy AMSGrad', legacy.Adam, {'amsgrad': True}),
      ('legacy Adagrad', legacy.Adagrad, {}),
      ('legacy RMSprop', legacy.RMSprop, {}),
      ('legacy SGD', legacy.SGD, {}),
      ('TF1 Adam', tf1.AdamOptimizer, {}),
      ('TF1 Adagrad', tf1.AdagradOptimizer, {}),
      ('TF1 gradient descent', tf1.GradientDescentOptimizer, {}),
  )
  def test_slices_do_the_same_as_their_sum(self, kind, settings):
    self.assertLess(distance(kind, settings), 1e-10)

  @parameterized.named_parameters(
      ('legacy SGD', legacy.SGD, {'momentum': 0.9}),
      ('legacy RMSprop', legacy.RMSprop, {'momentum': 0.9}),
      ('legacy Adadelta', legacy.Adadelta, {}),
      ('legacy Adamax', legacy.Adamax, {}),
      ('legacy Nadam', legacy.Nadam, {}),
      ('legacy Ftrl', legacy.Ftrl, {}),
      ('TF1 momentum', tf1.MomentumOptimizer, {'momentum': 0.9}),
      ('TF1 RMSProp', tf1.RMSPropOptimizer, {}),
      ('TF1 Adadelta', tf1.AdadeltaOptimizer, {}),
      ('TF1 Ftrl', tf1.FtrlOptimizer, {}),
  )
  def test_rows_that_were_not_looked_up_stay(self, kind, settings):
    (table,) = train(kind(0.05, **settings), sparse=True)
    stays = np.all(table[1:] == table[:-1], axis=-1)
    self.assertEqual(np.sum(stays), 2 * STEPS)

  @parameterized.named_parameters(
      ('Keras 3 norm', keras_3.Adam, {'clipnorm': 0.5}),
      ('Keras 3 global norm', keras_3.Adam, {'global_clipnorm': 0.5}),
      ('Keras 3 value', keras_3.SGD, {'clipvalue': 0.1}),
      ('tf_keras norm', tf_optimizers.Adam, {'clipnorm': 0.5}),
      ('tf_keras global norm', tf_optimizers.Adam, {'global_clipnorm': 0.5}),
      ('tf_keras value', tf_optimizers.Adam, {'clipvalue': 0.1}),
      ('legacy global norm', legacy.Adam, {'global_clipnorm': 0.5}),
  )
  def test_clipping_treats_each_slice_separately(self, kind, settings):
    self.assertGreater(distance(kind, settings), 1e-2)
    self.assertLess(distance(kind, settings, repeats=False), 1e-10)

  def test_norm_of_the_slices_is_that_of_the_gradient_of_the_rows(self):
    adam = tf1.AdamOptimizer
    theirs = train(adam(0.05), sparse=True, of_table=clip)
    table_clipped = train(adam(0.05), sparse=False, of_table=clip)
    rows_clipped = train(adam(0.05), sparse=False, of_rows=clip)
    self.assertGreater(problem.distance(theirs, table_clipped), 1e-2)
    self.assertLess(problem.distance(theirs, rows_clipped), 1e-10)


if __name__ == '__main__':
  absltest.main()
