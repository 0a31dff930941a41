"""The code that port.py prints makes the updates of PyTorch's optimizers.

`port_torch_test.py` runs these tests.
"""

import copy
import functools
from unittest import mock
import warnings

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from porting import port
from tests.porting import torch_draws

schedulers = torch.optim.lr_scheduler


def _parameters(values=None):
  values = values or [np.ones(shape) for shape in torch_draws.SHAPES]
  return [torch.nn.Parameter(torch.tensor(value)) for value in values]


def _values(seed):
  rng = np.random.default_rng(seed)
  return [rng.normal(size=shape) for shape in torch_draws.SHAPES]


def _gradients(seed, steps):
  """Returns gradients of sizes from 1e-6 to 1, one in ten of them zero."""
  rng = np.random.default_rng(seed)
  gradients = []
  for shape in torch_draws.SHAPES:
    size = (steps, *shape)
    exponents = rng.uniform(-6, -1, shape) + rng.uniform(0, 1, size)
    kept = rng.random(size) > 0.1
    gradients.append(kept * rng.choice([-1, 1], size) * 10**exponents)
  return gradients


def _train_torch(params, optimizer, scheduler, every, gradients):
  """Returns the parameters after each step of a usual training loop."""
  history = []
  for count, grads in enumerate(zip(*gradients, strict=True)):
    if scheduler and count and count % every == 0:
      scheduler.step()
    for param, grad in zip(params, grads, strict=True):
      param.grad = torch.tensor(grad) if param.requires_grad else None
    optimizer.step()
    history.append([param.detach().numpy().copy() for param in params])
  return [np.stack(values) for values in zip(*history, strict=True)]


def _train_optax(code, values, gradients, **scope):
  """Returns the parameters after each step of the optimizer in a code."""
  names = {'to_params': list, **scope}
  exec(code, names)  # pylint: disable=exec-used
  optimizer = names['optimizer']

  def step(carry, grads):
    params, state = carry
    updates, state = optimizer.update(grads, state, params)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  with port._float64():  # pylint: disable=protected-access
    params = [jnp.asarray(value) for value in values]
    start = params, optimizer.init(params)
    _, history = jax.lax.scan(step, start, gradients)
  return [np.asarray(x) for x in history]


def _distance(theirs, ours, values):
  """Returns the largest difference over the largest distance traveled."""
  apart = max(np.max(np.abs(a - b)) for a, b in zip(theirs, ours, strict=True))
  starts = zip(theirs, values, strict=True)
  return apart / max(np.max(np.abs(a - start)) for a, start in starts)


class DrawsTest(absltest.TestCase):
  """Settings of all kinds at once."""

  DRAWS = 60
  # Why a draw may be refused.
  REASONS = (
      '^torch.optim.lr_scheduler.LambdaLR needs a translation of your own',
      '^torch.optim.lr_scheduler.ChainedScheduler needs a translation',
      "^torch.optim.lr_scheduler.ReduceLROnPlateau can't be translated",
  )

  def _check(self, seed):
    """Checks a draw on other gradients, or returns why it is refused."""
    drawn = torch_draws.Torch(torch, seed)
    values = _values(seed)
    _, *translated = drawn.create(values)
    try:
      code = port.to_optax(*translated, scheduler_every=drawn.every)
    except ValueError as error:
      return str(error)
    gradients = _gradients(seed, min(250, drawn.last_step()))
    theirs = _train_torch(*drawn.create(values), drawn.every, gradients)
    ours = _train_optax(code, values, gradients)
    distance = _distance(theirs, ours, values)
    bound = 1e-5 if drawn.kind == 'NAdam' else 1e-10
    self.assertLessEqual(distance, bound, f'{drawn}\n{code}')
    return None

  def test_right_or_refused_for_a_known_reason(self):
    refused = 0
    for seed in range(self.DRAWS):
      with self.subTest(seed=seed):
        reason = self._check(seed)
        if reason:
          refused += 1
          self.assertRegex(reason, '|'.join(self.REASONS))
    self.assertLessEqual(refused, self.DRAWS / 4)



def _step_loss(optimizer):
  """Makes one update with a loss that every parameter is part of."""
  params = [p for group in optimizer.param_groups for p in group['params']]
  sum(torch.sum(param**2) for param in params).backward()
  optimizer.step()
  optimizer.zero_grad()


class Model:
  """What a method may belong to that computes a schedule."""

  def __deepcopy__(self, memo):
    raise MemoryError

  def halve(self, count):
    return 0.5**count


