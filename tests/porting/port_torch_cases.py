"""The code that port.py prints makes the updates of PyTorch's optimizers.

`own_process_test.py` runs these tests.
"""

# pylint: disable=protected-access

import copy
import functools
import gc
from unittest import mock
import warnings

from absl.testing import absltest
from absl.testing import parameterized
import accelerate
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import transformers

from porting import port
from tests.docs import blocks
from tests.porting import pages
from tests.porting import problem
from tests.porting import runners
from tests.porting import torch_draws
from tests.porting import training

schedulers = torch.optim.lr_scheduler


def setUpModule():  # pylint: disable=invalid-name
  # port.py looks for schedulers among all objects: leave out what is there.
  gc.freeze()


def _parameters(values=None):
  values = values or [np.ones(shape) for shape in torch_draws.SHAPES]
  return [torch.nn.Parameter(torch.tensor(value)) for value in values]


def _read(param):
  return param.detach().numpy().copy()


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
  """Returns the parameters at every step of a usual training loop."""
  history = [list(map(_read, params))]
  for count, grads in enumerate(zip(*gradients, strict=True)):
    if scheduler and count and count % every == 0:
      scheduler.step()
    for param, grad in zip(params, grads, strict=True):
      param.grad = torch.tensor(grad) if param.requires_grad else None
    optimizer.step()
    history.append(list(map(_read, params)))
  return problem.stack(history)


def _run(code, **names):
  """Returns the optimizer that code defines, which may use some names."""
  return blocks.run([(1, code)], 'code', names)['optimizer']


class DrawsTest(absltest.TestCase):
  """Settings of all kinds at once, on gradients that port.py did not see."""

  def test_code_agrees_or_rounding_grows(self):
    refused = 0
    for seed in range(50):
      drawn = torch_draws.Torch(torch, seed)
      with self.subTest(repr(drawn)):
        values = _values(seed)
        _, *translated = drawn.create(values)
        try:
          code = port.to_optax(*translated, scheduler_every=drawn.every)
        except ValueError as error:
          refused += 1
          self.assertIn('amplify rounding', str(error))
          continue
        gradients = _gradients(seed, min(250, drawn.last_step()))
        theirs = _train_torch(*drawn.create(values), drawn.every, gradients)
        ours = training.train_optax(code, values, gradients)
        distance = problem.distance(theirs, ours)
        bound = 1e-5 if drawn.kind == 'NAdam' else 1e-10
        self.assertLessEqual(distance, bound, code)
    self.assertLessEqual(refused, 1)


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


