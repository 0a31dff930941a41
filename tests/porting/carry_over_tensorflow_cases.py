"""carry_over.py: runs of TensorFlow 1 and Keras resume, or are refused.

`own_process_test.py` runs these tests.
"""

import os

os.environ['KERAS_BACKEND'] = 'tensorflow'
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

# pylint: disable=wrong-import-position
from absl.testing import absltest
from absl.testing import parameterized
import chex
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from porting import carry_over
from tests.porting import states

# pylint: enable=wrong-import-position

tf1 = tf.compat.v1
# Two devices, for MirroredStrategy.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
LR = states.LR
ADAM = states.KERAS_ADAM
AMSGRAD = states.KERAS_AMSGRAD
Adam = tf_keras.optimizers.Adam
LegacyAdam = tf_keras.optimizers.legacy.Adam


def save_model(model, folder):
  """Saves a SavedModel and returns the path of the checkpoint in it."""
  model.save(folder)
  return f'{folder}/variables/variables'


def save_weights(model, folder):
  """Saves a checkpoint and returns its path."""
  path = f'{folder}/weights'
  model.save_weights(path)
  return path


class TfKerasTest(states.TestCase):
  """tf_keras is tf.keras up to TensorFlow 2.15."""

  @parameterized.named_parameters(
      ('Adam', Adam, {}, ADAM),
      ('AMSGrad', Adam, {'amsgrad': True}, AMSGRAD),
      ('legacy Adam', LegacyAdam, {}, ADAM),
      ('legacy AMSGrad', LegacyAdam, {'amsgrad': True}, AMSGRAD),
  )
  def test_optimizer(self, kind, settings, expected):
    optimizer = kind(LR, **settings)
    variables = [tf.Variable(x) for x in states.start('float32')]

    def step(grads):
      optimizer.apply_gradients(zip(grads, variables, strict=True))

    def read():
      return [v.numpy() for v in variables]

    def carry():
      return carry_over.from_keras(optimizer)

    trained = states.train(step, read, carry, 'float32')
    self.check(expected, *trained, tolerance=1e-5)

  def test_refuses_an_adam_that_made_no_update(self):
    message = 'made no update'
    self.assert_refuses(message, carry_over.from_keras, Adam())
    self.assert_refuses(message, carry_over.from_keras, LegacyAdam())

  def test_refuses_a_subclass_with_its_own_update(self):
    class Own(LegacyAdam):

      def _resource_apply_dense(self, *args, **kwargs):
        pass

    message = "Own doesn't update like Keras's Adam"
    self.assert_refuses(message, carry_over.from_keras, Own())

  def _through_file(self, kind, suffix):
    """Returns an optimizer from a file, and the moments of the saved one."""
    path = f'{self.folder()}/model{suffix}'
    model, expected = states.trained_model(tf_keras, kind)
    model.save(path)
    return tf_keras.models.load_model(path).optimizer, expected

  @parameterized.named_parameters(
      ('h5', Adam, '.h5'),
      ('keras', Adam, '.keras'),
      ('legacy h5', LegacyAdam, '.h5'),
  )
  def test_load_model_restores_the_optimizer(self, kind, suffix):
    optimizer, expected = self._through_file(kind, suffix)
    moments = carry_over.from_keras(optimizer)
    chex.assert_trees_all_equal(moments, expected)

  @parameterized.named_parameters(
      ('SavedModel', Adam, ''),
      ('legacy SavedModel', LegacyAdam, ''),
      ('legacy keras', LegacyAdam, '.keras'),
  )
  def test_load_model_does_not_restore_the_optimizer(self, kind, suffix):
    optimizer, _ = self._through_file(kind, suffix)
    message = 'made no update.*formats in docs/porting/state.md'
    self.assert_refuses(message, carry_over.from_keras, optimizer)

  def test_weights_h5_restores_an_optimizer_that_is_built(self):
    path = f'{self.folder()}/model.weights.h5'
    model, expected = states.trained_model(tf_keras, Adam)
    model.save_weights(path)
    loaded = states.new_model(tf_keras, Adam)
    loaded.optimizer.build(loaded.trainable_variables)
    loaded.load_weights(path)
    moments = carry_over.from_keras(loaded.optimizer)
    chex.assert_trees_all_equal(moments, expected)

  def test_legacy_weights_h5_has_no_optimizer(self):
    path = f'{self.folder()}/model.weights.h5'
    model, _ = states.trained_model(tf_keras, LegacyAdam)
    model.save_weights(path)
    loaded = states.new_model(tf_keras, LegacyAdam)
    loaded.load_weights(path)
    message = 'made no update'
    self.assert_refuses(message, carry_over.from_keras, loaded.optimizer)

  def _through_checkpoint(self, kind, save):
    """Returns a model with loaded weights, and the moments of the saved one."""
    model, expected = states.trained_model(tf_keras, kind)
    loaded = states.new_model(tf_keras, kind)
    loaded.load_weights(save(model, self.folder()))
    return loaded, expected

  @parameterized.named_parameters(
      ('SavedModel', save_model),
      ('weights', save_weights),
  )
  def test_checkpoint_restores_an_optimizer_once_it_is_built(self, save):
    loaded, expected = self._through_checkpoint(Adam, save)
    optimizer = loaded.optimizer
    message = r'4 updates, but has no moments yet. Call optimizer.build\('
    self.assert_refuses(message, carry_over.from_keras, optimizer)
    optimizer.build(loaded.trainable_variables)
    moments = carry_over.from_keras(optimizer)
    chex.assert_trees_all_equal(moments, expected)

  @parameterized.named_parameters(
      ('SavedModel', save_model),
      ('weights', save_weights),
  )
  def test_slots_of_a_legacy_optimizer_from_a_checkpoint(self, save):
    loaded, expected = self._through_checkpoint(LegacyAdam, save)
    optimizer = loaded.optimizer
    message = 'restored from a TensorFlow checkpoint.*get_slot'
    self.assert_refuses(message, carry_over.from_keras, optimizer)
    variables = loaded.trainable_variables
    moments = carry_over.Moments(
        int(optimizer.iterations),
        [optimizer.get_slot(v, 'm').numpy() for v in variables],
        [optimizer.get_slot(v, 'v').numpy() for v in variables],
    )
    chex.assert_trees_all_equal(moments, expected)


