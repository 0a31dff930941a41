"""The code that port.py prints makes the updates of TensorFlow 1's Adam.

`port_frameworks_test.py` runs these tests.
"""

import random
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np
import tensorflow as tf

from porting import port
from tests.porting import problem
from tests.porting import training

tf1 = tf.compat.v1
AdamOptimizer = tf1.train.AdamOptimizer


def halve(count):
  """A rate of one's own, as in `learning_rate=halve`."""
  return 1e-3 * 0.5 ** (count / 50.0)


def _train_tensorflow(optimizer):
  """Returns the parameters at every step, made eagerly."""
  start = jax.tree.leaves(problem.params())
  variables = [tf.Variable(value) for value in start]
  history = [start]
  for grads in problem.gradients():
    grads = map(tf.constant, jax.tree.leaves(grads))
    optimizer.apply_gradients(list(zip(grads, variables, strict=True)))
    history.append([variable.numpy() for variable in variables])
  return [np.stack(values) for values in zip(*history, strict=True)]


def _train_optax(code, **names):
  """Returns the parameters at every step of the code."""
  start = jax.tree.leaves(problem.params())
  steps = zip(*map(jax.tree.leaves, problem.gradients()), strict=True)
  gradients = [np.stack(values) for values in steps]
  return training.train_optax(code, start, gradients, **names)


class AdamTest(parameterized.TestCase):

  def test_random_settings(self):
    for seed in range(10):
      draw = random.Random(seed)
      drawn = {
          'learning_rate': 10 ** draw.uniform(-5, -1),
          'beta1': draw.choice([0.0, 0.5, 0.8]),
          'beta2': draw.choice([0.9, 0.99, 0.9999]),
          'epsilon': 10 ** draw.uniform(-9, 0),
      }
      # TensorFlow rounds Python's numbers to float32.
      drawn = {name: np.float64(number) for name, number in drawn.items()}
      with self.subTest(seed=seed):
        code = port.to_optax(AdamOptimizer(**drawn))
        theirs = _train_tensorflow(AdamOptimizer(**drawn))
        distance = problem.distance(theirs, _train_optax(code))
        self.assertLessEqual(distance, 1e-10, code)

  def test_constant_tensors(self):
    rate = tf.constant(3e-4)
    code = port.to_optax(AdamOptimizer(rate, epsilon=1e-5))
    expected = 'optimizer = optax.adam(3e-4, eps=1e-5, tf_style=True)\n'
    self.assertEndsWith(code, expected)

  def test_rate_of_ones_own(self):
    t = tf1.train.get_or_create_global_step()
    t.assign(0)
    decay = tf1.train.exponential_decay(1e-3, t, 50, 0.5)
    code = port.to_optax(AdamOptimizer(decay), learning_rate=halve)
    self.assertIn('\n# halve is your own, and there was no scheduler', code)
    variables = [tf.Variable(x) for x in jax.tree.leaves(problem.params())]
    optimizer = AdamOptimizer(decay)
    for grads in problem.gradients():
      grads = map(tf.constant, jax.tree.leaves(grads))
      pairs = zip(grads, variables, strict=True)
      optimizer.apply_gradients(list(pairs), global_step=t)
    last = [values[-1] for values in _train_optax(code, halve=halve)]
    for ours, variable in zip(last, variables, strict=True):
      np.testing.assert_allclose(ours, variable.numpy(), rtol=1e-5, atol=1e-7)

  def test_graph_and_variables_are_not_changed(self):
    with tf.Graph().as_default() as graph:
      optimizer = AdamOptimizer()
      port.to_optax(optimizer)
      self.assertEmpty(graph.get_operations())
    self.assertEmpty(optimizer.variables())

  def test_replaced_method(self):
    optimizer = AdamOptimizer()
    optimizer._apply_dense = print  # pylint: disable=protected-access
    reason = 'AdamOptimizer._apply_dense was replaced'
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer)

  @parameterized.parameters(
      (lambda: AdamOptimizer(lambda: 1e-3), 'pass it as learning_rate'),
      (lambda: AdamOptimizer(tf.Variable(1e-3)), 'pass it as learning_rate'),
      (lambda: tf1.train.MomentumOptimizer(1, 0), 'Momentum.*no translation'),
      (lambda: type('Own', (AdamOptimizer,), {})(), 'Own has no translation'),
  )
  def test_refused(self, create, reason):
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(create())

  def test_wrong_translation_is_noticed(self):
    for name, value in (('tf_style', False), ('eps', 1e-7), ('b2', 0.99)):

      class Wrong(port.Call):

        def __init__(self, *args, wrong=(name, value), **settings):
          super().__init__(*args, **{**settings, wrong[0]: wrong[1]})

      with self.subTest(name), mock.patch.object(port, 'Call', Wrong):
        with self.assertRaisesRegex(ValueError, 'disagrees'):
          port.to_optax(AdamOptimizer())


if __name__ == '__main__':
  absltest.main()
