"""Half a run in a framework and half in optax ends like the whole run."""

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from porting import carry_over

os.environ.setdefault('KERAS_BACKEND', 'jax')

STEPS, HALF = 24, 12
BIAS = 1
NAMES = ('kernel', 'bias', 'table', 'scale')
SHAPES = ((4, 3), (3,), (3, 4), ())
LR = 1e-2


def problem(dtype):
  """Returns the first parameters, and the gradients, from 1e-6 to 1."""
  rng = np.random.default_rng(23)
  params = [np.asarray(rng.normal(size=s), dtype) for s in SHAPES]
  draw = lambda shape: np.asarray(10 ** rng.uniform(-6, 0, shape), dtype)
  return params, [[draw(shape) for shape in SHAPES] for _ in range(STEPS)]


def to_params(leaves):
  """Puts a list in the order of NAMES into a tree of a different order."""
  kernel, bias, table, scale = leaves
  return {'dense': {'kernel': kernel.T, 'bias': bias}, 'a': [scale, table]}


def is_bias(tree=True):
  """Returns a mask for `to_params`."""
  return to_params([np.array((i == BIAS) == tree) for i in range(4)])


def split(bias, others):
  """Trains the bias with one optimizer, and all others with another."""
  labels = jax.tree.map(lambda x: 'bias' if x else 'others', is_bias())
  return optax.partition({'bias': bias, 'others': others}, labels)


inject = optax.inject_hyperparams
adam = lambda rate: optax.adam(rate, eps=1e-7, tf_style=True)
adamw = lambda rate: optax.adamw(rate, eps=1e-7, tf_style=True)
distance = lambda x, y: optax.tree.norm(optax.tree.sub(x, y), ord=jnp.inf)
SCHEDULE = optax.exponential_decay(LR, 6, 0.5)
ADAM = adam(LR)
AMSGRAD = optax.amsgrad(LR, eps=1e-7, tf_style=True)
NONE = optax.set_to_zero()
MASKED = optax.masked(ADAM, is_bias(False)), optax.masked(NONE, is_bias())
OUTSIDE = inject(lambda rate: optax.MultiSteps(adam(rate), 2))(SCHEDULE)
TORCH_AMSGRAD = inject(optax.amsgrad)(
    LR, eps=lambda t: 1e-8 * jnp.sqrt(1 - 0.999 ** (t + 1)), tf_style=True
)


def train(step, values, carry, dtype='float64'):
  """Returns what `carry` gives halfway, and the parameters then and last."""
  for t, grads in enumerate(problem(dtype)[1]):
    if t == HALF:
      carried, half = carry(), values()
    step(grads)
  return carried, half, values()


class TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def _folder(self):
    return self.enter_context(tempfile.TemporaryDirectory())

  def _check(self, optimizer, moments, half, end, tolerance=1e-10):
    """Goes on from `half` in optax, and compares with the framework's `end`."""
    start, grads = problem(half[0].dtype)
    params, expected = to_params(half), to_params(end)
    state = carry_over.resume(optimizer, params, moments.map(to_params))
    fresh = optimizer.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, fresh)
    self.assertEqual(optax.tree.get(state, 'gradient_step', 3), 3)
    update = jax.jit(optimizer.update)

    def finish(state):
      now = jax.tree.map(jnp.asarray, params)
      for step in grads[HALF:]:
        updates, state = update(to_params(step), state, now)
        now = optax.apply_updates(now, updates)
      return distance(now, expected) / distance(to_params(start), expected)

    self.assertLess(finish(state), tolerance)
    self.assertGreater(finish(fresh), 1e-3)