class KerasOnTensorFlowTest(states.TestCase):

  def test_checkpoint_restores_the_optimizer(self):
    path = f'{self.folder()}/checkpoint'
    model, expected = states.trained_model(keras, keras.optimizers.Adam)
    saved = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    path = saved.save(path)
    loaded = states.new_model(keras, keras.optimizers.Adam)
    tf.train.Checkpoint(model=loaded, optimizer=loaded.optimizer).restore(path)
    message = r'4 updates, but has no moments yet. Call optimizer.build\('
    self.assert_refuses(message, carry_over.from_keras, loaded.optimizer)
    loaded.optimizer.build(loaded.trainable_variables)
    moments = carry_over.from_keras(loaded.optimizer)
    chex.assert_trees_all_equal(moments, expected)

  def test_exported_model_has_no_optimizer(self):
    folder = self.folder()
    model, _ = states.trained_model(keras, keras.optimizers.Adam)
    model.export(folder, verbose=False)
    with self.assertRaisesRegex(ValueError, 'File format not supported'):
      keras.models.load_model(folder)
    variables = tf.train.list_variables(f'{folder}/variables/variables')
    self.assertNotIn('optimizer', str(variables))


class MirroredTest(states.TestCase):

  @parameterized.named_parameters(
      ('Keras 3', keras, keras.optimizers.Adam),
      ('legacy', tf_keras, LegacyAdam),
  )
  def test_mirrored_strategy(self, package, optimizer):
    # Two replicas with half of each batch train like one.
    with tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1']).scope():
      package.utils.set_random_seed(0)
      _, mirrored = states.trained_model(package, optimizer)
    package.utils.set_random_seed(0)
    _, alone = states.trained_model(package, optimizer)
    self.assertEqual(mirrored.count, alone.count)
    chex.assert_trees_all_close(mirrored.mu, alone.mu, rtol=1e-4, atol=1e-6)


