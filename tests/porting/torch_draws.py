"""Random optimizers of PyTorch and their schedulers, for port.py.

To add a setting, add its values to `_draw_settings`, and its name to the kinds
in `_OWN` that accept it. This changes what every seed draws.
"""

import random

SHAPES = ((4, 3), (3,), (), (2, 3))


class Torch:
  """An optimizer of PyTorch that can be created more than once.

  Attributes:
    torch: The module.
    kind: The name of its class.
    settings: The arguments of its class.
    groups: For each parameter group, the number of its parameters and its own
      settings.
    frozen: The positions of the parameters that don't require gradients.
    scheduler: The name and the arguments of its scheduler, or None. The first
      argument of a `SequentialLR` is a list of such pairs.
    every: The number of updates between the scheduler's steps.
    as_tensor: Whether the learning rate is a tensor.
  """

  def __init__(self, torch, seed):
    self.torch = torch
    self.random = random.Random(seed)
    self.kind = self.random.choice(list(_OWN))
    self.settings = self._draw_settings()
    self.groups = [(len(SHAPES), {})]
    if self._is(0.4):
      size = self.random.randint(1, 3)
      own = self._draw_group()
      self.groups = [(size, {}), (len(SHAPES) - size, own)]
    self.frozen = [self.random.randrange(4)] if self._is(0.1) else []
    self.scheduler = self._draw_scheduler() if self._is(0.75) else None
    self.every = self.random.choice([1, 1, 2, 7]) if self.scheduler else 1
    self.as_tensor = self._is(0.1)

  def __repr__(self):
    values = {**vars(self)}
    del values['torch'], values['random']
    return f'Torch({values})'

  def create(self, values):
    """Returns parameters, their optimizer, and its scheduler or None."""
    torch = self.torch
    params = [torch.nn.Parameter(torch.tensor(value)) for value in values]
    for i in self.frozen:
      params[i].requires_grad_(False)
    rest = list(params)
    groups = []
    for size, own in self.groups:
      groups.append({'params': rest[:size], **own})
      rest = rest[size:]
    settings = dict(self.settings)
    if self.as_tensor and 'lr' in settings:
      # Without rounding, and without foreach, as PyTorch demands.
      settings['lr'] = torch.tensor(settings['lr'], dtype=torch.float64)
      settings['foreach'] = False
    optimizer = getattr(torch.optim, self.kind)(groups, **settings)
    scheduler = None
    if self.scheduler:
      scheduler = self._create_scheduler(optimizer, *self.scheduler)
    return params, optimizer, scheduler

  def last_step(self):
    """Returns the number of updates after which the scheduler raises."""
    settings = self.scheduler[1] if self.scheduler else {}
    return self.every * settings.get('total_steps', 10**9)

  def _create_scheduler(self, optimizer, name, settings):
    schedulers = self.torch.optim.lr_scheduler
    if 'schedulers' in settings:
      parts = [
          self._create_scheduler(optimizer, *part)
          for part in settings['schedulers']
      ]
      settings = {**settings, 'schedulers': parts}
    return getattr(schedulers, name)(optimizer, **settings)

  def _is(self, probability):
    return self.random.random() < probability

  def _number(self, low, high):
    """Returns a number of one or two digits, evenly among powers of ten."""
    return float(f'{10 ** self.random.uniform(low, high):.1e}')

  def _draw_settings(self):
    """Draws settings of this kind of optimizer, each in every other case."""
    drawn = {
        'lr': self._number(-4, -1),
        'betas': self.random.choice(
            [(0.5, 0.9), (0.0, 0.99), (0.95, 0.98), (0.9, 0.5), (0.8, 0.9999)]
        ),
        'eps': self._number(-12, -2),
        'weight_decay': self._number(-4, -0.5),
        'maximize': True,
        'amsgrad': True,
        'decoupled_weight_decay': True,
        'momentum': self.random.choice([0.5, 0.9, 0.99]),
        'dampening': self.random.choice([0.1, 0.5, 1.0]),
        'alpha': self.random.choice([0.8, 0.9, 0.999]),
        'centered': True,
        'rho': self.random.choice([0.5, 0.95]),
        'lr_decay': self._number(-4, 0),
        'initial_accumulator_value': self._number(-3, 0),
        'momentum_decay': self._number(-3, -1),
        'foreach': False,
    }
    names = ['lr', 'weight_decay', 'maximize', 'foreach', *_OWN[self.kind]]
    settings = {name: drawn[name] for name in names if self._is(0.5)}
    if self.kind == 'SGD' and settings.get('momentum') and self._is(0.4):
      settings |= {'nesterov': True, 'dampening': 0}
    return settings

  def _draw_group(self):
    """Draws settings in which a group differs."""
    own = self._draw_settings()
    # PyTorch demands the first, and ignores the second in a group.
    for name in ('foreach', 'initial_accumulator_value'):
      own.pop(name, None)
    if self._is(0.5):
      own = {name: own[name] for name in ('lr', 'weight_decay') if name in own}
    return own

  def _draw_scheduler(self):
    if self._is(0.3):
      count = self.random.randint(2, 4)
      milestones = sorted(self.random.sample(range(1, 150), count - 1))
      parts = [self._draw_simple() for _ in range(count)]
      return 'SequentialLR', {'schedulers': parts, 'milestones': milestones}
    if self._is(0.15):
      return self._draw_one_cycle()
    return self._draw_simple()

  def _draw_simple(self):
    steps = self.random.randint(1, 120)
    milestones = sorted(self.random.choices(range(1, 150), k=3))
    gamma = self.random.choice([0.1, 0.5, 0.97, 1.1])
    factor = self.random.choice([0.1, 1 / 3, 1e-3, 1.0])
    return self.random.choice([
        ('StepLR', dict(step_size=steps, gamma=gamma)),
        ('MultiStepLR', dict(milestones=milestones, gamma=gamma)),
        ('ConstantLR', dict(factor=factor, total_iters=steps)),
        ('ExponentialLR', dict(gamma=gamma)),
        ('LinearLR', {
            'start_factor': factor,
            'end_factor': self.random.choice([0.0, 0.1, 1.0]),
            'total_iters': steps,
        }),
        ('PolynomialLR', {
            'total_iters': steps,
            'power': self.random.choice([0.5, 0.9, 1.0, 2.0, 3]),
        }),
        ('CosineAnnealingLR', {
            'T_max': steps,
            'eta_min': self.random.choice([0.0, 1e-5, 1e-2]),
        }),
        ('CosineAnnealingWarmRestarts', {
            'T_0': steps,
            'T_mult': self.random.choice([1, 1, 1, 2]),
            'eta_min': self.random.choice([0.0, 1e-5]),
        }),
    ])

  def _draw_one_cycle(self):
    return 'OneCycleLR', {
        'max_lr': self._number(-3, -1),
        'total_steps': self.random.randint(20, 400),
        'pct_start': self.random.choice([0.1, 0.25, 0.3]),
        'anneal_strategy': self.random.choice(['cos', 'linear']),
        'cycle_momentum': False,
        'three_phase': self._is(0.3),
        'div_factor': self.random.choice([7.0, 25.0]),
    }


_OWN = {
    'Adadelta': ['rho', 'eps'],
    'Adagrad': ['lr_decay', 'initial_accumulator_value', 'eps'],
    'Adam': ['betas', 'eps', 'amsgrad', 'decoupled_weight_decay'],
    'AdamW': ['betas', 'eps', 'amsgrad'],
    'Adamax': ['betas', 'eps'],
    'NAdam': ['betas', 'eps', 'momentum_decay', 'decoupled_weight_decay'],
    'RAdam': ['betas', 'eps', 'decoupled_weight_decay'],
    'RMSprop': ['alpha', 'eps', 'momentum', 'centered'],
    'SGD': ['momentum', 'dampening'],
}