class StateTest(parameterized.TestCase):
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

  def test_numbers_of_numpy(self):
    optimizer = torch.optim.SGD(_parameters(), lr=np.float64(0.02))
    scheduler = schedulers.StepLR(optimizer, np.int64(30), np.float64(0.3))
    code = port.to_optax(optimizer, scheduler)
    decay = 'optax.exponential_decay(0.02, 1.0, 0.3)'
    self.assertIn(f'schedule = once_every({decay}, 30)', code)

  @parameterized.parameters(
      ('LinearLR', {}, 'linear_schedule(0.01 / 3.0, 0.01, 5.0)'),
      ('ConstantLR', {}, 'constant_schedule(0.01 / 3.0)'),
      ('ConstantLR', {'factor': 0.25}, 'constant_schedule(0.0025)'),
      ('CosineAnnealingWarmRestarts', dict(T_0=9, eta_min=3e-4), 'alpha=0.03'),
  )
  def test_numbers_are_short(self, kind, settings, expected):
    optimizer = torch.optim.SGD(_parameters(), lr=0.01)
    scheduler = getattr(schedulers, kind)(optimizer, **settings)
    self.assertIn(expected, port.to_optax(optimizer, scheduler))

  def test_quotient_of_many_decimals_is_a_division(self):
    optimizer = torch.optim.SGD(_parameters(), lr=0.03)
    restarts = schedulers.CosineAnnealingWarmRestarts
    scheduler = restarts(optimizer, 9, eta_min=1e-5)
    self.assertIn('alpha=1e-5 / 0.03', port.to_optax(optimizer, scheduler))

  def test_narrow_parameters_are_noted(self):
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    code = port.to_optax(torch.optim.Adam([param]))
    self.assertIn('# Your parameters are bfloat16, in which', code)

  @parameterized.parameters(('Adam', {'amsgrad': True}), ('RAdam', {}))
  def test_scan_over_narrow_parameters(self, kind, settings):
    optimizer = getattr(torch.optim, kind)(_parameters(), **settings)
    translated = _run(port.to_optax(optimizer))

    def step(carry, grads):
      params, state = carry
      updates, state = translated.update(grads, state, params)
      return (optax.apply_updates(params, updates), state), None

    params = jnp.ones(3, jnp.bfloat16)
    carry = params, translated.init(params)
    gradients = jnp.ones((4, 3), jnp.bfloat16)
    (params, _), _ = jax.lax.scan(step, carry, gradients)
    self.assertEqual(params.dtype, jnp.bfloat16)

  def test_narrow_updates_of_nadam(self):
    nadam = _run(port.to_optax(torch.optim.NAdam(_parameters())))
    grads = jnp.ones(3, jnp.bfloat16)
    updates, _ = nadam.update(grads, nadam.init(grads))
    self.assertEqual(updates.dtype, jnp.bfloat16)

  def test_rounded_tensors_are_noted(self):
    rounded = '# lr is a tensor of float32: the code has the shortest'
    code = port.to_optax(self.optimizer, self.scheduler)
    self.assertIn(rounded, code)
    rate = torch.tensor(1e-3, dtype=torch.float64)
    code = port.to_optax(torch.optim.Adam(_parameters(), lr=rate))
    self.assertNotIn('tensor of float32', code)
    betas = torch.tensor(0.9), torch.tensor(0.999)
    settings = dict(lr=rate, betas=betas, foreach=False, capturable=True)
    code = port.to_optax(torch.optim.Adam(_parameters(), **settings))
    self.assertIn('# betas is a tensor of float32', code)

  def test_names_of_parameters_in_groups(self):
    layer = torch.nn.Linear(3, 2)
    weight, bias = layer.named_parameters()
    groups = [{'params': [bias], 'lr': 0.1}, {'params': [weight]}]
    code = port.to_optax(torch.optim.Adam(groups))
    self.assertIn("    ('group_0', (2,)),  # bias\n", code)
    self.assertIn("    ('group_1', (2, 3)),  # weight\n", code)

  def test_empty_parameter(self):
    empty = torch.nn.Parameter(torch.empty(0))
    groups = [
        {'params': _parameters()},
        {'params': [empty], 'weight_decay': 0.0},
    ]
    code = port.to_optax(torch.optim.AdamW(groups))
    self.assertIn('    (False, (0,)),\n', code)

  def test_models_are_not_copied(self):
    huge = torch.nn.Parameter(torch.empty(10**12, device='meta'))
    small = torch.nn.Parameter(torch.empty(1))
    groups = [{'params': [huge]}, {'params': [small], 'weight_decay': 0.0}]
    optimizer = torch.optim.AdamW(groups)
    scheduler = schedulers.LambdaLR(optimizer, Model().halve)

    def rate(count):
      return 1e-3 * 0.5**count

    code = port.to_optax(optimizer, scheduler, learning_rate=rate)
    self.assertIn(f'    (True, ({10**12},)),\n', code)


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
  if len(links) == 1:
    return forgotten
  return [links[::-1], *dropped, *forgotten]


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
    made = mistakes(made[0])
    self.assertNotEmpty(made)
    for mistake in made:

      @functools.wraps(rule)
      def broken(*args, mistake=mistake, **settings):
        del args, settings
        return mistake

      wrong = mock.patch.dict(rules, {kind: broken})
      with self.subTest(repr(mistake)), wrong:
        with self.assertRaisesRegex(ValueError, 'disagrees|updates, but') as e:
          port.to_optax(optimizer, scheduler)
        self.assertNotIn('rounding', str(e.exception))

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
    rules = port._TORCH_OPTIMIZERS
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
    rules = port._TORCH_SCHEDULERS
    self._check(rules, kind, _changed, optimizer, scheduler)


class Assigned:
  """What a training loop does that assigns the rate before each update."""

  def __init__(self, optimizer, rate):
    self.optimizer = optimizer
    self.rate = rate
    self.count = -1
    self.step()

  def step(self):
    self.count += 1
    with port._float64():
      rate = float(self.rate(self.count))
    for group in self.optimizer.param_groups:
      group['lr'] = rate


