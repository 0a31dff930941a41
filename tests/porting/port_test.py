"""What port.py prints, checks and refuses, with Keras on JAX.

`own_process_test.py` compares the code with Keras's optimizers.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
from flax import nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax

os.environ.setdefault('KERAS_BACKEND', 'jax')

# pylint: disable=wrong-import-position
import keras

from porting import port
from tests.docs import blocks
from tests.porting import keras_draws

ROOT = pathlib.Path(__file__).parents[2]
optimizers = keras.optimizers
schedules = keras.optimizers.schedules


# Settings, each with what the translation takes it for if it drops it.
EVERYTHING = {
    'beta_1': 0.8,
    'beta_2': 0.9,
    'epsilon': 1e-4,
    'weight_decay': 0.1,
    'clipnorm': 0.5,
    'gradient_accumulation_steps': 3,
    'use_ema': True,
    'ema_momentum': 0.7,
    'ema_overwrite_frequency': 5,
}
DEFAULTS = dict.fromkeys(EVERYTHING) | {
    'beta_1': 0.9, 'beta_2': 0.999, 'epsilon': 1e-7, 'ema_momentum': 0.99,
}


def polynomial_decay(init_value, end_value, power, decay_steps, cycle=False):
  """A helper of port.py that is wrong: under jit, 3 * 91 / 91 exceeds 3."""
  del power, cycle

  def schedule(count):
    end = decay_steps * jnp.maximum(jnp.ceil(count / decay_steps), 1)
    return init_value + (end_value - init_value) * count / end

  return schedule


class CheckTest(parameterized.TestCase):
  """A wrong translation raises."""

  def assert_disagrees(self, optimizer):
    with self.assertRaisesRegex(ValueError, 'disagrees with its translation'):
      port.to_optax(optimizer)

  @parameterized.parameters(name for name in EVERYTHING if name != 'use_ema')
  def test_dropping_a_setting_raises(self, name):
    translation = port._Keras.translation  # pylint: disable=protected-access

    def dropping(described):
      if name == 'gradient_accumulation_steps':
        described.every = 1
      settings = described.own if name in described.own else described.shared
      with mock.patch.dict(settings, {name: DEFAULTS[name]}):
        return translation(described)

    with mock.patch.object(port._Keras, 'translation', dropping):  # pylint: disable=protected-access
      self.assert_disagrees(optimizers.Adam(0.01, **EVERYTHING))

  def test_swapping_two_transformations_raises(self):
    chain = port._chain  # pylint: disable=protected-access

    def swapped(*transformations):
      return chain(*reversed(transformations))

    with mock.patch.object(port, '_chain', swapped):
      self.assert_disagrees(optimizers.Adam(0.01, clipvalue=0.1))

  def test_dropping_the_handling_of_overflows_raises(self):
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(0.01))
    wrap = port._Keras._wrap  # pylint: disable=protected-access

    def unscaled(described, optimizer):
      with mock.patch.object(described, 'scaler', None):
        return wrap(described, optimizer)

    with mock.patch.object(port._Keras, '_wrap', unscaled):  # pylint: disable=protected-access
      self.assert_disagrees(optimizer)

  def test_dropping_an_exclusion_raises(self):
    optimizer = optimizers.AdamW(0.01, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=['bias'])
    optimizer.build(keras_draws.variables(keras))
    scaled = port.Call('optax.adamw', 0.01, eps=1e-7, weight_decay=0.1,
                       tf_style=True)
    with mock.patch.object(port, '_chain', lambda *_: scaled):
      self.assert_disagrees(optimizer)

  def test_schedule_is_compared_beyond_the_steps_of_training(self):
    schedule = schedules.PiecewiseConstantDecay([5000], [0.01, 0.001])

    def never_changing(*, boundaries, values):
      return port.Call('optax.constant_schedule', values[0]), *boundaries

    rules = {'PiecewiseConstantDecay': never_changing}
    with mock.patch.dict(port.KERAS_SCHEDULES, rules):
      with self.assertRaisesRegex(ValueError, 'after 5001 updates'):
        port.to_optax(optimizers.SGD(schedule))

  def test_schedule_is_compared_at_multiples_of_its_period(self):
    schedule = schedules.PolynomialDecay(1e-3, 91, 1e-5, cycle=True)
    optimizer = optimizers.SGD(schedule)
    port.to_optax(optimizer)
    with mock.patch.object(port, 'polynomial_decay', polynomial_decay):
      with self.assertRaisesRegex(ValueError, 'after 273 updates'):
        port.to_optax(optimizer)

  @parameterized.parameters(0.5, 0.9, 1.5)
  def test_nan_of_keras_at_the_end_is_the_end_rate(self, power):
    schedule = schedules.PolynomialDecay(1e-2, 91, 1e-3, power=power)
    optimizer = optimizers.Adam(schedule, gradient_accumulation_steps=2)
    code = port.to_optax(optimizer)
    self.assertIn('Keras may give NaN from step 91 on', code)
    scope = {}
    with jax.enable_x64(True):
      exec(code, scope)  # pylint: disable=exec-used
      rates = jax.jit(jax.vmap(scope['schedule']))(np.arange(45, 50))
    np.testing.assert_array_equal(rates, 1e-3)

  def test_wrong_rate_where_keras_has_nan_raises(self):

    def wrong(count):
      left = jnp.maximum(1 - count / 91.0, 0.0)
      return jnp.where(count < 91, 1e-3 + 9e-3 * jnp.sqrt(left), 2e-3)

    schedule = schedules.PolynomialDecay(1e-2, 91, 1e-3, power=0.5)
    with self.assertRaisesRegex(ValueError, 'after 91 updates'):
      port.to_optax(optimizers.SGD(schedule), learning_rate=wrong)

  def test_nan_before_the_end_raises(self):

    call = port._Keras._call_schedule  # pylint: disable=protected-access

    def spoiled(described, schedule, step):
      return np.nan if step == 45 else call(described, schedule, step)

    schedule = schedules.PolynomialDecay(1e-2, 91, 1e-3, power=0.5)
    with mock.patch.object(port._Keras, '_call_schedule', spoiled):  # pylint: disable=protected-access
      with self.assertRaisesRegex(ValueError, 'nan after 45 updates'):
        port.to_optax(optimizers.SGD(schedule))

  def test_schedule_that_is_nan_too_soon_to_check_is_refused(self):
    schedule = schedules.PolynomialDecay(1e-2, 20, 1e-3, power=0.5)
    optimizer = optimizers.SGD(schedule, gradient_accumulation_steps=10)
    with self.assertRaisesRegex(ValueError, 'decay_steps=20 is too short'):
      port.to_optax(optimizer)

  def test_rounding_of_a_small_rate_to_float32_is_no_disagreement(self):
    params = [np.zeros(())]

    def ours(count):
      return 1e-3 * jnp.sqrt(1 - count / 1e4)

    def theirs(count):
      left = np.float32(1) - np.float32(count) / np.float32(1e4)
      return np.float32(1e-3) * np.sqrt(left)

    def compare(bound):
      counts = 0, 9990, 9998, 9999
      copy = port.Copy(params, train=None, counts=counts, bound=bound)
      with jax.enable_x64(True):
        port._compare_rates('rate', ours, theirs, copy)  # pylint: disable=protected-access

    compare(1e-5)
    with self.assertRaisesRegex(ValueError, 'rate is'):
      compare(1e-10)

  def test_rates_that_look_equal_have_their_difference_in_the_message(self):

    def rate(count):
      return jnp.full_like(count, 1e-4 * (1 + 3e-8), float)

    constant = schedules.PiecewiseConstantDecay([10], [1e-4, 1e-4])
    with self.assertRaisesRegex(ValueError, 'by 3e-08 of it'):
      port.to_optax(optimizers.SGD(constant), learning_rate=rate)


class RefusalTest(absltest.TestCase):

  def assert_refused(self, optimizer, *words, **arguments):
    """Asserts that to_optax raises a ValueError with these words."""
    with self.assertRaises(ValueError) as caught:
      port.to_optax(optimizer, **arguments)
    message = str(caught.exception)
    for word in words:
      self.assertIn(word, message)

  def test_subclass(self):

    class Mine(optimizers.Adam):
      pass

    self.assert_refused(Mine(), 'Mine', "Keras's own class", 'keras.md#')

  def test_replaced_method(self):
    optimizer = optimizers.SGD()
    optimizer.update_step = print
    self.assert_refused(optimizer, 'SGD.update_step', 'was replaced')

  def test_setting_that_is_a_string(self):
    optimizer = optimizers.SGD(clipnorm='1')
    self.assert_refused(optimizer, "clipnorm='1' is not a number")

  def test_schedule_that_keras_cannot_call(self):
    schedule = schedules.PiecewiseConstantDecay([], [0.1])
    self.assert_refused(
        optimizers.SGD(schedule), 'fails in the check, with IndexError'
    )

  def test_setting_of_the_loss_scaling_that_keras_ignores(self):
    for name in ('clipnorm', 'weight_decay', 'gradient_accumulation_steps'):
      optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1))
      setattr(optimizer, name, 2)
      self.assert_refused(optimizer, f'{name} of LossScaleOptimizer', 'to None')
      setattr(optimizer, name, None)
      self.assertIn('optax.sgd(0.1)', port.to_optax(optimizer))

  def test_period_that_takes_too_long(self):
    optimizer = optimizers.SGD(use_ema=True, ema_overwrite_frequency=10**6)
    self.assert_refused(optimizer, 'A period of 1000000', 'with a shorter one')

  def test_optimizer_without_a_rule(self):
    self.assert_refused(optimizers.Ftrl(), 'Ftrl', 'has no translation')

  def test_unknown_setting_that_is_not_at_its_default(self):

    class Adam(optimizers.Adam):
      """Adam of a later version of Keras."""

      def __init__(self, *args, cautious=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.cautious = cautious

    with mock.patch.object(optimizers, 'Adam', Adam):
      self.assertIn('optax.adam(', port.to_optax(Adam(0.01)))
      self.assert_refused(Adam(0.01, cautious=True), 'cautious=True', 'Adam')

  def test_exclusions_of_unknown_variables(self):
    optimizer = optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=['bias'])
    self.assert_refused(optimizer, 'exclude_from_weight_decay', 'build')

  def test_setting_that_is_not_finite(self):
    optimizer = optimizers.SGD(clipnorm=float('inf'))
    self.assert_refused(optimizer, 'A setting of inf', 'finite')

  def test_loss_that_is_scaled_twice(self):
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD())
    optimizer.inner_optimizer.loss_scale_factor = 8.0
    self.assert_refused(optimizer, 'loss_scale_factor', 'Set it to None')

  def test_nadam_with_loss_scaling(self):
    optimizer = optimizers.LossScaleOptimizer(optimizers.Nadam())
    self.assert_refused(optimizer, 'LossScaleOptimizer around Nadam', '#nadam')

  def test_own_rate_that_differs_between_the_boundaries(self):

    class Drop(schedules.LearningRateSchedule):

      def __call__(self, step):
        return keras.ops.where(step < 500, 0.1, 0.01)

    def drops_late(count):
      return jnp.where(count < 990, 0.1, 0.01)

    optimizer = optimizers.SGD(Drop())
    self.assert_refused(
        optimizer, 'after 500 updates', learning_rate=drops_late
    )

  def test_own_rate_that_is_not_a_function_of_the_count(self):

    def needs_two(count, epoch):
      return 0.1 * count * epoch

    def returns_nothing(count):
      del count

    optimizer = optimizers.SGD(0.1)
    self.assert_refused(optimizer, 'TypeError', learning_rate=needs_two)
    self.assert_refused(optimizer, 'number', learning_rate=returns_nothing)

  def test_constraint(self):
    constraint = keras.constraints.NonNeg()
    variable = keras.Variable([1.0], name='kernel')
    variable.constraint = constraint
    optimizer = optimizers.Adam()
    optimizer.build([variable])
    self.assert_refused(optimizer, 'constraint of kernel')

  def test_own_schedule(self):

    class Own(schedules.LearningRateSchedule):

      def __call__(self, step):
        return 0.1 / (keras.ops.cast(step, keras.config.floatx()) + 1)

    def rate(count):
      return 0.1 / (count + 1)

    def wrong(count):
      return 0.1 / (count + 2)

    optimizer = optimizers.SGD(Own())
    self.assert_refused(optimizer, 'Own', 'learning_rate', 'keras.md#your-own')
    self.assert_refused(optimizer, 'wrong', learning_rate=wrong)
    self.assert_refused(
        optimizer, 'must be a named function', learning_rate=lambda count: 0.1
    )
    code = port.to_optax(optimizer, learning_rate=rate)
    self.assertEndsWith(code, '\noptimizer = optax.sgd(rate)\n')
    self.assertIn('# Define rate, which you passed as learning_rate.\n', code)

  def test_name_that_the_code_uses(self):

    def optimizer(count):
      return 0.1 * count

    self.assert_refused(
        optimizers.SGD(), 'name of the function opt', learning_rate=optimizer
    )

  def test_nan_in_one_parameter(self):
    train = port._train  # pylint: disable=protected-access

    def spoiled(optimizer, copy, gradients):
      *others, last = train(optimizer, copy, gradients)
      return [*others, np.full_like(last, np.nan)]

    with mock.patch.object(port, '_train', spoiled):
      self.assert_refused(optimizers.Adam(), 'disagrees')

  def test_rate_that_never_moves_a_parameter(self):
    self.assert_refused(optimizers.SGD(0.0), 'moved no parameter')

  def test_no_fork(self):
    adam = optax.adam

    def release(learning_rate, b1=0.9, b2=0.999, eps=1e-8):
      return adam(learning_rate, b1, b2, eps)

    with mock.patch.object(optax, 'adam', release):
      self.assert_refused(optimizers.Adam(), 'tf_style', 'pip install .')

  def test_model_in_place_of_its_optimizer(self):
    self.assert_refused(keras.Sequential(), 'pass model.optimizer')

  def test_no_optimizer(self):
    self.assert_refused(object(), 'object', 'is not an optimizer')

  def test_every_link_leads_to_a_section(self):
    source = pathlib.Path(port.__file__).read_text('utf-8')
    links = set(re.findall(r"'(\w+\.md)(?:#([\w-]+))?'", source))
    self.assertNotEmpty(links)
    for page, anchor in links:
      text = (ROOT / 'docs' / 'porting' / page).read_text('utf-8')
      headings = re.findall('^#+ (.*)$', text, re.MULTILINE)
      anchors = [
          re.sub(r'[^\w\- ]', '', heading).lower().replace(' ', '-')
          for heading in headings
      ]
      message = f'port.py links to {page}#{anchor}, which has no such heading'
      self.assertTrue(not anchor or anchor in anchors, message)


class CodeTest(absltest.TestCase):

  def test_lines_have_at_most_80_columns(self):
    optimizer = optimizers.LossScaleOptimizer(
        optimizers.Adam(0.01, amsgrad=True, **EVERYTHING)
    )
    for line in port.to_optax(optimizer).splitlines():
      self.assertLessEqual(len(line), 80, line)

  def test_exclusions_are_a_list_for_to_params(self):
    optimizer = optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=['bias'])
    optimizer.build(keras_draws.variables(keras))
    code = port.to_optax(optimizer)
    self.assertIn('    (True, (4, 3)),  # bias_head/kernel\n', code)
    self.assertIn('    (False, (3,)),  # bias_head/bias\n', code)
    self.assertIn('mask=per_param(decays, to_params)', code)

  def test_rate_is_the_shortest_decimal_and_may_be_assigned_later(self):
    optimizer = optimizers.SGD(0.5)
    optimizer.learning_rate = 2e-4
    self.assertIn('optax.sgd(2e-4)', port.to_optax(optimizer))

  def test_last_rate_of_training_is_noted(self):
    optimizer = optimizers.SGD(0.5)
    note = '# The learning rate is the last one.'
    self.assertNotIn(note, port.to_optax(optimizer))
    variable = keras.Variable([1.0])
    optimizer.apply([keras.ops.ones(1)], [variable])
    self.assertIn(note, port.to_optax(optimizer))

  def test_rate_that_a_loop_assigns_is_compared_with_nothing(self):

    def schedule(count):
      return 0.1 * 0.9**count

    optimizer = optimizers.Adam(0.1, gradient_accumulation_steps=3)
    code = port.to_optax(optimizer, learning_rate=schedule)
    self.assertIn('# schedule is your own, and was compared with', code)
    self.assertIn('    optax.adam(schedule, eps=1e-7, tf_style=True),\n', code)

  def test_rate_that_keras_may_change_late_is_noted(self):
    late = '# In float32 on JAX, Keras may change the rate one update late;'
    for staircase in (True, False):
      schedule = schedules.ExponentialDecay(0.1, 41, 0.5, staircase=staircase)
      code = port.to_optax(optimizers.SGD(schedule))
      self.assertEqual(late in code, staircase)


def transposed(arrays):
  """Turns the variables of a layer into a tree for optax."""
  kernel, bias = arrays
  return {'kernel': kernel.T, 'bias': bias}


class PerParamTest(absltest.TestCase):
  """A value for each parameter, in a tree like the user's parameters."""

  values = (True, (4, 3)), (False, (3,))
  params = {'kernel': np.zeros((3, 4)), 'bias': np.zeros(3)}

  def test_to_params_may_transpose(self):
    mask = port.per_param(self.values, transposed)
    self.assertEqual(mask(self.params), {'kernel': True, 'bias': False})

  def test_to_params_may_join_arrays_with_the_same_value(self):

    def joined(arrays):
      return {'joined': np.concatenate(arrays)}

    params = joined([np.zeros(2), np.zeros(3)])
    mask = port.per_param([(True, (2,)), (True, (3,))], joined)
    self.assertEqual(mask(params), {'joined': True})
    with self.assertRaisesRegex(ValueError, 'joins different'):
      port.per_param([(True, (2,)), (False, (3,))], joined)

  def test_to_params_must_return_a_tree_like_params(self):
    mask = port.per_param(self.values, transposed)
    renamed = {'weight': self.params['kernel'], 'bias': self.params['bias']}
    with self.assertRaisesRegex(ValueError, 'to_params returns .* params are'):
      mask(renamed)

  def test_to_params_must_not_compute(self):

    def added(arrays):
      return {'sum': arrays[0] + arrays[1], 'last': arrays[2]}

    values = [(True, (2,)), (False, (2,)), (True, (2,))]
    with self.assertRaisesRegex(ValueError, 'to_params computes'):
      port.per_param(values, added)

  def test_to_params_may_cast(self):

    def cast(arrays):
      return [np.asarray(array, np.float32) for array in arrays]

    mask = port.per_param(self.values, cast)
    self.assertEqual(mask([np.zeros((4, 3)), np.zeros(3)]), [True, False])

  def test_values_are_found_by_name_in_any_order(self):

    def ordered(arrays):
      return collections.OrderedDict(b=arrays[0], a=arrays[1])

    mask = port.per_param([(True, ()), (False, ())], ordered)
    self.assertEqual(mask({'a': 0.0, 'b': 0.0}), {'a': False, 'b': True})

  def test_ten_comes_after_two_in_a_list_but_not_in_a_dict(self):

    def numbered(arrays):
      return {str(i): array for i, array in enumerate(arrays)}

    decays = [i < 3 for i in range(12)]
    mask = port.per_param([(value, ()) for value in decays], numbered)
    self.assertEqual(mask([0.0] * 12), decays)

  def test_empty_arrays_have_any_value(self):
    mask = port.per_param([(True, (2,)), (False, (0,))], list)
    self.assertEqual(mask([np.zeros(2), np.zeros(0)]), [True, True])

  @unittest.skipUnless(blocks.has_new_flax(), 'needs flax 0.11')
  def test_mask_works_in_nnx(self):
    optimizer = optimizers.AdamW(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=['bias'])
    optimizer.build(keras_draws.variables(keras))
    scope = {'to_params': transposed}
    exec(port.to_optax(optimizer), scope)  # pylint: disable=exec-used
    layer = nnx.Linear(3, 4, rngs=nnx.Rngs(0))
    layer.kernel[...] = jnp.ones((3, 4))
    layer.bias = nnx.Param(jnp.ones(3))
    trainer = nnx.Optimizer(layer, scope['optimizer'], wrt=nnx.Param)
    no_gradients = jax.tree.map(jnp.zeros_like, nnx.state(layer, nnx.Param))
    trainer.update(layer, no_gradients)
    np.testing.assert_allclose(layer.kernel[...], 0.995, rtol=1e-6)
    np.testing.assert_array_equal(layer.bias[...], 1.0)


