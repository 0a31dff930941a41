"""carry_over.py: map and resume refuse mistakes; Keras's Adam resumes on JAX.

`own_process_test.py` runs the tests for TensorFlow and PyTorch.
"""

import os
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from porting import carry_over
from tests.docs import blocks
from tests.porting import runners
from tests.porting import states

os.environ.setdefault('KERAS_BACKEND', 'jax')

LR = states.LR
ADAM = states.KERAS_ADAM
AMSGRAD = states.KERAS_AMSGRAD


def _moments(**changes):
  ones = {'a': np.ones((2, 3))}
  return carry_over.Moments(5, ones, ones)._replace(**changes)


class MapTest(parameterized.TestCase):

  @parameterized.named_parameters(
      ('float32', np.float32),
      ('float64', np.float64),
      ('bfloat16', jnp.bfloat16),
  )
  def test_renames_transposes_reshapes_and_joins(self, dtype):
    arrays = [np.ones((2, 3), dtype), np.ones(3, dtype), np.ones(3, dtype)]

    def to_params(arrays):
      kernel, first, second = arrays
      both = jnp.concatenate([first, second])
      return {'a': kernel.T.reshape(2, 3), 'b': both, 'no moments': None}

    mapped = carry_over.Moments(5, arrays, arrays).map(to_params)
    expected = {'a': np.ones((2, 3), dtype), 'b': np.ones(6, dtype)}
    chex.assert_trees_all_equal(mapped.nu, {**expected, 'no moments': None})

  @parameterized.named_parameters(
      ('scale', lambda x: x * 2),
      ('absolute value', np.abs),
      ('clip at zero', lambda x: np.maximum(x, 0)),
      ('clip at one', lambda x: np.clip(x, -1, 1)),
      ('round', np.round),
      ('to int', lambda x: x.astype(int)),
      ('to float16', lambda x: x.astype(np.float16)),
      ('to bfloat16', lambda x: x.astype(jnp.bfloat16)),
      ('square root', np.sqrt),
  )
  def test_refuses_arithmetic_and_casts(self, function):
    for size in (1, 2, 3, 10, 251, 1000):
      arrays = [np.ones(size, np.float32), np.ones((), np.float32)]
      moments = carry_over.Moments(5, arrays, arrays)
      with np.errstate(invalid='ignore'):
        with self.assertRaisesRegex(ValueError, r'values of the arrays \[0\]'):
          moments.map(lambda arrays: [function(arrays[0]), arrays[1]])
        with self.assertRaisesRegex(ValueError, r'values of the arrays \[1\]'):
          moments.map(lambda arrays: [arrays[0], function(arrays[1])])

  def test_refuses_a_cast_from_float64_to_float32_under_x64(self):
    arrays = [np.ones(3)]
    moments = carry_over.Moments(5, arrays, arrays)
    with jax.enable_x64(True), self.assertRaisesRegex(ValueError, 'casts'):
      moments.map(lambda arrays: [arrays[0].astype(np.float32)])

  @parameterized.parameters(1, 3, 250, 251, 502)
  def test_refuses_a_layer_used_twice_for_any_width(self, width):
    layer = [np.ones((width, width), np.float32), np.ones(width, np.float32)]
    arrays = layer * 3
    with self.assertRaisesRegex(ValueError, r'arrays \[2, 3\]'):
      carry_over.Moments(5, arrays, arrays).map(
          lambda arrays: arrays[:2] + arrays[:2] + arrays[4:]
      )

  @parameterized.named_parameters(
      ('a copy of an array', lambda a, b: (a, b, a)),
      ('zeros', lambda a, b: (a, b, np.zeros(3))),
  )
  def test_refuses_additional_values(self, function):
    arrays = [np.ones((2, 3), np.float32), np.ones(3, np.float32)]
    with self.assertRaisesRegex(ValueError, 'was not given.*Give None'):
      carry_over.Moments(5, arrays, arrays).map(lambda a: function(*a))