def _from_matrices_first(leaves):
  """Restores the order of SHAPES."""
  first, second, *others = leaves
  return [first, *others, second]


class ScriptsTest(absltest.TestCase):
  """What training scripts do, compared with training in PyTorch."""

  def _check(self, create, rate=None, every=1, to_params=list):
    """Checks and returns the code for what `create` returns for parameters."""
    values = _values(1)
    params = _parameters(values)
    optimizer, scheduler = create(params)
    code = port.to_optax(
        optimizer, scheduler, learning_rate=rate, scheduler_every=every
    )
    gradients = _gradients(2, 199)
    loop = scheduler or (Assigned(optimizer, rate) if rate else None)
    theirs = _train_torch(params, optimizer, loop, every, gradients)
    scope = {rate.__name__: rate} if rate else {}
    ours = training.train_optax(
        code, values, gradients, to_params=to_params, **scope
    )
    self.assertLessEqual(problem.distance(theirs, ours), 1e-10, code)
    return code

  def test_decay_of_matrices_and_a_rate_that_the_loop_assigns(self):

    def get_lr(count):
      share = (1 + jnp.cos(jnp.pi * (count - 30) / 120.0)) / 2
      rate = jnp.where(count < 30, (count + 1) / 31.0, 0.1 + 0.9 * share)
      return 0.01 * jnp.where(count > 150, 0.1, rate)

    def create(params):
      groups = [
          {'params': [p for p in params if p.dim() > 1]},
          {'params': [p for p in params if p.dim() < 2], 'weight_decay': 0.0},
      ]
      return torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True), None

    code = self._check(create, get_lr, to_params=_from_matrices_first)
    decays = """decays = [
    (True, (4, 3)),
    (True, (2, 3)),
    (False, (3,)),
    (False, ()),
]
"""
    self.assertIn(decays, code)
    self.assertIn('mask=per_param(decays, to_params)', code)
    self.assertIn('was compared with nothing', code)

  def test_cosine_of_hugging_face_is_compared_for_the_steps_of_training(self):
    cosine = optax.warmup_cosine_decay_schedule(0.0, 5e-5, 20.0, 200.0)

    def rate(count):
      return cosine(count)

    def create(params):
      optimizer = torch.optim.AdamW(params, 5e-5, eps=1e-6)
      return optimizer, transformers.get_scheduler('cosine', optimizer, 20, 200)

    code = self._check(create, rate)
    self.assertIn('# The rates are compared for 200 steps of training.', code)

  def test_accelerate(self):

    def prepare_both(params):
      optimizer = torch.optim.AdamW(params, 0.01)
      scheduler = schedulers.LinearLR(optimizer, 0.1, total_iters=50)
      return accelerate.Accelerator(cpu=True).prepare(optimizer, scheduler)

    def prepare_optimizer(params):
      optimizer = torch.optim.AdamW(params, 0.01)
      prepared = accelerate.Accelerator(cpu=True).prepare(optimizer)
      return prepared, schedulers.LinearLR(prepared, 0.1, total_iters=50)

    for create in (prepare_both, prepare_optimizer):
      with self.subTest(create.__name__):
        self._check(create)

  def test_accelerate_on_two_processes_is_refused(self):
    optimizer = torch.optim.AdamW(_parameters(_values(1)), 0.01)
    scheduler = schedulers.LinearLR(optimizer, 0.1, total_iters=50)
    accelerator = accelerate.Accelerator(cpu=True)
    optimizer, scheduler = accelerator.prepare(optimizer, scheduler)
    state = mock.Mock(num_processes=2)
    with mock.patch('accelerate.state.AcceleratorState', return_value=state):
      with self.assertRaisesRegex(ValueError, 'steps the scheduler 2 times'):
        port.to_optax(optimizer, scheduler)

  def test_frozen_parameter_and_two_rates(self):

    def create(params):
      params[0].requires_grad_(False)
      groups = [{'params': params[:2], 'lr': 1e-3}, {'params': params[2:]}]
      optimizer = torch.optim.Adam(groups, lr=1e-2, weight_decay=1e-4)
      scheduler = schedulers.OneCycleLR(
          optimizer, [1e-3, 1e-2], total_steps=199, cycle_momentum=False
      )
      return optimizer, scheduler

    code = self._check(create)
    self.assertIn("'frozen': optax.set_to_zero()", code)

  def test_schedulers_stepped_one_after_another(self):

    def rate(count):
      return 0.1 * 0.99**count * jnp.where(count < 100, 1.0, 0.1)

    values = _values(1)
    params = _parameters(values)
    optimizer = torch.optim.SGD(params, 0.1, momentum=0.9)
    first = schedulers.MultiStepLR(optimizer, [100])
    second = schedulers.ExponentialLR(optimizer, 0.99)

    def step():
      first.step()
      second.step()

    # The advice of the refusal.
    chained = schedulers.ChainedScheduler([first, second])
    code = port.to_optax(optimizer, chained, learning_rate=rate)
    both = mock.Mock(step=step)
    gradients = _gradients(2, 199)
    theirs = _train_torch(params, optimizer, both, 1, gradients)
    ours = training.train_optax(code, values, gradients, rate=rate)
    self.assertLessEqual(problem.distance(theirs, ours), 1e-10, code)

  def test_one_cycle_in_a_sequence(self):

    def create(params):
      optimizer = torch.optim.SGD(params, 0.1)
      # The advice of the refusal.
      cycle = schedulers.OneCycleLR(
          optimizer, 1.0, total_steps=250, cycle_momentum=False
      )
      constant = schedulers.ConstantLR(optimizer)
      parts = [constant, cycle]
      return optimizer, schedulers.SequentialLR(optimizer, parts, [5])

    self._check(create)

  def test_averaging_of_weights(self):

    def rate(count):
      share = (1 - jnp.cos(jnp.pi * jnp.minimum(count / 5.0, 1))) / 2
      return 0.1 + (0.05 - 0.1) * share

    def create(params):
      optimizer = torch.optim.SGD(params, 0.1)
      return optimizer, torch.optim.swa_utils.SWALR(optimizer, 0.05, 5)

    self._check(create, rate)

  def test_groups_one_by_one(self):

    def double(count):
      return 0.2 * 0.99**count

    def single(count):
      return 0.1 * 0.99**count

    def create(groups):
      optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
      return optimizer, schedulers.LambdaLR(optimizer, lambda t: 0.99**t)

    values = _values(1)
    params = _parameters(values)
    groups = [{'params': params[:2], 'lr': 0.2}, {'params': params[2:]}]
    # The advice of the refusal.
    parts = {}
    for group, rate in zip(groups, (double, single), strict=True):
      code = port.to_optax(*create([dict(group)]), learning_rate=rate)
      parts[rate.__name__] = _run(code, **{rate.__name__: rate})
    labels = ['double', 'double', 'single', 'single']
    code = 'optimizer = optax.partition(parts, labels)'
    gradients = _gradients(2, 199)
    theirs = _train_torch(params, *create(groups), 1, gradients)
    ours = training.train_optax(
        code, values, gradients, optax=optax, parts=parts, labels=labels
    )
    self.assertLessEqual(problem.distance(theirs, ours), 1e-10)

  def test_rate_changes_only_after_many_updates(self):

    def create(params):
      optimizer = torch.optim.RMSprop(params, 0.1, momentum=0.9)
      return optimizer, schedulers.MultiStepLR(optimizer, [30, 60])

    # Checked beyond the first change, in update 300.
    with mock.patch.object(port, '_train', wraps=port._train) as train:
      self._check(create, every=10)
    gradients = train.call_args.args[-1]
    self.assertGreater(len(gradients[0]), 300)