class UntouchedTest(absltest.TestCase):

  def test_debugging_of_nans_does_not_stop_the_check(self):
    with jax.debug_nans(True):
      with self.assertRaisesRegex(ValueError, 'infinite or NaN in the check'):
        port.to_optax(optimizers.Adam(epsilon=0.0))

  def test_nothing_changes(self):
    params = keras_draws.variables(keras)
    optimizer = optimizers.AdamW(0.01, use_ema=True)
    optimizer.exclude_from_weight_decay(var_names=['bias'])
    optimizer.apply([keras.ops.ones(v.shape) for v in params], params)
    arrays = [variable.value for variable in [*params, *optimizer.variables]]
    attributes = dict(vars(optimizer))
    port.to_optax(optimizer)
    # Arrays of JAX never change.
    for variable, array in zip(
        [*params, *optimizer.variables], arrays, strict=True
    ):
      self.assertIs(variable.value, array)
    self.assertEqual(attributes, vars(optimizer))
    self.assertEqual(keras.config.floatx(), 'float32')
    self.assertEqual(jnp.ones(()).dtype, jnp.float32)


def translate_file(path):
  """Returns the code that the command prints for a file."""
  return port._translate_file(pathlib.Path(path))  # pylint: disable=protected-access


class SavedModelTestCase(parameterized.TestCase):

  def saved(self, name, optimizer, *layers):
    """Returns the path of a model with a layer that can't be loaded."""

    class Own(keras.layers.Dense):
      pass

    model = keras.Sequential([keras.Input((2,)), *layers, Own(1)])
    model.compile(optimizer, 'mse')
    folder = self.enter_context(tempfile.TemporaryDirectory())
    path = os.path.join(folder, name)
    model.save(path)
    return path


