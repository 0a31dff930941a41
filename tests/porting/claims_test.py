"""What the porting pages say in prose, where no row or recipe shows it.

What needs TensorFlow runs with ALL=1.
"""

import pathlib
import tempfile

from absl.testing import absltest
from flax import linen as nn
from flax import nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn import neural_network

from tests import processes
from tests.porting import pages
from tests.porting import problem
from tests.porting import runners
from tests.porting import training


def names_of(page, heading):
  """Returns what the optax code of a section defines."""
  cases = pages.read(page)
  found = [c for c in cases if c.name.startswith(f'{page}, {heading}')]
  if not found:
    raise ValueError(f'docs/porting/{page}.md has no case below {heading!r}')
  names = dict(jax=jax, jnp=jnp, optax=optax)
  return runners.define(found[0], found[0].ours, names)


def fit(l2=0.0, **settings):
  """Returns weights before and after Keras's `fit`, and the data, in float64.

  The model is linear. There are two epochs of five batches of two examples.

  Args:
    l2: The factor of L2 regularization.
    **settings: Settings of Adam.
  """
  import keras  # pylint: disable=import-outside-toplevel

  keras.config.set_floatx('float64')
  rng = np.random.default_rng(0)
  x = rng.normal(size=(10, 3))
  y = rng.normal(size=(10, 1))
  layer = keras.layers.Dense(
      1,
      use_bias=False,
      kernel_regularizer=keras.regularizers.L2(l2),
      dtype='float64',  # In Keras 3.12, layers don't follow floatx.
  )
  model = keras.Sequential([layer])
  model.build(x.shape)
  start = rng.normal(size=(3, 1))
  model.set_weights([start])
  model.compile(keras.optimizers.Adam(0.1, **settings), loss='mse')
  model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
  return start, model.get_weights()[0], x, y


def fit_optax(optimizer, start, x, y):
  """Returns the weights and the state after the same batches as `fit`."""

  def loss(weights, x, y):
    return jnp.mean((x @ weights - y) ** 2)

  weights = jnp.asarray(start)
  state = optimizer.init(weights)
  for first in [0, 2, 4, 6, 8] * 2:
    batch = slice(first, first + 2)
    grads = jax.grad(loss)(weights, x[batch], y[batch])
    updates, state = optimizer.update(grads, state, weights)
    weights = optax.apply_updates(weights, updates)
  return weights, state


def decayed_by_a_loaded_model():
  """Returns whether each variable decays, before saving and after loading."""
  import keras  # pylint: disable=import-outside-toplevel

  optimizer = keras.optimizers.AdamW(weight_decay=0.1)
  optimizer.exclude_from_weight_decay(var_names=['bias'])
  model = keras.Sequential([keras.layers.Dense(1)])
  model.build((1, 1))
  model.compile(optimizer, loss='mse')
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'model.keras')
    model.save(path)
    loaded = keras.saving.load_model(path)
  return [
      [m.optimizer._use_weight_decay(v) for v in m.trainable_variables]  # pylint: disable=protected-access
      for m in (model, loaded)
  ]


class FitTest(absltest.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))
    self.adam = optax.adam(0.1, eps=1e-7, tf_style=True)

  def test_fit_ends_with_the_average_in_the_weights(self):
    settings = dict(use_ema=True, ema_momentum=0.9)
    start, end, x, y = processes.call_in('jax', fit, **settings)
    with_average = names_of('keras', 'use_ema')['with_average']
    optimizer = with_average(self.adam, 0.9)
    weights, state = fit_optax(optimizer, start, x, y)
    _, average, _ = state
    np.testing.assert_allclose(end, average, rtol=1e-12)
    self.assertGreater(np.max(np.abs(end - np.asarray(weights))), 1e-2)

  def test_an_accumulated_group_continues_in_the_next_epoch(self):
    settings = dict(gradient_accumulation_steps=4)
    start, end, x, y = processes.call_in('jax', fit, **settings)
    optimizer = optax.MultiSteps(self.adam, 4, accumulator_dtype=jnp.float64)
    weights, _ = fit_optax(optimizer, start, x, y)
    np.testing.assert_allclose(end, weights, rtol=1e-12)

  def test_l2_regularization_adds_twice_its_share_to_the_gradient(self):
    start, end, x, y = processes.call_in('jax', fit, l2=0.1)
    optimizer = optax.chain(optax.add_decayed_weights(0.2), self.adam)
    weights, _ = fit_optax(optimizer, start, x, y)
    np.testing.assert_allclose(end, weights, rtol=1e-12)


class MaskTest(absltest.TestCase):

  def test_loading_a_model_forgets_the_exclusions(self):
    before, after = processes.call_in('jax', decayed_by_a_loaded_model)
    self.assertEqual(before, [True, False])
    self.assertEqual(after, [True, True])

  def test_masks_find_names_in_nnx_state(self):
    model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    decays = names_of('keras', 'exclude')['decays_except']('bias')
    mask = decays(nnx.state(model, nnx.Param))
    self.assertEqual(jax.tree.leaves(mask), [False, True])

  def test_masks_find_names_in_partitioned_variables(self):
    ones = nn.initializers.ones
    layer = nn.Dense(
        3,
        bias_init=nn.with_partitioning(ones, (None,)),
        kernel_init=nn.with_partitioning(ones, (None, None)),
    )
    variables = layer.init(jax.random.key(0), jnp.ones((1, 2)))
    decays = names_of('keras', 'exclude')['decays_except']('bias')
    mask = decays(variables['params'])
    self.assertEqual(jax.tree.leaves(mask), [False, True])

  def test_masks_that_exclude_nothing_raise(self):
    keras = names_of('keras', 'exclude')['decays_except']
    bert = names_of('tensorflow', 'BERT')['decays']
    for decays in (keras('bias'), bert):
      for params in ([1.0, 2.0], {'kernel': 1.0, 'scale': 1.0}):
        with self.assertRaisesRegex(ValueError, 'found no parameter'):
          decays(params)

  def test_masks_that_miss_one_word_raise(self):
    decays = names_of('keras', 'exclude')['decays_except']('bias', 'gamma')
    with self.assertRaisesRegex(ValueError, "named {'gamma'}"):
      decays({'bias': 1.0, 'scale': 1.0})
    decays({'bias': 1.0, 'gamma': 1.0})