class KerasTest(TestCase):

  def _run(self, call, frozen=None):
    keras = pytest.importorskip('keras')
    self.addCleanup(keras.config.set_floatx, keras.config.floatx())
    keras.config.set_floatx('float64')
    schedule = keras.optimizers.schedules.ExponentialDecay(LR, 6, 0.5)
    names = dict(vars(keras.optimizers), LR=LR, SCHEDULE=schedule)
    optimizer = eval(call, names)  # pylint: disable=eval-used
    variables = [keras.Variable(x) for x in problem('float64')[0]]
    optimizer.build(variables)
    apply = jax.jit(optimizer.stateless_apply)

    def step(grads):
      grads = [None if i == frozen else g for i, g in enumerate(grads)]
      states = [v.value for v in optimizer.variables]
      params, states = apply(states, grads, [v.value for v in variables])
      owners = variables + optimizer.variables
      for owner, value in zip(owners, params + states, strict=True):
        owner.assign(value)

    values = lambda: [np.asarray(v.value) for v in variables]
    return train(step, values, lambda: carry_over.from_keras(optimizer))

  @parameterized.parameters(
      ('Adam(LR, use_ema=True)', ADAM),
      ('Adam(LR, amsgrad=True)', AMSGRAD),
      ('Adam(LR, clipvalue=0.1)', optax.chain(optax.clip(0.1), ADAM)),
      ('Adam(SCHEDULE)', adam(SCHEDULE)),
      ('AdamW(SCHEDULE, 1e-4)', inject(adamw)(SCHEDULE)),
      ('LossScaleOptimizer(Adam(LR), 1.0)', optax.apply_if_finite(ADAM, 9)),
      ('Adam(LR, gradient_accumulation_steps=4)', optax.MultiSteps(ADAM, 4)),
      ('Adam(LR)', split(ADAM, ADAM)),
      ('Adam(LR)', split(NONE, ADAM), BIAS),
      ('Adam(LR)', optax.chain(*MASKED), BIAS),
  )
  def test_keras(self, call, optimizer, frozen=None):
    # Keras computes schedules in float32, and MultiSteps its means.
    tolerance = 1e-6 if 'SCHEDULE' in call or 'steps' in call else 1e-10
    self._check(optimizer, *self._run(call, frozen), tolerance)

  def test_unfinished_accumulation_is_refused(self):
    with self.assertRaisesRegex(ValueError, '2 of 5 .* Make 3 more steps'):
      self._run('Adam(gradient_accumulation_steps=5)')

  def test_refuses_anything_but_a_trained_adam(self):
    keras = pytest.importorskip('keras')
    own = type('Own', (keras.optimizers.Adam,), {'update_step': print})
    built = keras.optimizers.Adam()
    built.build([keras.Variable(1.0)])
    for wrong, message in (
        (keras.optimizers.Nadam(), "Nadam; expected Keras's Adam"),
        (own(), 'Own; .* construct Moments'),
        (keras.Sequential(), 'Sequential; .* model.optimizer'),
        (keras.optimizers.Adam(), '0 updates of 0'),
        (built, '0 updates of 1'),
    ):
      with self.assertRaisesRegex(ValueError, message):
        carry_over.from_keras(wrong)


class OlderKerasTest(TestCase):

  @parameterized.parameters(
      ('Adam(LR)', ADAM),
      ('legacy.Adam(LR, amsgrad=True)', AMSGRAD),
  )
  def test_tf_keras(self, call, expected):
    tf = pytest.importorskip('tensorflow')
    keras = pytest.importorskip('tf_keras')
    names = dict(vars(keras.optimizers), LR=LR)
    optimizer = eval(call, names)  # pylint: disable=eval-used
    variables = [tf.Variable(x) for x in problem('float32')[0]]
    run = train(
        lambda g: optimizer.apply_gradients(zip(g, variables, strict=True)),
        lambda: [v.numpy() for v in variables],
        lambda: carry_over.from_keras(optimizer),
        'float32',
    )
    self._check(expected, *run, tolerance=1e-5)

  def test_legacy_optimizer_that_was_restored_is_refused(self):
    tf = pytest.importorskip('tensorflow')
    keras = pytest.importorskip('tf_keras')
    path = f'{self._folder()}/saved'
    variables = [tf.Variable(1.0), tf.Variable(1.0)]
    optimizer = keras.optimizers.legacy.Adam()
    optimizer.apply_gradients([(1.0, variables[0]), (2.0, variables[1])])
    tf.train.Checkpoint(x=variables[::-1], o=optimizer).write(path)
    restored = keras.optimizers.legacy.Adam()
    tf.train.Checkpoint(x=variables[::-1], o=restored).read(path)
    with self.assertRaisesRegex(ValueError, 'order of a checkpoint.*get_slot'):
      carry_over.from_keras(restored)