class ResumeTest(states.TestCase):

  @parameterized.named_parameters(
      ('missing', {'b': np.ones(3)}, r"params\['a'\].*moments.nu does not"),
      ('shape', {'a': np.ones((3, 2))}, r'\(3, 2\).*\(2, 3\).*Transpose'),
      ('negative', {'a': -np.ones((2, 3))}, 'below 0.*order of the fields'),
      ('nan', {'a': np.full((2, 3), np.nan)}, 'NaN.*before the run diverged'),
      ('infinite', {'a': np.full((2, 3), np.inf)}, 'infinite.*diverged'),
  )
  def test_refuses_nu(self, nu, message):
    params = {'a': np.ones((2, 3)), 'b': np.ones(3)}
    optimizer = optax.masked(ADAM, {'a': True, 'b': False})
    moments = _moments(nu=nu)
    self.assert_refuses(message, carry_over.resume, optimizer, params, moments)

  @parameterized.named_parameters(
      ('nan', {'a': np.full((2, 3), np.nan)}, 'mu.*NaN'),
      ('a list', [np.ones((2, 3))], r'mu has \[0\].*trees like params'),
      ('additional', {'a': np.ones((2, 3)), 'b': 1.0}, r"mu has \['b'\]"),
  )
  def test_refuses_mu(self, mu, message):
    params = {'a': np.ones((2, 3))}
    moments = _moments(mu=mu)
    self.assert_refuses(message, carry_over.resume, ADAM, params, moments)

  @parameterized.parameters(2.5, -1, 0, 2**31, np.float32(5), True)
  def test_refuses_a_count_that_is_not_a_positive_int32(self, count):
    params = {'a': np.ones((2, 3))}
    moments = _moments(count=count)
    message = 'moments.count is .* whole number'
    self.assert_refuses(message, carry_over.resume, ADAM, params, moments)

  @parameterized.named_parameters(
      ('sgd', optax.sgd(LR), 'no Adam.*Resume optax.adam'),
      ('two Adams', optax.chain(ADAM, ADAM), r"Several Adams .*'a'"),
      ('average', optax.chain(ADAM, optax.ema(0.9)), r'state\[1\] is a EmaS'),
      ('trace', optax.chain(ADAM, optax.trace(0.9)), 'Trace.*add its state'),
      ('AMSGrad', AMSGRAD, 'no nu_max.*amsgrad=True'),
      (
          'schedule outside of MultiSteps',
          optax.inject_hyperparams(
              lambda rate: optax.MultiSteps(optax.adam(rate), 2)
          )(optax.constant_schedule(LR)),
          "counts .*'state.count'.*inside MultiSteps",
      ),
      (
          'MultiSteps in MultiSteps',
          optax.MultiSteps(optax.MultiSteps(ADAM, 2), 2),
          'inside another MultiSteps',
      ),
  )
  def test_refuses_the_optimizer(self, optimizer, message):
    params = {'a': np.ones((2, 3))}
    moments = _moments()
    self.assert_refuses(message, carry_over.resume, optimizer, params, moments)

  def test_nu_max_is_refused_by_adam_until_it_is_dropped(self):
    params = {'a': np.ones((2, 3))}
    moments = _moments(nu_max={'a': np.ones((2, 3))})
    message = r'no AMSGrad.*_replace\(nu_max=None\)'
    self.assert_refuses(message, carry_over.resume, ADAM, params, moments)
    carry_over.resume(ADAM, params, moments._replace(nu_max=None))

  @parameterized.named_parameters(
      ('to zero', 1e-9),
      ('to a subnormal number', 8e-8),
      ('to infinity', 1e5),
  )
  def test_refuses_nu_that_float16_rounds(self, value):
    params = {'a': np.ones((2, 3), np.float16)}
    moments = _moments(nu={'a': np.full((2, 3), value)})
    message = 'float16 does not represent.*parameters in float32'
    self.assert_refuses(message, carry_over.resume, ADAM, params, moments)
    carry_over.resume(ADAM, {'a': np.ones((2, 3), np.float32)}, moments)

  def test_refuses_injected_hyperparameters_in_bfloat16(self):
    params = {'a': np.ones((2, 3), jnp.bfloat16)}
    inject = optax.inject_hyperparams
    message = r"'b2'.* in bfloat16.*hyperparam_dtype=jnp.float32"
    self.assert_refuses(
        message, carry_over.resume, inject(optax.adam)(LR), params, _moments()
    )
    remedy = inject(optax.adam, hyperparam_dtype=jnp.float32)(LR)
    state = carry_over.resume(remedy, params, _moments())
    updates, _ = remedy.update({'a': jnp.ones((2, 3))}, state, params)
    self.assertGreater(jnp.abs(updates['a']).min(), LR / 10)

  def test_keeps_the_sharding_of_the_parameters(self):
    mesh = jax.make_mesh((1,), ('x',))
    spec = jax.sharding.PartitionSpec('x')
    sharding = jax.sharding.NamedSharding(mesh, spec)
    params = {'a': jax.device_put(jnp.ones((2, 3)), sharding)}
    state, _ = carry_over.resume(ADAM, params, _moments())
    self.assertEqual(state.nu['a'].sharding, sharding)