def gradients_with_nan():
  """Returns gradients of two parameters; every third of the second is NaN."""
  grads = np.stack([np.cos(np.arange(20)), np.cos(np.arange(20))], axis=1)
  grads[2::3, 1] = np.nan
  return grads


def tf1_adam_with_none():
  """Returns two variables at every step; gradients of NaN become None."""
  import tensorflow.compat.v1 as tf  # pylint: disable=import-outside-toplevel

  variables = [tf.Variable(1.0, dtype=tf.float64) for _ in range(2)]
  # TensorFlow rounds Python's numbers to float32.
  settings = [np.float64(number) for number in (0.1, 0.9, 0.999, 1e-8)]
  optimizer = tf.train.AdamOptimizer(*settings)
  history = [[1.0, 1.0]]
  for values in gradients_with_nan():
    grads = [None if np.isnan(g) else tf.constant(g) for g in values]
    optimizer.apply_gradients(zip(grads, variables, strict=True))
    history.append([v.numpy() for v in variables])
  return np.stack(history)


@processes.only_all
class NoneTest(absltest.TestCase):

  def test_adam_of_tensorflow_1_counts_steps_for_all_variables(self):
    theirs = processes.call_in('tensorflow', tf1_adam_with_none)
    skip_nan = names_of('keras', 'Gradients')['skip_nan']
    optimizer = skip_nan(optax.adam(0.1, eps=1e-8, tf_style=True))
    with jax.enable_x64(True):
      ours = training.train(optimizer, np.ones(2), gradients_with_nan())
    self.assertLess(problem.distance([theirs], ours), 1e-10)
    first, second = theirs[-1]
    self.assertGreater(abs(first - second), 1e-2)


def rates_at_the_end_of_a_cycle():
  """Returns Keras's rates of update 180 on TensorFlow, eager and compiled."""
  import keras  # pylint: disable=import-outside-toplevel
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 60, cycle=True)
  compiled = tf.function(schedule)
  count = tf.constant(180)
  return float(schedule(count)), float(compiled(count))


def train_nadam(number, compiles):
  """Returns variables at every step of tf_keras's Nadam, with equal gradients.

  Args:
    number: The number of variables.
    compiles: Whether a `tf.function` makes the steps.
  """
  import tensorflow as tf  # pylint: disable=import-outside-toplevel
  import tf_keras  # pylint: disable=import-outside-toplevel

  variables = [tf.Variable(1.0) for _ in range(number)]
  optimizer = tf_keras.optimizers.Nadam(0.01)
  optimizer.build(variables)

  def step(grad):
    optimizer.apply_gradients([(grad, variable) for variable in variables])

  run = tf.function(step) if compiles else step
  history = [[1.0] * number]
  for t in range(50):
    run(tf.constant(np.cos(t), tf.float32))
    history.append([variable.numpy() for variable in variables])
  return np.stack(history)


@processes.only_all
class NadamTest(absltest.TestCase):

  def test_nadam_of_keras_2_differs_in_a_function_with_several_variables(self):

    def difference(number):
      eager, compiled = (
          processes.call_in('tensorflow', train_nadam, number, compiles)
          for compiles in (False, True)
      )
      return problem.distance([eager], [compiled])

    self.assertLess(difference(1), 1e-5)
    self.assertGreater(difference(2), 1e-2)


@processes.only_all
class CycleTest(absltest.TestCase):

  def test_compiled_on_tensorflow_a_cycle_starts_an_update_early(self):
    eager, compiled = processes.call_in(
        'tensorflow', rates_at_the_end_of_a_cycle
    )
    end_rate = 1e-4
    self.assertAlmostEqual(eager, end_rate, places=7)
    self.assertGreater(compiled, 100 * end_rate)


class ScikitLearnTest(absltest.TestCase):

  def test_alpha_decays_weights_but_not_biases(self):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 3))
    y = rng.normal(size=10)
    model = neural_network.MLPRegressor(
        hidden_layer_sizes=(2,),
        activation='tanh',
        alpha=5.0,
        batch_size=10,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(x, y)
    # So that the next step is the first one of a new optimizer.
    del model._optimizer  # pylint: disable=protected-access

    def read():
      return [w.copy() for w in [*model.coefs_, *model.intercepts_]]

    def loss(params):
      w1, w2, b1, b2 = params
      predicted = jnp.tanh(x @ w1 + b1) @ w2 + b2
      return jnp.mean((predicted[:, 0] - y) ** 2) / 2

    def is_matrix(params):
      return jax.tree.map(lambda p: p.ndim > 1, params)

    optimizer = optax.chain(
        optax.add_decayed_weights(5.0 / 10, is_matrix),
        optax.adam(1e-3, eps=1e-8, tf_style=True),
    )
    with jax.enable_x64(True):
      params = jax.tree.map(jnp.asarray, read())
      state = optimizer.init(params)
      for _ in range(20):
        model.partial_fit(x, y)
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    for theirs, ours in zip(read(), params, strict=True):
      np.testing.assert_allclose(theirs, ours, rtol=1e-12)


if __name__ == '__main__':
  absltest.main()
