"""Random optimizers, with any of the settings that port.py translates.

To add a setting, add its values to `_draw_own`, and its name to the kinds in
`OWN` that accept it. This changes what every seed draws.
"""

import random

import numpy as np

STARTS = {
    'kernel': np.linspace(-1, 1, 12).reshape(4, 3),
    'bias': np.linspace(0.1, 0.3, 3),
}


def variables(keras, dtype='float32'):
  """Returns the variables of a layer whose path, but not name, has `bias`."""
  with keras.name_scope('bias_head'):
    return [
        keras.Variable(value, dtype=dtype, name=name)
        for name, value in STARTS.items()
    ]


def gradients(steps, overflows):
  """Returns gradients of sizes from 1e-7 to 10, some zero or infinite."""
  rng = np.random.default_rng(123)
  gradients = []
  for start in STARTS.values():
    size = (steps, *start.shape)
    exponents = rng.uniform(-7, 0, start.shape) + rng.normal(size=size) / 2
    kept = rng.random(size) > 0.15
    gradients.append(kept * rng.choice([-1, 1], size) * 10**exponents)
  if overflows:
    gradients[1][rng.choice(steps, 15, replace=False)] = np.inf
  return gradients


class Keras:
  """An optimizer of Keras 3 that can be created more than once.

  Attributes:
    OWN: The settings of each kind of optimizer.
    EXCLUDED: A pattern in the names of the variables that don't decay.
    keras: The module.
    kind: The name of its class.
    settings: The arguments of its class, without the learning rate.
    rate: Its learning rate, or the name and the arguments of a schedule.
    assigned: A learning rate that is assigned later, or None.
    excluded: Whether biases don't decay.
    scaled: The arguments of a `LossScaleOptimizer` around it, or None.
  """

  OWN = {
      'Adadelta': ['rho', 'epsilon'],
      'Adagrad': ['initial_accumulator_value', 'epsilon'],
      'Adam': ['beta_1', 'beta_2', 'epsilon', 'amsgrad'],
      'AdamW': ['beta_1', 'beta_2', 'epsilon', 'amsgrad'],
      'Lamb': ['beta_1', 'beta_2', 'epsilon'],
      'Lion': ['beta_1', 'beta_2'],
      'Nadam': ['beta_1', 'beta_2', 'epsilon'],
      'RMSprop': ['rho', 'momentum', 'epsilon', 'centered'],
      'SGD': ['momentum', 'nesterov'],
  }
  EXCLUDED = 'bias'

  def __init__(self, keras, seed):
    self.keras = keras
    self.random = random.Random(seed)
    self.kind = self.random.choice(list(self.OWN))
    self.settings = self._draw_own() | self._draw_shared()
    self.rate = self._draw_rate()
    constant = isinstance(self.rate, float)
    self.assigned = self._number(-4, -2) if constant and self._is(0.2) else None
    self.excluded = bool(self.settings.get('weight_decay')) and self._is(0.4)
    self.scaled = None
    # port.py refuses a LossScaleOptimizer around a Nadam.
    if self.kind != 'Nadam' and self._is(0.2):
      self.scaled = {
          'initial_scale': self.random.choice([1.0, 2.0**15]),
          'dynamic_growth_steps': self.random.choice([10, 50, 2000]),
      }

  def __repr__(self):
    values = {**vars(self)}
    del values['keras'], values['random']
    return f'Keras({values})'

  @property
  def period(self):
    """The number of gradients after which everything periodic repeats."""
    every = self.settings.get('gradient_accumulation_steps', 1)
    return every * self.settings.get('ema_overwrite_frequency', 1)

  def create(self, variables, number=float):
    """Returns the optimizer, built on variables.

    Args:
      variables: The variables.
      number: The type of the settings of its schedule that are floats.
    """
    optimizers = self.keras.optimizers
    kind = self.find_class()
    rate = self.rate
    if not isinstance(rate, float):
      name, settings = rate
      settings = _with_type(settings, number)
      rate = getattr(optimizers.schedules, name)(**settings)
    optimizer = kind(rate, **self.settings)
    if self.assigned:
      optimizer.learning_rate = self.assigned
    if self.excluded:
      optimizer.exclude_from_weight_decay(var_names=[self.EXCLUDED])
    if self.scaled:
      optimizer = optimizers.LossScaleOptimizer(optimizer, **self.scaled)
    if hasattr(optimizer, 'build'):
      optimizer.build(variables)
    return optimizer

  def find_class(self):
    """Returns the class of the optimizer."""
    return getattr(self.keras.optimizers, self.kind)

  def _is(self, probability):
    return self.random.random() < probability

  def _number(self, low, high):
    """Returns a number of one or two digits, evenly among powers of ten."""
    return float(f'{10 ** self.random.uniform(low, high):.1e}')

  def _draw_own(self):
    """Draws the settings of this kind of optimizer, half of them each time."""
    drawn = {
        'beta_1': self.random.choice([0.5, 0.8, 0.95]),
        'beta_2': self.random.choice([0.9, 0.98, 0.9999]),
        'epsilon': self._number(-10, -2),
        'amsgrad': True,
        'momentum': self.random.choice([0.5, 0.9, 0.99]),
        'nesterov': True,
        'rho': self.random.choice([0.8, 0.99]),
        'centered': True,
        'initial_accumulator_value': self.random.choice([0.0, 0.5]),
    }
    names = self.OWN[self.kind]
    return {name: drawn[name] for name in names if self._is(0.5)}

  def _draw_shared(self):
    settings = {}
    clip = self.random.choice(['clipnorm', 'global_clipnorm', 'clipvalue'])
    if self._is(0.5):
      settings[clip] = self._number(-3, 1)
    if self._is(0.5):
      settings['weight_decay'] = self._number(-4, -0.5)
    if self._is(0.3):
      settings['gradient_accumulation_steps'] = self.random.randint(2, 8)
    if self._is(0.4):
      settings['use_ema'] = True
      settings['ema_momentum'] = self.random.choice([0.5, 0.9, 0.99])
      if self._is(0.7):
        settings['ema_overwrite_frequency'] = self.random.randint(1, 60)
    if self._is(0.1):
      settings['loss_scale_factor'] = self.random.choice([128.0, 1000.0])
    return settings

  def _draw_rate(self):
    rate = self._number(-5, -1)
    if self._is(0.5):
      return rate
    steps = self.random.randint(3, 400)
    decay = {
        'initial_learning_rate': rate,
        'decay_steps': steps,
        'decay_rate': self.random.choice([0.1, 0.5, 0.96]),
        'staircase': self._is(0.5),
    }
    boundaries = sorted(self.random.sample(range(1, 400), 3))
    values = [self._number(-5, -1) for _ in range(4)]
    warmup = self.random.choice([{}, {
        'warmup_target': self._number(-4, -1),
        'warmup_steps': self.random.randint(0, 100),
    }])
    return self.random.choice([
        ('ExponentialDecay', decay),
        ('InverseTimeDecay', decay),
        ('PiecewiseConstantDecay', dict(boundaries=boundaries, values=values)),
        ('PolynomialDecay', {
            'initial_learning_rate': rate,
            'decay_steps': steps,
            'end_learning_rate': self.random.choice([0.0, 1e-4, 2 * rate]),
            'power': self.random.choice([0.5, 1.0, 2.0, 3]),
            'cycle': self._is(0.3),
        }),
        ('CosineDecay', {
            'initial_learning_rate': rate,
            'decay_steps': steps,
            'alpha': self.random.choice([0.0, 0.1]),
            **warmup,
        }),
        ('CosineDecayRestarts', {
            'initial_learning_rate': rate,
            'first_decay_steps': steps,
            't_mul': self.random.choice([1.0, 1.5, 2.0]),
            'm_mul': self.random.choice([0.8, 1.0]),
            'alpha': self.random.choice([0.0, 0.1]),
        }),
    ])