class SaverTest(TestCase):

  def _run(self, scope='', has_step=True):
    tf = pytest.importorskip('tensorflow').compat.v1
    start, _ = problem('float32')
    path = f'{self._folder()}/model.ckpt'
    with tf.Graph().as_default(), tf.Session() as session:
      make = lambda n, x: tf.get_variable(n, initializer=x, use_resource=True)
      with tf.variable_scope('net'):
        variables = list(map(make, NAMES, start))
      with tf.variable_scope('target/net'):
        make('bias', start[1])
      fed = [tf.placeholder(v.dtype, v.shape) for v in variables]
      count = tf.train.get_or_create_global_step() if has_step else None
      with tf.variable_scope(scope):
        rule = tf.train.AdamOptimizer(LR, epsilon=1e-7)
        update = rule.apply_gradients(zip(fed, variables, strict=True), count)
      session.run(tf.global_variables_initializer())
      return train(
          lambda grads: session.run(update, dict(zip(fed, grads, strict=True))),
          lambda: session.run(variables),
          lambda: tf.train.Saver().save(session, path),
          'float32',
      )

  @parameterized.parameters(('', True), ('training', True), ('', False))
  def test_saver(self, scope, has_step):
    path, *run = self._run(scope, has_step)
    names = [f'net/{name}:0' for name in NAMES]
    if not has_step:
      with self.assertRaisesRegex(ValueError, 'global_step.*pass count'):
        carry_over.from_saver(path, names)
    moments = carry_over.from_saver(path, names, None if has_step else HALF)
    self._check(ADAM, moments, *run, tolerance=1e-5)

  def test_refuses_a_name_that_was_not_saved(self):
    path, *_ = self._run()
    for name in ('kernel', 'target/net/bias', 'net/kernels'):
      with self.assertRaisesRegex(ValueError, 'net/kernel.*Correct names'):
        carry_over.from_saver(path, [name])
    tf = pytest.importorskip('tensorflow')
    tf.train.Checkpoint(kernel=tf.Variable(1.0)).write(path)
    with self.assertRaisesRegex(ValueError, 'tf.train.Checkpoint.*from_keras'):
      carry_over.from_saver(path, ['kernel'], count=3)