class SaverTest(states.TestCase):

  def _train(self, scope='', global_step=True):
    """Trains in TensorFlow 1; returns a checkpoint and the parameters."""
    path = f'{self.folder()}/model.ckpt'
    with tf.Graph().as_default(), tf1.Session() as session:
      variables = []
      with tf1.variable_scope('net', use_resource=True):
        for name, x in zip(states.NAMES, states.start('float32'), strict=True):
          variables.append(tf1.get_variable(name, initializer=x))
      fed = [tf1.placeholder(v.dtype, v.shape) for v in variables]
      count = tf1.train.get_or_create_global_step() if global_step else None
      with tf1.variable_scope(scope):
        adam = tf1.train.AdamOptimizer(LR, epsilon=1e-7)
        pairs = zip(fed, variables, strict=True)
        update = adam.apply_gradients(pairs, count)
      session.run(tf1.global_variables_initializer())

      def step(grads):
        session.run(update, dict(zip(fed, grads, strict=True)))

      def read():
        return session.run(variables)

      def carry():
        return tf1.train.Saver().save(session, path)

      return states.train(step, read, carry, 'float32')

  def _names(self):
    return [f'net/{name}:0' for name in states.NAMES]

  def test_adam(self):
    path, history = self._train()
    moments = carry_over.from_saver(path, self._names())
    self.check(ADAM, moments, history, tolerance=1e-5)

  def test_adam_in_a_scope(self):
    path, history = self._train(scope='training')
    message = "no net/.*bias/Adam.*'training/net/.*bias/Adam'.*pass scope="
    self.assert_refuses(message, carry_over.from_saver, path, self._names())
    moments = carry_over.from_saver(path, self._names(), scope='training')
    self.check(ADAM, moments, history, tolerance=1e-5)

  def test_adam_without_a_global_step(self):
    path, history = self._train(global_step=False)
    message = 'no global_step. Pass count=.* is 12 to 12 by beta2_power'
    self.assert_refuses(message, carry_over.from_saver, path, self._names())
    moments = carry_over.from_saver(path, self._names(), states.HALF)
    self.check(ADAM, moments, history, tolerance=1e-5)