class Keras2(Keras):
  """An optimizer of tf_keras that can be created more than once."""

  OWN = {
      kind: names for kind, names in Keras.OWN.items()
      if kind not in ('Lamb', 'Nadam')
  }
  # Keras 2 searches the whole path, and ends it with a number.
  EXCLUDED = '/bias:0$'

  def __init__(self, keras, seed):
    super().__init__(keras, seed)
    self.scaled = None
    for name in ('gradient_accumulation_steps', 'loss_scale_factor'):
      self.settings.pop(name, None)


class Legacy(Keras2):
  """A legacy optimizer of tf_keras."""

  OWN = {
      kind: names for kind, names in Keras.OWN.items()
      if kind in ('Adagrad', 'Adam', 'RMSprop', 'SGD')
  }
  SHARED = 'clipnorm', 'global_clipnorm', 'clipvalue'

  def __init__(self, keras, seed):
    super().__init__(keras, seed)
    known = [*self.OWN[self.kind], *self.SHARED]
    self.settings = {k: v for k, v in self.settings.items() if k in known}
    self.excluded = False
    if isinstance(self.rate, float) and self._is(0.4):
      self.settings['decay'] = self._number(-4, 0)

  def find_class(self):
    return getattr(self.keras.optimizers.legacy, self.kind)


def _with_type(settings, number):
  """Returns settings with floats of a type."""

  def convert(value):
    if isinstance(value, list):
      return list(map(convert, value))
    return number(value) if isinstance(value, float) else value

  return {name: convert(value) for name, value in settings.items()}
