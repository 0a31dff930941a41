"""The code that port.py prints makes the updates of Keras 2 and TensorFlow 1.

`own_process_test.py` runs these tests.
"""

import copy
import random
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np
import tensorflow as tf
import tf_keras

from porting import port
from tests.porting import keras_draws
from tests.porting import pages
from tests.porting import problem
from tests.porting import runners
from tests.porting import training

tf1 = tf.compat.v1
AdamOptimizer = tf1.train.AdamOptimizer


def halve(count):
  """A rate of one's own, as in `learning_rate=halve`."""
  return 1e-3 * 0.5 ** (count / 50.0)


def _train_tensorflow(optimizer, **settings):
  """Returns the parameters at every step, made eagerly."""
  start = jax.tree.leaves(problem.params())
  variables = [tf.Variable(value) for value in start]
  history = [start]
  for grads in problem.gradients():
    grads = map(tf.constant, jax.tree.leaves(grads))
    pairs = list(zip(grads, variables, strict=True))
    optimizer.apply_gradients(pairs, **settings)
    history.append([variable.numpy() for variable in variables])
  return problem.stack(history)


def _train_optax(code, **names):
  """Returns the parameters at every step of the code."""
  start = jax.tree.leaves(problem.params())
  gradients = problem.stack(map(jax.tree.leaves, problem.gradients()))
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
    self.assertIn('\n# halve is your own, and was compared with nothing', code)
    theirs = _train_tensorflow(AdamOptimizer(decay), global_step=t)
    ours = _train_optax(code, halve=halve)
    self.assertLessEqual(problem.distance(theirs, ours), 1e-5)

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

  @parameterized.named_parameters(
      ('function', lambda: AdamOptimizer(lambda: 1e-3), 'pass it as'),
      ('variable', lambda: AdamOptimizer(tf.Variable(1.0)), 'pass it as'),
      ('Momentum', lambda: tf1.train.MomentumOptimizer(1, 0), 'no translation'),
      ('own', lambda: type('Own', (AdamOptimizer,), {})(), 'no translation'),
  )
  def test_refused(self, create, reason):
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(create())

  @parameterized.parameters({'tf_style': False}, {'eps': 1e-7}, {'b2': 0.99})
  def test_wrong_translation_is_noticed(self, **wrong):

    class Wrong(port.Call):

      def __init__(self, *args, **settings):
        super().__init__(*args, **{**settings, **wrong})

    with mock.patch.object(port, 'Call', Wrong):
      with self.assertRaisesRegex(ValueError, 'disagrees'):
        port.to_optax(AdamOptimizer())


optimizers = tf_keras.optimizers
schedules = tf_keras.optimizers.schedules


def _variables(dtype='float32'):
  """Returns the variables of a layer."""
  with tf.name_scope('bias_head'):
    return [
        tf.Variable(value, dtype=dtype, name=name)
        for name, value in keras_draws.STARTS.items()
    ]


class Keras2DrawsTest(parameterized.TestCase):
  """All settings at once, on gradients that port.py did not see."""

  def _train(self, draw, gradients):
    """Returns the variables at every step, made as in `model.fit`."""
    tf_keras.backend.set_floatx('float64')
    variables = _variables('float64')
    # Keras would round Python's numbers to float32.
    optimizer = draw.create(variables, number=np.float64)
    for name, value in vars(optimizer).items():
      if isinstance(value, float):
        setattr(optimizer, name, np.float64(value))
    for name, value in getattr(optimizer, '_hyper', {}).items():
      if isinstance(value, float) and value:
        optimizer._hyper[name] = tf.constant(value, tf.float64)  # pylint: disable=protected-access
    tf_keras.backend.set_floatx('float32')

    def step(*grads):
      optimizer.apply_gradients(zip(grads, variables, strict=True))

    if 'cycle' not in repr(draw):  # Which fails in a graph in float64.
      step = tf.function(step)
    history = [list(keras_draws.STARTS.values())]
    for grads in zip(*gradients, strict=True):
      step(*map(tf.constant, grads))
      history.append([variable.numpy() for variable in variables])
    return problem.stack(history)

  def _check(self, draw):
    code = port.to_optax(draw.create(_variables()))
    gradients = keras_draws.gradients(max(250, 2 * draw.period + 1), False)
    ours = training.train_optax(
        code, list(keras_draws.STARTS.values()), gradients
    )
    theirs = self._train(draw, gradients)
    # Rounding shows if the parameters hardly move.
    self.assertLessEqual(problem.distance(theirs, ours), 1e-9, code)

  @parameterized.parameters((keras_draws.Keras2, 30), (keras_draws.Legacy, 20))
  def test_code_agrees(self, create, draws):
    for seed in range(draws):
      draw = create(tf_keras, seed)
      with self.subTest(repr(draw)):
        self._check(draw)


class Keras2RowsTest(parameterized.TestCase):
  """What the guide translates by hand."""

  def setUp(self):
    super().setUp()
    self.addCleanup(tf_keras.backend.set_floatx, tf_keras.backend.floatx())

  @parameterized.named_parameters(
      (case.name, case) for case in pages.read('keras')
      if case.framework == 'tf_keras' and case.kind == 'row'
  )
  def test_code_passes_the_check_of_the_page(self, case):
    names = runners.define(case, case.theirs, {'tf_keras': tf_keras})
    try:
      code = port.to_optax(names['optimizer'])
    except ValueError as error:
      self.assertIn('Nadam', str(error))
      return
    theirs = runners.train_theirs(case)
    ours = runners.train_ours(case, code)
    self.assertLessEqual(problem.distance(theirs, ours), 1e-5, code)