class RowsTest(parameterized.TestCase):
  """What the guide translates by hand."""

  # Why a row may be refused.
  REASONS = (
      'LambdaLR needs a translation of your own',
      'CyclicLR needs a translation of your own',
      "SparseAdam can't be translated",
      "cycle_momentum=True can't be translated",
      "ReduceLROnPlateau can't be translated",
  )

  @parameterized.named_parameters(
      (case.name, case)
      for case in pages.read_all()
      if case.framework == 'torch' and case.kind in ('row', 'recipe')
  )
  def test_code_passes_the_check_of_the_page(self, case):
    params = _parameters(jax.tree.leaves(problem.params()))
    names = runners.define_theirs(case, params)
    optimizer, scheduler = names['optimizer'], names.get('scheduler')
    if isinstance(optimizer, schedulers.LRScheduler):
      # A row may be a scheduler, around its optimizer.
      optimizer, scheduler = optimizer.optimizer, optimizer
    try:
      code = port.to_optax(optimizer, scheduler)
    except ValueError as error:
      self.assertRegex(str(error), '|'.join(self.REASONS))
      return
    if 'step' in names:
      # Clipping, accumulation and the like are not the optimizer's.
      self.assertIn('It does not know what your training loop does', code)
      return
    # The parameters that the optimizer has, in its order.
    groups = [group['params'] for group in optimizer.param_groups]
    indices = {id(param): i for i, param in enumerate(params)}
    order = [indices[id(param)] for group in groups for param in group]
    start = jax.tree.leaves(problem.params())
    gradients = problem.stack(map(jax.tree.leaves, runners.gradients(case)))
    ours = training.train_optax(
        code, [start[i] for i in order], [gradients[i] for i in order]
    )
    trained = runners.train_theirs(case)
    theirs = [trained[i] for i in order]
    bound = 1e-5 if case.rounded else 1e-10
    self.assertLessEqual(problem.distance(theirs, ours), bound, code)