def _without_bias_by_masks():
  adam = optax.masked(ADAM, states.labels(True, bias=False))
  zero = optax.masked(optax.set_to_zero(), states.labels(False, bias=True))
  return optax.chain(adam, zero)


class KerasTest(states.TestCase):

  def setUp(self):
    super().setUp()
    self.keras = pytest.importorskip('keras')
    self.addCleanup(self.keras.config.set_floatx, self.keras.config.floatx())
    self.keras.config.set_floatx('float64')

  def _train(self, optimizer, frozen=None):
    """Returns the moments halfway and the parameters at every step."""
    variables = [self.keras.Variable(x) for x in states.start('float64')]
    optimizer.build(variables)
    apply = runners.keras_step(optimizer, variables)

    def step(grads):
      if frozen is not None:
        grads[frozen] = None
      apply(grads)

    def read():
      return [np.asarray(v.value) for v in variables]

    def carry():
      return carry_over.from_keras(optimizer)

    return states.train(step, read, carry)

  @parameterized.named_parameters(
      ('the average is ignored', dict(use_ema=True), ADAM),
      ('amsgrad', dict(amsgrad=True), AMSGRAD),
      ('clipping', dict(clipvalue=0.1), optax.chain(optax.clip(0.1), ADAM)),
      (
          'amsgrad with weight decay',
          dict(amsgrad=True, weight_decay=1e-2),
          optax.chain(
              optax.scale_by_amsgrad(eps=1e-7, epsilon_hat=True),
              optax.add_decayed_weights(1e-2),
              optax.scale_by_learning_rate(LR),
          ),
      ),
  )
  def test_adam(self, settings, optimizer):
    adam = self.keras.optimizers.Adam(LR, **settings)
    self.check(optimizer, *self._train(adam))

  def test_schedule_and_injected_hyperparameters(self):
    schedules = self.keras.optimizers.schedules
    theirs = schedules.ExponentialDecay(LR, 6, 0.5)
    schedule = optax.exponential_decay(LR, 6, 0.5)
    trained = self._train(self.keras.optimizers.AdamW(theirs, 1e-4))
    settings = dict(eps=1e-7, weight_decay=1e-4, tf_style=True)
    # Keras computes schedules in float32.
    self.check(optax.adamw(schedule, **settings), *trained, tolerance=1e-6)
    injected = optax.inject_hyperparams(optax.adamw)(schedule, **settings)
    self.check(injected, *trained, tolerance=1e-6)

  def test_loss_scaling(self):
    inner = self.keras.optimizers.Adam(LR)
    scaled = self.keras.optimizers.LossScaleOptimizer(inner, 1.0)
    self.check(optax.apply_if_finite(ADAM, 9), *self._train(scaled))

  def test_accumulation(self):
    adam = self.keras.optimizers.Adam(LR, gradient_accumulation_steps=4)
    moments, history = self._train(adam)
    self.assertEqual(moments.count, states.HALF // 4)
    # MultiSteps averages in float32.
    self.check(optax.MultiSteps(ADAM, 4), moments, history, tolerance=1e-6)

  def test_accumulation_that_is_not_complete_is_refused(self):
    adam = self.keras.optimizers.Adam(LR, gradient_accumulation_steps=5)
    self.assert_refuses('2 of 5 .* Make 3 more steps', self._train, adam)

  @parameterized.named_parameters(
      ('partition', states.without_bias(ADAM)),
      ('masked', _without_bias_by_masks()),
  )
  def test_frozen_variable(self, optimizer):
    adam = self.keras.optimizers.Adam(LR)
    self.check(optimizer, *self._train(adam, frozen=states.BIAS))

  def test_lists_are_in_the_order_of_the_first_build(self):
    adam = self.keras.optimizers.Adam(LR)
    small, large = (self.keras.Variable(np.ones(n)) for n in (1, 2))
    adam.build([large, small])
    adam.apply([np.ones(1), np.ones(2)], [small, large])
    shapes = [array.shape for array in carry_over.from_keras(adam).mu]
    self.assertEqual(shapes, [(2,), (1,)])

  def test_moments_do_not_change_when_keras_trains_on(self):
    adam = self.keras.optimizers.Adam(LR)
    variable = self.keras.Variable(np.ones(2))
    adam.apply([np.ones(2)], [variable])
    moments = carry_over.from_keras(adam)
    before = moments.mu[0].copy()
    adam.apply([np.ones(2)], [variable])
    np.testing.assert_array_equal(moments.mu[0], before)

  def test_refuses_an_adam_that_made_no_update(self):
    adam = self.keras.optimizers.Adam()
    message = 'made no update.*formats in docs/porting/state.md'
    self.assert_refuses(message, carry_over.from_keras, adam)
    adam.build([self.keras.Variable(1.0)])
    self.assert_refuses(message, carry_over.from_keras, adam)

  def test_refuses_other_optimizers_and_subclasses(self):
    class Own(self.keras.optimizers.Adam):

      def update_step(self, *args, **kwargs):
        pass

    refused = "doesn't update like Keras's Adam.*construct Moments"
    nadam = self.keras.optimizers.Nadam()
    self.assert_refuses(f'Nadam {refused}', carry_over.from_keras, nadam)
    self.assert_refuses(f'Own {refused}', carry_over.from_keras, Own())
    message = "Sequential isn't .* Pass model.optimizer"
    model = self.keras.Sequential()
    self.assert_refuses(message, carry_over.from_keras, model)

  def test_refuses_an_optimizer_of_your_own_called_adam(self):
    update = {'update_step': print, '__module__': '__main__'}
    own = type('Adam', (self.keras.optimizers.Adam,), update)
    self.assert_refuses("doesn't update", carry_over.from_keras, own())


class KerasModelTest(states.TestCase):

  def setUp(self):
    super().setUp()
    self.keras = pytest.importorskip('keras')

  def _model(self):
    return states.new_model(self.keras, self.keras.optimizers.Adam)

  def _trained(self):
    return states.trained_model(self.keras, self.keras.optimizers.Adam)

  def test_keras_file_restores_the_optimizer(self):
    path = f'{self.folder()}/model.keras'
    model, expected = self._trained()
    model.save(path)
    loaded = self.keras.models.load_model(path)
    moments = carry_over.from_keras(loaded.optimizer)
    chex.assert_trees_all_equal(moments, expected)

  def test_h5_file_restores_the_count_alone(self):
    path = f'{self.folder()}/model.h5'
    model, _ = self._trained()
    model.save(path)
    loaded = self.keras.models.load_model(path)
    message = '4 updates, but has no moments.*h5 file of Keras 3'
    self.assert_refuses(message, carry_over.from_keras, loaded.optimizer)

  def test_weights_file_restores_an_optimizer_that_is_built(self):
    path = f'{self.folder()}/model.weights.h5'
    model, expected = self._trained()
    model.save_weights(path)
    loaded = self._model()
    with self.assertWarnsRegex(UserWarning, 'Skipping .* optimizer'):
      loaded.load_weights(path)
    message = 'made no update.*formats'
    self.assert_refuses(message, carry_over.from_keras, loaded.optimizer)
    loaded.optimizer.build(loaded.trainable_variables)
    self.assert_refuses(message, carry_over.from_keras, loaded.optimizer)
    loaded.load_weights(path)
    moments = carry_over.from_keras(loaded.optimizer)
    chex.assert_trees_all_equal(moments, expected)

  def test_refuses_zero_moments_with_a_count(self):
    model = self._model()
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(4)
    message = 'counts 4 updates, but its moments are zero'
    self.assert_refuses(message, carry_over.from_keras, model.optimizer)

  def test_reads_in_a_callback_and_after_an_interrupted_fit(self):
    counts = []

    class Callback(self.keras.callbacks.Callback):

      def on_epoch_end(self, epoch, logs=None):
        del epoch, logs
        counts.append(carry_over.from_keras(self.model.optimizer).count)
        raise KeyboardInterrupt

    model = self._model()
    with self.assertRaises(KeyboardInterrupt):
      model.fit(
          states.X, states.Y, batch_size=2, verbose=0, callbacks=[Callback()]
      )
    self.assertEqual(counts, [4])
    self.assertEqual(carry_over.from_keras(model.optimizer).count, 4)

  def test_refuses_variables_that_fit_has_taken_away(self):
    model = self._model()

    def batches():
      yield states.X, states.Y
      yield states.X, states.Y
      self.assert_refuses(
          'On JAX, .* while fit runs: call from_keras after fit',
          carry_over.from_keras,
          model.optimizer,
      )
      yield states.X, states.Y

    model.fit(batches(), steps_per_epoch=3, verbose=0)
    self.assertEqual(carry_over.from_keras(model.optimizer).count, 3)

  def test_refuses_float8(self):
    model = self._model()
    model.quantize('float8')
    model.compile(self.keras.optimizers.Adam(LR), 'mse')
    model.fit(states.X, states.Y, verbose=0)
    message = 'scales of float8 layers.*Train the model without'
    self.assert_refuses(message, carry_over.from_keras, model.optimizer)


class PageTest(parameterized.TestCase):
  """The check in docs/porting/state.md fails for each of three mistakes."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pytest.importorskip('keras')
    page = 'docs/porting/state.md'
    programs = blocks.programs((blocks.ROOT / page).read_text('utf-8'))
    with mock.patch.dict(sys.modules, carry_over=carry_over):
      (program,) = [x for x in programs if 'class CNN' in x[0][1]]
      # The blocks before nnx, which needs flax 0.11.
      cls.names = blocks.run(program[:2], page)

  @parameterized.named_parameters(
      ('without the flag', dict(eps=1e-5), 1e-3),
      ("Keras's default epsilon", dict(eps=1e-7, tf_style=True), 1e-3),
      ("flax's epsilon of BatchNorm", dict(eps=1e-5, tf_style=True), 1e-5),
  )
  def test_check_notices(self, settings, epsilon_of_batch_norm):
    optimizer = optax.adam(1e-3, **settings)
    model = self.names['CNN'](epsilon_of_batch_norm)
    new = self.names['train'](model, optimizer)
    with self.assertRaisesRegex(AssertionError, 'Not equal to tolerance'):
      self.names['check'](new)


if __name__ == '__main__':
  absltest.main()