class Keras2Test(parameterized.TestCase):

  def test_package_of_the_time_of_tensorflow_2_15(self):
    # Its classes are those of the module keras, which is Keras 2.
    optimizer = optimizers.Adam(2e-4)
    packages = {'tf_keras': port._describe_keras}  # pylint: disable=protected-access
    with mock.patch.dict(port.FRAMEWORKS, packages):
      with mock.patch.dict(sys.modules, keras=tf_keras):
        code = port.to_optax(optimizer)
    expected = 'optimizer = optax.adam(2e-4, eps=1e-7, tf_style=True)\n'
    self.assertEndsWith(code, expected)

  def test_average_that_starts_late_is_noticed(self):
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    with mock.patch.object(port._Keras2, 'averages_from_start', False):  # pylint: disable=protected-access
      with self.assertRaisesRegex(ValueError, 'disagrees with its translation'):
        port.to_optax(optimizer)
    self.assertIn('from_start=True', port.to_optax(optimizer))

  def test_exclusions_are_a_list_for_to_params(self):
    optimizer = optimizers.AdamW(0.01)
    kernel, bias = _variables()
    optimizer.exclude_from_weight_decay([bias])
    with self.assertRaisesRegex(ValueError, 'needs the variables'):
      port.to_optax(optimizer)
    optimizer.build([kernel, bias])
    code = port.to_optax(optimizer)
    self.assertIn('    (True, (4, 3)),  # bias_head/kernel\n', code)
    self.assertIn('    (False, (3,)),  # bias_head/bias\n', code)

  def test_own_schedule_is_compared_as_keras_rounds_it(self):

    class Own(schedules.LearningRateSchedule):

      def __call__(self, step):
        return 0.1 / (tf.cast(step, tf.float32) + 1)

    def rate(count):
      return 0.1 / (count + 1)

    code = port.to_optax(optimizers.SGD(Own()), learning_rate=rate)
    self.assertIn('agree to 1e-5', code)

  def test_legacy_optimizer_is_described_from_its_first_step(self):
    optimizer = optimizers.legacy.Adam(0.01, decay=0.1, beta_1=0.8)
    before = port.to_optax(optimizer)
    variable = tf.Variable(tf.ones(3))
    # Its settings become variables of float32.
    optimizer.apply_gradients([(tf.ones(3), variable)])
    self.assertEqual(before, port.to_optax(optimizer))
    np.testing.assert_allclose(variable.numpy(), 0.99, rtol=1e-6)

  def test_momentum_of_a_legacy_optimizer_that_was_assigned_later(self):
    optimizer = optimizers.legacy.SGD(0.01)
    optimizer.momentum = 0.9
    with self.assertRaisesRegex(ValueError, 'assigned later, which Keras ign'):
      port.to_optax(optimizer)

  def test_clipping_of_sparse_gradients_is_noted(self):
    note = '# Not checked: sparse gradients'
    self.assertNotIn(note, port.to_optax(optimizers.SGD(0.1)))
    self.assertIn(note, port.to_optax(optimizers.SGD(0.1, clipnorm=1.0)))

  def test_nothing_changes_in_a_legacy_optimizer(self):
    optimizer = optimizers.legacy.Adam(0.01, decay=0.1)
    attributes = copy.deepcopy(vars(optimizer))
    port.to_optax(optimizer)
    self.assertEqual(attributes, vars(optimizer))

  def test_nothing_changes(self):
    variables = _variables()
    optimizer = optimizers.AdamW(0.01, use_ema=True)
    gradients = [tf.ones_like(variable) for variable in variables]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    everything = [*variables, *optimizer.variables]
    before = [variable.numpy() for variable in everything]
    attributes = dict(vars(optimizer))
    port.to_optax(optimizer)
    for variable, value in zip(everything, before, strict=True):
      np.testing.assert_array_equal(variable.numpy(), value)
    self.assertEqual(attributes, vars(optimizer))
    self.assertEqual(tf_keras.backend.floatx(), 'float32')

  @parameterized.named_parameters(
      ('Nadam', optimizers.Nadam, 'Nadam of Keras 2 .* in model.fit'),
      ('Adamax', optimizers.Adamax, 'has no translation.*keras.md#tf'),
      ('Ftrl', optimizers.legacy.Ftrl, 'no translation.*#legacy-'),
      ('legacy Nadam', optimizers.legacy.Nadam, 'no translation.*#legacy-'),
      (
          'decay and a schedule',
          lambda: optimizers.legacy.SGD(
              schedules.ExponentialDecay(0.1, 50, 0.5), decay=0.1
          ),
          'decay and a schedule have no translation.*#legacy-opt',
      ),
      (
          'gradient transformers',
          lambda: optimizers.legacy.SGD(gradient_transformers=[list]),
          'gradient_transformers have no translation.*#legacy-opt',
      ),
      (
          'loss scaling',
          lambda: tf_keras.mixed_precision.LossScaleOptimizer(optimizers.SGD()),
          'counts the updates that it skips.* Translate its inner_optimizer',
      ),
  )
  def test_refused(self, create, reason):
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(create())


if __name__ == '__main__':
  absltest.main()