def halve(count):
  """A schedule of one's own, as in `learning_rate=halve`."""
  return 0.1 * 0.5**count


def _sgd(**settings):
  return torch.optim.SGD(_parameters(), **{'lr': 0.1, **settings})


def _own_class():

  class SGD(torch.optim.SGD):
    pass

  return SGD(_parameters())


def _new_setting():
  """Returns what a future version of PyTorch may have."""

  class Adam(torch.optim.Adam):

    def __init__(self, params, caution=0.0, **settings):
      super().__init__(params, **settings)
      self.param_groups[0]['caution'] = caution

  Adam.__module__ = 'torch.optim.adam'
  Adam.__qualname__ = 'Adam'
  return Adam(_parameters(), caution=0.5)


def _nesterov_with_dampening():
  groups = [{'params': _parameters(), 'dampening': 0.5}]
  return torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True)


def _sparse_adam():
  return torch.optim.SparseAdam(_parameters())


def _complex():
  param = torch.nn.Parameter(torch.zeros(3, dtype=torch.complex64))
  return torch.optim.Adam([param])


def _own_key():
  optimizer = _sgd()
  optimizer.param_groups[0]['lr_scale'] = 0.5
  return optimizer


def _hook():
  optimizer = _sgd()
  optimizer.register_step_pre_hook(print)
  return optimizer


def _replaced_step():
  optimizer = _sgd()
  optimizer.step = print
  return optimizer


def _missing_scheduler():
  optimizer = _sgd()
  schedulers.StepLR(optimizer, 30)
  return optimizer


def _own_scheduler(optimizer):

  class StepLR(schedulers.StepLR):
    pass

  return StepLR(optimizer, 30)


def _other_scheduler(optimizer):
  del optimizer
  return schedulers.StepLR(_sgd(), 30)


def _one_cycle(optimizer):
  return schedulers.OneCycleLR(optimizer, 0.1, total_steps=100)


def _cyclic(optimizer):
  return schedulers.CyclicLR(optimizer, 0.1, 1.0)


def _plateau_as_well(optimizer):
  optimizer.plateau = schedulers.ReduceLROnPlateau(optimizer)
  return schedulers.StepLR(optimizer, 30)


def _lambda(optimizer):
  return schedulers.LambdaLR(optimizer, lambda t: 0.9**t)


def _nested(optimizer):
  inner = [schedulers.ConstantLR(optimizer), schedulers.StepLR(optimizer, 9)]
  inner = schedulers.SequentialLR(optimizer, inner, [5])
  outer = [inner, schedulers.ExponentialLR(optimizer, 0.9)]
  return schedulers.SequentialLR(optimizer, outer, [30])


def _two_schedulers(optimizer):
  schedulers.LinearLR(optimizer, 0.1)
  return schedulers.StepLR(optimizer, 30)


def _changed_rate(optimizer):
  scheduler = schedulers.StepLR(optimizer, 30)
  optimizer.param_groups[0]['lr'] = 0.02
  return scheduler


def _resumed_rate(optimizer):
  optimizer.param_groups[0]['initial_lr'] = 0.1
  return schedulers.StepLR(optimizer, 30, last_epoch=50)