class StateTest(absltest.TestCase):
  """A trained optimizer is described from its first step, and not changed."""

  def setUp(self):
    super().setUp()
    self.optimizer = torch.optim.Adam(_parameters(), lr=torch.tensor(1e-3))
    parts = [
        schedulers.LinearLR(self.optimizer, 0.1, total_iters=3),
        schedulers.StepLR(self.optimizer, 2),
    ]
    self.scheduler = schedulers.SequentialLR(self.optimizer, parts, [3])

  def _train(self):
    for _ in range(8):
      _step_loss(self.optimizer)
      self.scheduler.step()

  def test_trained_is_described_from_the_first_step(self):
    before = port.to_optax(self.optimizer, self.scheduler)
    self._train()
    after = port.to_optax(self.optimizer, self.scheduler)
    self.assertEqual(before, after)
    # As a float32, the rate is 0.0010000000474974513.
    self.assertIn('linear_schedule(1e-4, 1e-3, 3.0)', after)

  def test_nothing_is_changed(self):

    def read():
      states = self.optimizer.state_dict(), self.scheduler.state_dict()
      params = self.optimizer.param_groups[0]['params']
      settings = torch.get_rng_state().tolist(), jax.config.jax_enable_x64
      return repr((states, params, settings))

    self._train()
    before = read()
    with warnings.catch_warnings():
      warnings.simplefilter('error')
      port.to_optax(self.optimizer, self.scheduler)
    self.assertEqual(before, read())

  def test_models_are_not_copied(self):
    huge = torch.nn.Parameter(torch.empty(10**12, device='meta'))
    optimizer = torch.optim.AdamW([huge])
    scheduler = schedulers.LambdaLR(optimizer, Model().halve)

    def rate(count):
      return 1e-3 * 0.5**count

    code = port.to_optax(optimizer, scheduler, learning_rate=rate)
    expected = 'optimizer = optax.adamw(rate, eps=1e-8, weight_decay=0.01)\n'
    self.assertEndsWith(code, expected)


def _without(call, name):
  broken = copy.copy(call)
  broken.settings = {k: v for k, v in call.settings.items() if k != name}
  return broken


def _broken(links):
  """Returns lists of transformations that differ by one mistake."""
  dropped = [links[:i] + links[i + 1 :] for i in range(len(links))]
  forgotten = [
      [*links[:i], _without(call, name), *links[i + 1 :]]
      for i, call in enumerate(links)
      for name in call.settings
  ]
  return [links[::-1]] * (len(links) > 1) + dropped * (len(links) > 1) + forgotten


def _changed(call):
  """Returns calls that differ by a larger number each."""
  changed = []
  for i, value in enumerate(call.args):
    if isinstance(value, float):
      other = value * 1.01 or 1e-4
    elif isinstance(value, int):
      other = value + 1
    elif isinstance(value, list) and isinstance(value[0], (int, float)):
      other = [x + 1 for x in value]
    elif isinstance(value, dict):
      other = {count + 1: scale for count, scale in value.items()}
    else:
      continue
    broken = copy.copy(call)
    broken.args = (*call.args[:i], other, *call.args[i + 1 :])
    changed.append(broken)
  return changed


class BrokenTranslationTest(parameterized.TestCase):
  """`to_optax` notices a mistake in a rule of the translation."""

  def _check(self, rules, kind, mistakes, optimizer, scheduler):
    """Checks that each mistake that a rule may make is noticed."""
    rule = rules[kind]
    made = []

    @functools.wraps(rule)
    def right(*args, **settings):
      made.append(rule(*args, **settings))
      return made[-1]

    with mock.patch.dict(rules, {kind: right}):
      port.to_optax(optimizer, scheduler)
    wrong = mistakes(made[0])
    self.assertNotEmpty(wrong)
    for mistake in wrong:

      @functools.wraps(rule)
      def broken(*args, mistake=mistake, **settings):
        del args, settings
        return mistake

      with self.subTest(repr(mistake)), mock.patch.dict(rules, {kind: broken}):
        with self.assertRaisesRegex(ValueError, 'disagrees|updates, but'):
          port.to_optax(optimizer, scheduler)

  @parameterized.parameters(
      ('Adagrad', dict(lr_decay=0.1, initial_accumulator_value=0.1, eps=1e-6)),
      ('Adam', dict(betas=(0.8, 0.99), eps=1e-6, amsgrad=True)),
      ('AdamW', dict(betas=(0.8, 0.99), eps=1e-6)),
      ('NAdam', dict(betas=(0.8, 0.99), eps=1e-4, momentum_decay=0.1)),
      ('RAdam', dict(betas=(0.8, 0.99), eps=1e-6)),
      ('RMSprop', dict(alpha=0.9, eps=1e-6, momentum=0.9)),
      ('SGD', dict(momentum=0.9, dampening=0.5)),
      ('SGD', dict(momentum=0.9, nesterov=True)),
  )
  def test_optimizer(self, kind, settings):
    optimizer = getattr(torch.optim, kind)(
        _parameters(), lr=0.01, weight_decay=0.1, **settings
    )
    scheduler = schedulers.MultiStepLR(optimizer, [20, 50])
    rules = port._TORCH_OPTIMIZERS  # pylint: disable=protected-access
    self._check(rules, kind, _broken, optimizer, scheduler)

  @parameterized.parameters(
      ('ConstantLR', dict(total_iters=30)),
      ('CosineAnnealingLR', dict(T_max=80)),
      ('CosineAnnealingWarmRestarts', dict(T_0=50)),
      ('ExponentialLR', dict(gamma=0.99)),
      ('LinearLR', dict(start_factor=0.1, total_iters=30)),
      ('MultiStepLR', dict(milestones=[1000, 3000])),
      ('OneCycleLR', dict(max_lr=1.0, total_steps=90, cycle_momentum=False)),
      ('PolynomialLR', dict(total_iters=50, power=0.9)),
      ('StepLR', dict(step_size=500)),
  )
  def test_schedule(self, kind, settings):
    optimizer = torch.optim.SGD(_parameters(), lr=0.01)
    scheduler = getattr(schedulers, kind)(optimizer, **settings)
    rules = port._TORCH_SCHEDULERS  # pylint: disable=protected-access
    self._check(rules, kind, _changed, optimizer, scheduler)


if __name__ == '__main__':
  absltest.main()