class FileTest(SavedModelTestCase):
  """What is known of a model from its file, without building it."""

  @parameterized.parameters('model.keras', 'model.h5')
  def test_optimizer_of_a_model(self, name):
    code = translate_file(self.saved(name, optimizers.Adam(2e-4)))
    self.assertIn('\noptimizer = optax.adam(2e-4, eps=1e-7', code)

  def test_frozen_layers_are_noted(self):
    note = '# Some layers are frozen'
    path = self.saved('model.keras', optimizers.SGD())
    self.assertNotIn(note, translate_file(path))
    frozen = keras.layers.Dense(1, trainable=False)
    path = self.saved('model.keras', optimizers.SGD(), frozen)
    self.assertIn(note, translate_file(path))

  def test_constraints_are_noted(self):
    dense = keras.layers.Dense(1, kernel_constraint='non_neg')
    path = self.saved('model.keras', optimizers.SGD(), dense)
    self.assertIn('# Not checked: constraints', translate_file(path))

  @parameterized.parameters('model.keras', 'model.h5')
  def test_gradients_of_an_embedding_are_noted(self, name):
    layers = keras.layers.Embedding(5, 3), keras.layers.Flatten()
    code = translate_file(self.saved(name, optimizers.Adam(), *layers))
    self.assertIn('# Not checked: sparse gradients', code)

  def test_own_schedule_needs_the_model_and_a_translation(self):

    class Own(schedules.LearningRateSchedule):

      def __call__(self, step):
        return 0.1

      def get_config(self):
        return {}

    path = self.saved('model.keras', optimizers.SGD(Own()))
    remedy = r'custom_objects .*\(model.optimizer, learning_rate=...\)'
    with self.assertRaisesRegex(ValueError, remedy):
      translate_file(path)