class SaverOfVariablesTest(states.TestCase):
  """Files with the names and values that programs write, without training."""

  def _save(self, **values):
    path = f'{self.folder()}/model.ckpt'
    with tf.Graph().as_default(), tf1.Session() as session:
      for name, value in values.items():
        tf1.get_variable(name, initializer=value)
      session.run(tf1.global_variables_initializer())
      return tf1.train.Saver().save(session, path)

  def _power(self, updates, b2=0.999):
    """Returns beta2_power as TensorFlow computes it."""
    power = np.float32(b2)
    for _ in range(updates):
      power *= np.float32(b2)
    return power

  def _file(self, power, step):
    slots = {'w/Adam': np.ones(2), 'w/Adam_1': np.ones(2)}
    others = {'beta2_power': power, 'global_step': step}
    return self._save(w=np.ones(2), **slots, **others)

  @parameterized.named_parameters(
      ('without the scope', 'scale', "no variable scale.*'net/scale'"),
      ('misspelled', 'net/scales', 'no variable net/scales.*list_variables'),
      ('not trained', 'global_step', 'leave it out of names'),
  )
  def test_refuses_the_name(self, name, message):
    path = self._save(**{'net/scale': 1.0, 'global_step': 8})
    self.assert_refuses(message, carry_over.from_saver, path, [name])

  def test_refuses_files_that_are_not_checkpoints(self):
    path = self._save(w=1.0)
    for suffix in ('.meta', '.index', '.data-00000-of-00001'):
      message = f"part of a checkpoint. Pass '{path}'"
      self.assert_refuses(message, carry_over.from_saver, path + suffix, ['w'])
    message = 'There is no checkpoint .*latest_checkpoint'
    self.assert_refuses(message, carry_over.from_saver, 'nothing', ['w'])

  def test_refuses_a_checkpoint_of_objects(self):
    path = f'{self.folder()}/checkpoint'
    tf.train.Checkpoint(kernel=tf.Variable(1.0)).write(path)
    message = 'is a tf.train.Checkpoint.*call from_keras'
    self.assert_refuses(message, carry_over.from_saver, path, ['kernel'])

  @parameterized.parameters(1, 3, 1000, 20_000, 80_000, 200_000)
  def test_accepts_the_global_step_of_this_optimizer(self, step):
    path = self._file(self._power(step), step)
    self.assertEqual(carry_over.from_saver(path, ['w']).count, step)

  @parameterized.named_parameters(
      ('fine-tuning', 53, 3),
      ('environment steps', 128, 4),
      ('long run', 20_100, 20_000),
      ('reset', 3, 200_000),
  )
  def test_refuses_a_global_step_of_something_else(self, step, updates):
    path = self._file(self._power(updates), step)
    message = f'global_step is {step}.*by beta2_power.*Pass count='
    self.assert_refuses(message, carry_over.from_saver, path, ['w'])
    message = f'count is {step}.*by beta2_power'
    self.assert_refuses(message, carry_over.from_saver, path, ['w'], step)
    moments = carry_over.from_saver(path, ['w'], updates)
    self.assertEqual(moments.count, updates)

  def test_accepts_a_different_b2_when_told(self):
    path = self._file(self._power(300, 0.98), 300)
    message = 'or b2= if beta2 was different'
    self.assert_refuses(message, carry_over.from_saver, path, ['w'])
    self.assertEqual(carry_over.from_saver(path, ['w'], b2=0.98).count, 300)

  def test_bert(self):
    rng = np.random.default_rng(0)
    mu, nu = rng.random((2, 2, 3), np.float32)
    path = self._save(
        global_step=7,
        **{
            'bert/kernel': np.zeros((2, 3), np.float32),
            'bert/kernel/adam_m': mu,
            'bert/kernel/adam_v': nu,
        },
    )
    names = ['bert/kernel']
    message = "'bert/kernel/adam_m'.*pass slots="
    self.assert_refuses(message, carry_over.from_saver, path, names)
    moments = carry_over.from_saver(path, names, slots=('adam_m', 'adam_v'))
    chex.assert_trees_all_equal(moments, carry_over.Moments(7, [mu], [nu]))

  def test_two_adams_over_a_shared_variable(self):
    # The first trains enc/w and d/w, the second enc/w and g/w.
    first, second = np.full((2, 2), 1.0), np.full((2, 2), 2.0)
    path = self._save(
        global_step=8,
        beta2_power=self._power(3),
        beta2_power_1=self._power(5),
        **{
            'enc/w': np.zeros(2), 'd/w': np.zeros(2), 'g/w': np.zeros(2),
            'enc/w/Adam': first[0], 'enc/w/Adam_1': first[1],
            'd/w/Adam': first[0], 'd/w/Adam_1': first[1],
            'enc/w/Adam_2': second[0], 'enc/w/Adam_3': second[1],
            'g/w/Adam': second[0], 'g/w/Adam_1': second[1],
        },
    )
    names = ['enc/w', 'g/w']
    message = "several Adams for enc/w.*for \\['enc/w'\\] alone, with slots="
    self.assert_refuses(message, carry_over.from_saver, path, names, 5)
    message = "Several Adams trained \\['enc/w'\\].*join the lists"
    slots = ('Adam', 'Adam_1')
    self.assert_refuses(message, carry_over.from_saver, path, names, 5, slots)
    with self.subTest('followed'):
      slots = ('Adam_2', 'Adam_3')
      shared = carry_over.from_saver(path, ['enc/w'], 5, slots)
      own = carry_over.from_saver(path, ['g/w'], 5)
      np.testing.assert_array_equal(shared.mu + own.mu, [second[0]] * 2)
    with self.subTest('the count is neither'):
      message = 'count is 4.*3 to 3 by beta2_power, or 5 to 5 by beta2_power_1'
      self.assert_refuses(message, carry_over.from_saver, path, ['g/w'], 4)

  def test_frozen_variable_does_not_get_the_moments_of_another(self):
    path = self._save(
        global_step=8,
        **{
            'embedding': np.zeros(2), 'decoder/embedding': np.zeros(2),
            'decoder/embedding/Adam': np.ones(2),
            'decoder/embedding/Adam_1': np.ones(2),
        },
    )
    message = 'no embedding/Adam, .*leave it out'
    self.assert_refuses(message, carry_over.from_saver, path, ['embedding'])

  def test_scope_of_the_optimizer_is_also_one_of_the_model(self):
    path = self._save(
        global_step=8,
        **{
            'w': np.zeros(2), 'a/w': np.zeros(2),
            'a/w/Adam': np.full(2, 1.0), 'a/w/Adam_1': np.ones(2),
            'a/a/w/Adam': np.full(2, 2.0), 'a/a/w/Adam_1': np.ones(2),
        },
    )
    moments = carry_over.from_saver(path, ['w', 'a/w'], scope='a')
    np.testing.assert_array_equal(moments.mu, [[1, 1], [2, 2]])

  def test_refuses_a_moment_of_a_different_shape(self):
    path = self._save(
        global_step=8,
        **{
            'w': np.zeros(2), 'w/Adam': np.zeros(3), 'w/Adam_1': np.zeros(3)
        },
    )
    message = r'shape \[3\], and w has \[2\]'
    self.assert_refuses(message, carry_over.from_saver, path, ['w'])


if __name__ == '__main__':
  absltest.main()
