"""Half a run in a framework and half in optax ends where the framework does.

The functions under test are the code blocks of the porting guide.
"""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.parity import frameworks
from tests.parity import measure
from tests.parity import rounding
from tests.parity import rows_test
from tests.parity import selection
from tests.parity import tables

LR = 1e-2
HALF = measure.STEPS // 2
ADAM = 'optax.adam(lr, eps=1e-5, tf_style=True)'
AMSGRAD = 'optax.amsgrad(lr, eps=1e-5, tf_style=True)'
ADAMW = 'optax.adamw(lr, eps=1e-5, weight_decay=0.1, tf_style=True)'


def page_code(*names):
  """Returns the functions that the porting guide shows in the named blocks."""
  page = tables.GUIDE.read_text('utf-8')
  found = {}
  for name in ('resume', *names):
    exec(tables.read_code(page, name), found)  # pylint: disable=exec-used
  return found


class StateTest(parameterized.TestCase):

  def _folder(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)

  def _check(self, text, half, end, carry, dtype='float64'):
    """Goes on from half-way with the state that `carry` makes, and without.

    Args:
      text: The optax call.
      half: The parameters half-way, a list.
      end: The parameters of the framework's own run.
      carry: From the optimizer and the parameters to the state.
      dtype: Of the problem.
    """
    params, grads = measure.problem(dtype, LR)
    start, stream = list(params.values()), list(grads.values())
    names = dict(lr=LR, dtype=dtype)
    with frameworks.precision(dtype):
      optimizer, step = frameworks.optax_step(text, **names)
      half = [jnp.asarray(x) for x in half]
      rest = [jnp.asarray(g[HALF:]) for g in stream]
      scan = jax.jit(lambda state: jax.lax.scan(step, (half, state), rest))
      ported, fresh = (
          scan(state)[0][0]
          for state in (carry(optimizer, half), optimizer.init(half))
      )
    spread = rounding.spread(text, params, grads, names)
    # Decay rounds the parameters once more in Keras.
    largest = max(float(np.max(np.abs(x))) for x in start)
    twice = measure.STEPS * float(jnp.finfo(dtype).eps) / 2 * largest
    allowed = 2 * spread + ('decay' in text) * twice

    def largest_difference(other):
      return max(
          float(np.max(np.abs(np.asarray(x, np.float64) - y)))
          for x, y in zip(other, end, strict=True)
      )

    self.assertLessEqual(largest_difference(ported), allowed)
    margin = rows_test.MARGIN * allowed
    self.assertGreaterEqual(largest_difference(fresh), margin)

  def _keras_run(self, optimizer, variables, at_half):
    """Runs Keras; returns the parameters half-way and at the end."""
    _, grads = measure.problem(variables[0].dtype, LR)
    optimizer.build(variables)
    step = jax.jit(optimizer.stateless_apply)
    params, state = (
        [v.value for v in of] for of in (variables, optimizer.variables)
    )
    for t, leaves in enumerate(zip(*grads.values(), strict=True)):
      if t == HALF:
        half = params
        owners = [*variables, *optimizer.variables]
        for owner, value in zip(owners, [*params, *state], strict=True):
          owner.assign(value)
        at_half()
      params, state = step(state, list(leaves), params)
    return [[np.asarray(x) for x in values] for values in (half, params)]

  def test_a_keras_model_from_its_file(self):
    page = page_code('keras')
    path = self._folder() / 'run.keras'
    params, _ = measure.problem('float64', LR)
    with frameworks.keras_floats('float64') as keras:
      inputs = keras.Input((24,)), keras.Input((1,))
      bias = keras.layers.LayerNormalization(center=False)(inputs[0])
      kernel = keras.layers.Embedding(8, 9)(inputs[1])
      model = keras.Model(inputs, (bias, kernel))
      model.compile(keras.optimizers.AdamW(LR, epsilon=1e-5, weight_decay=0.1))
      model.set_weights(list(params.values()))
      half, end = self._keras_run(
          model.optimizer, model.trainable_variables, lambda: model.save(path)
      )
      state = page['keras_state'](keras.saving.load_model(path).optimizer)
    self.assertEqual(state['updates_made'], HALF)
    self._check(ADAMW, half, end, lambda *x: page['resume'](*x, **state))

  @parameterized.parameters(
      ('Adam(lr, epsilon=1e-5, amsgrad=True)', AMSGRAD),
      # The loss is not scaled here, and neither must the gradients be.
      (
          'LossScaleOptimizer(Adam(lr, epsilon=1e-5), initial_scale=1.0, '
          'dynamic_growth_steps=1000)',
          ADAM,
      ),
      (
          'Adam(lr, epsilon=1e-5, gradient_accumulation_steps=4)',
          f'optax.MultiSteps({ADAM}, 4, accumulator_dtype=dtype)',
      ),
  )
  def test_a_keras_optimizer(self, call, text):
    page = page_code('keras', 'multi-steps')
    accumulates = 'MultiSteps' in text
    params, _ = measure.problem('float64', LR)
    with frameworks.keras_floats('float64') as keras:
      variables = [
          keras.Variable(v, dtype='float64', name=k) for k, v in params.items()
      ]
      names = frameworks.keras_names(keras)
      optimizer = frameworks.define(call, **names, lr=LR)['optimizer']
      state, accumulated = {}, []

      def at_half():
        state.update(page['keras_state'](optimizer))
        if accumulates:
          accumulated.append(page['accumulated'](optimizer))

      half, end = self._keras_run(optimizer, variables, at_half)

    def carry(optimizer, params):
      carried = page['resume'](optimizer, params, **state)
      if accumulates:
        carried = page['resume_accumulating'](carried, *accumulated[0])
      return carried

    self._check(text, half, end, carry)

  def test_a_tensorflow_checkpoint_of_a_keras_optimizer(self):
    selection.require('tensorflow')
    page = page_code('keras', 'checkpoint')
    folder = self._folder()
    measure.on_tensorflow('checkpoints', str(folder))
    half, end = (
        list(np.load(folder / f'{name}.npz').values())
        for name in ('half', 'end')
    )
    state = page['checkpoint_state'](
        str(folder / 'checkpoint'), len(half), amsgrad=True
    )
    self.assertEqual(state['updates_made'], HALF)
    text = (
        'optax.chain(optax.scale_by_amsgrad(eps=1e-5, epsilon_hat=True), '
        'optax.add_decayed_weights(0.3), optax.scale_by_learning_rate(lr))'
    )
    carry = lambda *x: page['resume'](*x, **state)
    self._check(text, half, end, carry, 'float32')

  def test_a_tensorflow_1_saver(self):
    tf = selection.require('tensorflow')
    page = page_code('keras', 'checkpoint', 'saver')
    params, grads = measure.problem('float32', LR)
    path = str(self._folder() / 'model')
    tf1 = tf.compat.v1
    with tf.Graph().as_default(), tf1.Session() as session:
      variables = [
          tf1.get_variable(name, initializer=value, use_resource=True)
          for name, value in params.items()
      ]
      step = tf1.train.get_or_create_global_step()
      fed = [tf1.placeholder(v.dtype, v.shape) for v in variables]
      train = tf1.train.AdamOptimizer(LR, epsilon=1e-5).apply_gradients(
          zip(fed, variables, strict=True), global_step=step
      )
      session.run(tf1.global_variables_initializer())
      for t, leaves in enumerate(zip(*grads.values(), strict=True)):
        if t == HALF:
          tf1.train.Saver().save(session, path)
          half = session.run(variables)
        session.run(train, dict(zip(fed, leaves, strict=True)))
      end = session.run(variables)

    state = page['saver_state'](path, list(params))
    self.assertEqual(state['updates_made'], HALF)
    power = tf.train.load_checkpoint(path).get_tensor('beta2_power')
    self.assertAlmostEqual(float(power), 0.999 ** (HALF + 1), places=5)
    carry = lambda *x: page['resume'](*x, **state)
    self._check(ADAM, half, end, carry, 'float32')

  @parameterized.parameters(False, True)
  def test_a_pytorch_optimizer(self, amsgrad):
    torch = selection.require('torch')
    page = page_code('keras', 'torch')
    params, grads = measure.problem('float64', LR)
    leaves = [torch.nn.Parameter(torch.tensor(v)) for v in params.values()]
    optimizer = torch.optim.Adam(leaves, LR, eps=1e-5, amsgrad=amsgrad)
    for t, step in enumerate(zip(*grads.values(), strict=True)):
      if t == HALF:
        half = [leaf.detach().numpy().copy() for leaf in leaves]
        with frameworks.precision('float64'):
          state = page['torch_state'](optimizer)
      for leaf, grad in zip(leaves, step, strict=True):
        leaf.grad = torch.tensor(grad)
      optimizer.step()
    end = [leaf.detach().numpy() for leaf in leaves]

    def carry_amsgrad(optimizer, params):
      fresh = optimizer.init(params)
      count = jnp.asarray(state['updates_made'], jnp.int32)
      moments = {k: v for k, v in state.items() if k != 'updates_made'}
      inner = optax.tree.set(fresh.inner_state, count=count, **moments)
      schedules = optax.tree.set(fresh.hyperparams_states, count=count)
      return fresh._replace(
          count=count, hyperparams_states=schedules, inner_state=inner
      )

    if amsgrad:
      text = (
          'optax.inject_hyperparams(optax.amsgrad)(lr, tf_style=True, '
          'eps=lambda count: 1e-5 * jnp.sqrt(1 - 0.999 ** (count + 1)))'
      )
      self._check(text, half, end, carry_amsgrad)
    else:
      carry = lambda *x: page['resume'](*x, **state)
      self._check('optax.adam(lr, eps=1e-5)', half, end, carry)


if __name__ == '__main__':
  absltest.main()