class CommandTest(SavedModelTestCase):

  def run_command(self, *args, environment=None):
    command = [sys.executable, ROOT / 'porting' / 'port.py', *args]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )

  def exit_code(self, *args):
    """Returns what the command, run in this process, exits with."""
    with mock.patch.object(sys, 'argv', ['port.py', *args]):
      with self.assertRaises(SystemExit) as caught:
        port.main()
    return caught.exception.code

  def test_prints_the_code_of_a_model(self):
    path = self.saved('model.keras', optimizers.Adam(2e-4))
    done = self.run_command(path)
    self.assertEqual(done.returncode, 0, done.stderr)
    self.assertEqual(done.stdout, translate_file(path))

  def test_says_how_to_install_the_fork(self):
    folder = self.enter_context(tempfile.TemporaryDirectory())
    module = pathlib.Path(folder, 'optax.py')
    module.write_text('raise ModuleNotFoundError("No module named optax")\n')
    done = self.run_command('--help', environment={'PYTHONPATH': folder})
    self.assertEqual(done.returncode, 1)
    self.assertRegex(done.stderr, '^No module named optax.*pip install .*\n$')

  def test_refuses_in_one_line(self):
    path = self.saved('model.keras', optimizers.Ftrl())
    message = self.exit_code(path)
    self.assertRegex(message, r'^port\.py: .* has no translation.*\Z')

  def test_help_and_wrong_usage(self):
    self.assertEqual(self.exit_code('--help'), 0)
    self.assertEqual(self.exit_code(), 2)
    self.assertEqual(self.exit_code('missing.keras'), 2)


if __name__ == '__main__':
  absltest.main()