class TorchTest(TestCase):

  def _run(self, call, dtype='float64', frozen=()):
    torch = pytest.importorskip('torch')
    tensor = lambda x: torch.tensor(x, dtype=getattr(torch, dtype))
    p = [torch.nn.Parameter(tensor(x)) for x in problem('float64')[0]]
    names = dict(vars(torch.optim), LR=LR, p=p)
    optimizer = eval(call, names)  # pylint: disable=eval-used

    def step(grads):
      for i, grad in enumerate(grads):
        p[i].grad = None if i in frozen else tensor(grad)
      optimizer.step()

    def carry():
      path = f'{self._folder()}/optimizer.pt'
      torch.save(optimizer.state_dict(), path)
      return carry_over.from_torch(optimizer), torch.load(path)

    values = lambda: [x.double().detach().numpy().copy() for x in p]
    return train(step, values, carry)

  @parameterized.parameters(
      ('AdamW(p, LR, weight_decay=1e-2)', optax.adamw(LR, weight_decay=1e-2)),
      ('Adam([{"params": p[:2]}, {"params": p[2:]}], LR)', optax.adam(LR)),
      ('Adam(p, LR, amsgrad=True)', TORCH_AMSGRAD),
  )
  def test_torch(self, call, optimizer):
    (moments, state), *run = self._run(call)
    self._check(optimizer, moments, *run)
    self._check(optimizer, carry_over.from_torch(state), *run)

  def test_parameter_without_a_gradient_has_zero_moments(self):
    (moments, state), *run = self._run('Adam(p, LR)', frozen=[BIAS])
    self._check(split(NONE, optax.adam(LR)), moments, *run)
    moments = carry_over.from_torch(state, iter(run[0]))
    self.assertFalse(np.any([x[BIAS] for x in moments[1:3]]))
    for params in ((), run[0][:3]):
      with self.assertRaisesRegex(ValueError, '1 of 4.*Pass all params'):
        carry_over.from_torch(state, params)

  def test_bfloat16(self):
    (moments, _), half, _ = self._run('Adam(p, LR)', 'bfloat16')
    params = jax.tree.map(lambda x: x.astype(jnp.bfloat16), half)
    state, _ = carry_over.resume(optax.adam(LR), params, moments)
    chex.assert_trees_all_equal(jax.tree.map(np.float32, state.nu), moments.nu)

  @parameterized.parameters(
      ('SGD(p, LR, momentum=0.9)', 'momentum_buffer'),
      ('NAdam(p, LR)', 'mu_product'),
      ('RAdam(p, LR)', 'amsgrad'),
      ('Adam([{"params": p[:2]}, {"params": p[2:], "amsgrad": True}])', 'max_'),
      ('Adam(p, LR)', 'trained Adam', range(4)),
  )
  def test_refuses_anything_but_a_trained_adam(self, call, what, frozen=()):
    with self.assertRaisesRegex(ValueError, what):
      self._run(call, 'float64', frozen)
    with self.assertRaisesRegex(ValueError, f'{type(call).__name__} of '):
      carry_over.from_torch(call)

  def test_different_step_counts_are_refused(self):
    (_, state), *_ = self._run('Adam(p, LR)')
    state['state'][2]['step'] = 3
    with self.assertRaisesRegex(ValueError, 'steps=.*3.*one number of steps'):
      carry_over.from_torch(state)


class ResumeTest(TestCase):

  @parameterized.parameters(
      (ADAM, {'mu': [1.0]}, 'mu.*a.* of shape None.*moments.map'),
      (ADAM, {'nu': {'a': np.ones((3, 2))}}, r'nu.*a.* \(3, 2\).*\(2, 3\)'),
      (ADAM, {'nu': {'a': -np.ones((2, 3))}}, 'no nu below 0'),
      (ADAM, {'mu': {'a': np.ones((2, 3)), 'b': 1.0}}, 'no place for .*b'),
      (ADAM, {'nu_max': {'a': np.ones((2, 3))}}, 'no place for .*nu_max'),
      (AMSGRAD, {}, 'nu_max.*a.* of shape None'),
      (optax.sgd(LR), {}, 'no place for .*mu.* expected Adam'),
      (optax.chain(ADAM, ADAM), {}, 'mu.*a.* of shape None'),
      (optax.chain(ADAM, optax.ema(0.9)), {}, r'state\[1\].* add its state'),
      (optax.chain(ADAM, optax.trace(0.9)), {}, 'trace.* add its state'),
      (OUTSIDE, {}, 'counts outside of MultiSteps'),
  )
  def test_refuses_moments_that_do_not_fit(self, optimizer, change, message):
    params = {'a': np.ones((2, 3))}
    moments = carry_over.Moments(5, params, params)._replace(**change)
    with self.assertRaisesRegex(ValueError, message):
      carry_over.resume(optimizer, params, moments)

  @parameterized.parameters(
      lambda x, y: {'a': x * 2, 'b': y},
      lambda x, y: {'a': x[:1], 'b': y},
      lambda x, y: {'a': x, 'b': y, 'c': x},
      lambda x, y: {'a': x.mean(0) - y},
  )
  def test_map_refuses_functions_that_change_values(self, function):
    arrays = [np.ones((2, 3), np.float32), np.ones(3, jnp.bfloat16)]
    moments = carry_over.Moments(5, arrays, arrays)
    with self.assertRaisesRegex(ValueError, 'renames, transposes or reshapes'):
      moments.map(lambda leaves: function(*leaves))
    kept = moments.map(lambda x: {'a': x[0].T.reshape(2, 3), 'b': (x[1], None)})
    chex.assert_trees_all_equal(kept.nu['b'], (arrays[1], None))


if __name__ == '__main__':
  absltest.main()