def _added_group(optimizer):
  scheduler = schedulers.StepLR(optimizer, 30)
  optimizer.add_param_group({'params': _parameters()})
  return scheduler


def _one_cycle_after_a_constant(optimizer, **settings):
  constant = schedulers.ConstantLR(optimizer)
  cycle = schedulers.OneCycleLR(optimizer, 1.0, total_steps=50, **settings)
  return schedulers.SequentialLR(optimizer, [constant, cycle], [5])


def _late_one_cycle(optimizer):
  return _one_cycle_after_a_constant(optimizer, cycle_momentum=False)


def _averaging(optimizer):
  return torch.optim.swa_utils.SWALR(optimizer, 0.05, 5)


def _step_of_zero(optimizer):
  return schedulers.StepLR(optimizer, 0)


class RefusalTest(parameterized.TestCase):
  """What can't be translated is refused, with the reason."""

  @parameterized.named_parameters(
      ('own class', _own_class, r"locals>.SGD can't be translated.*, SGD"),
      ('new setting', _new_setting, 'caution=0.5 is a setting of Adam that'),
      ('Nesterov', _nesterov_with_dampening, 'PyTorch refuses it too'),
      ('SparseAdam', _sparse_adam, "can't be translated.*md#sparseadam"),
      ('complex', _complex, 'A complex parameter has a different update'),
      ('own key', _own_key, 'The key lr_scale of a parameter group is not a'),
      ('hook', _hook, "A hook of this optimizer can't be translated"),
      ('replaced step', _replaced_step, 'optimizer.step was replaced'),
      ('missing scheduler', _missing_scheduler, 'has a scheduler; pass it'),
  )
  def test_refuses_the_optimizer(self, create, reason):
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(create())

  @parameterized.named_parameters(
      ('own class', _own_scheduler, "can't be translated.*construct the"),
      ('of another optimizer', _other_scheduler, 'does not belong'),
      ('OneCycleLR', _one_cycle, 'cycle_momentum=True .*#onecyclelr-'),
      ('CyclicLR', _cyclic, 'cycle_momentum=True .*#onecyclelr-'),
      ('plateau', schedulers.ReduceLROnPlateau, 'its rate.*#reducelronplateau'),
      ('plateau as well', _plateau_as_well, 'its rate.*#reducelronplateau'),
      ('LambdaLR', _lambda, 'LambdaLR needs a translation of your own'),
      ('nested', _nested, 'SequentialLR or ChainedScheduler inside another'),
      ('two', _two_schedulers, r'The rate \[0.01.*\] after 0 .* not \[0.1\]'),
      ('changed', _changed_rate, r'The rate \[0.02\] after 0 .* not \[0.1\]'),
      ('resumed', _resumed_rate, r'The rate \[0.1\] after 51 .* not \[0.01'),
      ('added group', _added_group, r'base_lrs=\[0.1\] is of .* initial_lr is'),
      ('late OneCycleLR', _late_one_cycle, r'\[0.1\] is of .* OneCycleLR'),
      ('momentum', _one_cycle_after_a_constant, 'cycle_momentum=True .*#one'),
      ('SWALR', _averaging, 'SWALR needs a translation of your own'),
      ('zero', _step_of_zero, r'StepLR.step\(\) raises ZeroDivisionError when'),
  )
  def test_refuses_the_scheduler(self, create, reason):
    optimizer = _sgd(momentum=0.9)
    scheduler = create(optimizer)
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer, scheduler)

  def test_rate_that_changes_too_late_to_check(self):
    optimizer = _sgd()
    scheduler = schedulers.StepLR(optimizer, 1000)
    reason = 'stays for 1000000 updates takes .*correct their number'
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer, scheduler, scheduler_every=1000)

  def test_schedule_of_groups_with_several_rates(self):
    one, other = _parameters()[:2]
    groups = [{'params': [one], 'lr': 0.2}, {'params': [other]}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = _lambda(optimizer)
    reason = 'LambdaLR needs .* of each group alone.*partition'
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer, scheduler)
    reason = 'groups have several: .* of each group alone.*partition'
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer, scheduler, learning_rate=halve)

  def test_own_rate_of_groups_with_several_rates(self):
    one, other = _parameters()[:2]
    groups = [{'params': [one], 'lr': 0.1}, {'params': [other], 'lr': 1e-3}]
    optimizer = torch.optim.SGD(groups)
    with self.assertRaisesRegex(ValueError, 'groups have several: translate'):
      port.to_optax(optimizer, learning_rate=halve)

  def test_lambda_of_a_table_is_compared_up_to_its_end(self):
    table = [1.0] * 20 + [0.5] * 180
    optimizer = torch.optim.SGD(_parameters(), lr=0.1)
    scheduler = schedulers.LambdaLR(optimizer, table.__getitem__)

    def drops_late(count):
      return jnp.where(count < 30, 0.1, 0.05)

    with self.assertRaisesRegex(ValueError, 'is 0.05 after 20 updates'):
      port.to_optax(optimizer, scheduler, learning_rate=drops_late)

  def test_wrong_rate_is_refused_with_its_size(self):
    optimizer = _sgd()
    scheduler = schedulers.LambdaLR(optimizer, lambda t: 0.5 ** min(t, 5))
    reason = '^halve is 0.003125 after 6 updates, but 0.0015625 in the transl'
    with self.assertRaisesRegex(ValueError, reason):
      port.to_optax(optimizer, scheduler, learning_rate=halve)

  def test_rate_that_divides_integers_is_told_to_use_floats(self):
    optimizer = _sgd()
    scheduler = schedulers.LambdaLR(optimizer, lambda t: 1 / (t / 30 + 1))

    def rate(count):
      return 0.1 / (count / 30 + 1)

    with self.assertRaisesRegex(ValueError, 'numbers of steps as floats'):
      port.to_optax(optimizer, scheduler, learning_rate=rate)

  def test_rounding_that_grows(self):

    def create(rate):
      # PyTorch's L2 and short averages make the signs of small weights chaotic.
      settings = dict(betas=(0.5, 0.9), weight_decay=0.01)
      return torch.optim.Adamax(_parameters(), rate, **settings)

    with self.assertRaisesRegex(ValueError, 'amplify rounding.* 100 times'):
      port.to_optax(create(0.01))
    # The advice of the refusal.
    self.assertIn('optax.adamax(1e-4,', port.to_optax(create(1e-4)))

  def test_rate_that_cannot_be_traced(self):
    optimizer = _sgd()
    scheduler = _lambda(optimizer)

    def rate(count):
      return 0.1 * 0.9**count if count < 9 else 0.0

    with self.assertRaisesRegex(ValueError, '^rate has an if.* use jnp.where'):
      port.to_optax(optimizer, scheduler, learning_rate=rate)

  def test_rate_must_be_a_named_function(self):
    optimizer = _sgd()
    scheduler = _lambda(optimizer)
    for rate in (0.1, lambda count: 0.1):
      with self.assertRaisesRegex(ValueError, 'must be a named function'):
        port.to_optax(optimizer, scheduler, learning_rate=rate)

  def test_second_scheduler(self):
    optimizer = _sgd()
    first = schedulers.MultiStepLR(optimizer, [100, 150])
    second = schedulers.ExponentialLR(optimizer, 0.99)
    for scheduler in (first, second):
      with self.assertRaisesRegex(ValueError, 'has another scheduler.*Chained'):
        port.to_optax(optimizer, scheduler)

  def test_deleted_scheduler_is_forgotten(self):
    optimizer = _sgd()
    scheduler = schedulers.MultiStepLR(optimizer, [100, 150])
    other = schedulers.ExponentialLR(optimizer, 0.99)
    other.itself = other
    try:
      port.to_optax(optimizer, scheduler)
    except ValueError as error:
      # An interactive session keeps it; assertRaises would clear its frames.
      refusal = error
    self.assertIn('If you do not step it, delete it', str(refusal))
    del other
    port.to_optax(optimizer, scheduler)

  def test_updates_between_steps(self):
    with self.assertRaisesRegex(ValueError, '^scheduler_every=5 needs a'):
      port.to_optax(_sgd(), scheduler_every=5)
    optimizer = _sgd()
    scheduler = schedulers.StepLR(optimizer, 30)
    for every in (0, 2.0):
      with self.assertRaisesRegex(ValueError, f'every={every} is not a'):
        port.to_optax(optimizer, scheduler, scheduler_every=every)


if __name__ == '__main__':
  absltest.main()
