"""The rows: what a framework's user has, and the optax call for it.

One list feeds the tests, the script that measures and the porting guide; the
texts of longer recipes are read from the guide. Texts are run as they are shown
but for two rules: ``...`` stands for the decay rates and epsilon (`SHARED`),
and a schedule is put in an optimizer (`within`). ``lr``, ``b1``, ``b2`` and
``eps`` come from a row's settings, other names from `NAMES`.
"""

import dataclasses
import functools
import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
GUIDE = ROOT / 'docs' / 'porting.md'

SHARED = {
    'keras': 'beta_1=b1, beta_2=b2, epsilon=eps',
    'kernel': 'beta1=b1, beta2=b2, epsilon=eps',
    'optax': 'b1=b1, b2=b2, eps=eps',
    'tf1': 'beta1=b1, beta2=b2, epsilon=eps',
    'torch': 'betas=(b1, b2), eps=eps',
}

# The variables of all calls.
NAMES = dict(
    alpha=0.1,
    boundary=100,
    decay=0.3,
    decay_rate=0.3,
    end=1e-4,
    every=10,
    factor=lambda count: 1 / (1 + count / 50.0),
    gamma=0.99,
    k=3,
    l2=1e-6,
    m_mul=0.8,
    momentum=0.9,
    norm=100.0,
    power=1.3,
    restarts=2,
    rho=0.95,
    steps=100,
    t_mul=1.5,
    value=10.0,
    warm=50,
)


class Setting(NamedTuple):
  """Hyperparameters that every call takes."""

  lr: float
  b1: float
  b2: float
  eps: float


SETTINGS = (
    Setting(1e-2, 0.8, 0.999, 1e-5),
    Setting(2e-3, 0.9, 0.995, 1e-7),
    Setting(1e-3, 0.95, 0.98, 1e-3),
    Setting(5e-4, 0.0, 0.999, 1e-8),
)
ALL_HELD = Setting._fields


def defaults(eps):
  """Settings of a call that leaves everything to the framework."""
  return (Setting(1e-3, 0.9, 0.999, eps),)


@dataclasses.dataclass(frozen=True)
class Row:
  """A framework's call and the optax call beside it.

  Attributes:
    framework: A key of :data:`tests.parity.frameworks.RUNNERS`.
    had: What the framework's user has.
    write: What they write with optax.
    title: Of a recipe, whose texts are blocks of code; else it is a table's.
    each_step: What the framework's user runs before each step, on ``grads``
      (TensorFlow 1) or ``params`` (PyTorch).
    within: What the two texts are put in.
    settings: The hyperparameters that the row is run with.
    held: Those that the framework holds in float32 where all else is float64.
    coarse: The operations that it does in float32 then.
    floatx: Keras's default float, where it is not that of the variables.
    without: The optax call with the flag the other way round, where it is not
      the same call with another keyword.
    flag: Whether the call has the flag.
    shown: Whether the porting guide shows the row, or the figures' page only.
  """

  framework: str
  had: str
  write: str
  title: str = ''
  each_step: str = ''
  within: tuple[str, str] = ('{}', '{}')
  settings: tuple[Setting, ...] = SETTINGS[:1]
  held: tuple[str, ...] = ()
  coarse: tuple[str, ...] = ()
  floatx: str = ''
  without: str = ''
  flag: bool = True
  shown: bool = True

  @property
  def name(self):
    """What the row is called, by the figures."""
    return self.title or f'`{self.had}`'

  @property
  def options(self):
    """Keyword arguments of the runner."""
    given = dict(each_step=self.each_step, floatx=self.floatx)
    return {key: value for key, value in given.items() if value}

  @property
  def theirs(self):
    """The framework's text, as it is run."""
    text = self.within[0].replace('{}', self.had)
    return text.replace('...', SHARED[self.framework])

  @property
  def ours(self):
    """The optax text, as it is run."""
    text = self.within[1].replace('{}', self.write)
    return text.replace('...', SHARED['optax'])

  @property
  def other(self):
    """The optax text with the flag the other way round, if it has the flag."""
    if not self.flag or self.without:
      return self.without.replace('...', SHARED['optax'])
    for flag in ('tf_style', 'epsilon_hat'):
      if f'{flag}=True' in self.ours:
        return self.ours.replace(f'{flag}=True', f'{flag}=False')
    return self.ours.replace('eps=eps', 'eps=eps, tf_style=True')

  @property
  def moves_twice(self):
    """Whether a framework may move the parameters twice a step."""
    twice = ('weight_decay=', 'add_decayed_weights', 'incremental_update')
    return any(text in self.ours for text in twice)

  def inexact(self, backend):
    """The hyperparameters and operations that the framework has in float32."""
    # Keras's TensorFlow backend casts Python floats by way of float32.
    held = ALL_HELD if backend == 'tensorflow' else self.held
    return held, self.coarse


def _recipe(make, title, **kwargs):
  """Returns a row whose texts are blocks of code under a title of the guide."""
  guide = GUIDE.read_text('utf-8')
  text = guide.split(f'\n### {title}\n')[1]
  had, write = re.findall('```python\n(.*?)\n```', text, re.DOTALL)[:2]
  had, _, each_step = had.partition('\n# Before each step:\n')
  return make(had, write, title, each_step=each_step, **kwargs)


_HAT = 'optax.adam(lr, ..., tf_style=True)'
_tf1 = functools.partial(Row, 'tf1', held=ALL_HELD)

TENSORFLOW = (
    _tf1('AdamOptimizer(lr, ...)', _HAT, settings=SETTINGS),
    _tf1(
        'AdamOptimizer()',
        'optax.adam(1e-3, tf_style=True)',
        settings=defaults(1e-8),
    ),
    Row('kernel', 'ResourceApplyAdam(lr=lr, ...)', _HAT, settings=SETTINGS),
    _recipe(_tf1, 'AdamOptimizer with a schedule'),
    _recipe(_tf1, 'AdamOptimizer and tf.clip_by_global_norm'),
    _tf1(
        'lr, b1, b2, eps = (tf.constant(x, dtype) for x in (lr, b1, b2, eps))\n'
        'optimizer = AdamOptimizer(lr, ...)',
        _HAT,
        'AdamOptimizer with float64 tensors for hyperparameters',
        settings=SETTINGS,
        held=(),
        shown=False,
    ),
)

_keras = functools.partial(Row, 'keras')
_ADAMW = 'optax.adamw(lr, ..., weight_decay=decay, tf_style=True)'

KERAS_ADAM = (
    _keras('Adam(lr, ...)', _HAT, settings=SETTINGS),
    _keras(
        'Adam()',
        'optax.adam(1e-3, eps=1e-7, tf_style=True)',
        settings=defaults(1e-7),
    ),
    _keras(
        'Adam(lr, ..., amsgrad=True)',
        'optax.amsgrad(lr, ..., tf_style=True)',
        settings=SETTINGS,
    ),
    _keras('Adam(lr, ..., weight_decay=decay)', _ADAMW),
    _keras('AdamW(lr, ..., weight_decay=decay)', _ADAMW, settings=SETTINGS),
    _keras(
        'AdamW()',
        'optax.adamw(1e-3, eps=1e-7, weight_decay=4e-3, tf_style=True)',
        settings=defaults(1e-7),
    ),
    _keras(
        'Adam(lr, ..., global_clipnorm=norm)',
        f'optax.chain(optax.clip_by_global_norm(norm), {_HAT})',
    ),
    _keras(
        'Adam(lr, ..., clipvalue=value)',
        f'optax.chain(optax.clip(value), {_HAT})',
    ),
    _keras(
        'Adam(lr, ..., gradient_accumulation_steps=k)',
        f'optax.MultiSteps({_HAT}, k, accumulator_dtype=dtype)',
    ),
    _keras(
        'Adam(lr, ...)',
        _HAT,
        'Adam under set_floatx("float32")',
        held=('lr',),
        floatx='float32',
        shown=False,
    ),
    _keras(
        'Lamb(lr, ...)',
        'optax.lamb(lr, ...)',
        without='optax.chain(optax.scale_by_adam(..., epsilon_hat=True), '
        'optax.scale_by_trust_ratio(), optax.scale_by_learning_rate(lr))',
    ),
)

# On JAX, Keras's cosine is float32 whatever it is given.
_COSINE = dict(coarse=('cos',))
_schedule = functools.partial(
    Row,
    'keras',
    within=('Adam({}, ...)', 'optax.adam({}, ..., tf_style=True)'),
)

KERAS_SCHEDULES = (
    _schedule(
        'ExponentialDecay(lr, steps, decay_rate)',
        'optax.exponential_decay(lr, float(steps), decay_rate)',
    ),
    _schedule(
        'ExponentialDecay(lr, steps, decay_rate, staircase=True)',
        'optax.exponential_decay(lr, float(steps), decay_rate, staircase=True)',
    ),
    _schedule(
        'InverseTimeDecay(lr, steps, decay_rate)',
        'lambda count: lr / (1 + decay_rate * count / steps)',
    ),
    _schedule(
        'InverseTimeDecay(lr, steps, decay_rate, staircase=True)',
        'lambda count: lr / (1 + decay_rate * (count // steps))',
    ),
    _schedule(
        'PiecewiseConstantDecay([boundary], [lr, 0.1 * lr])',
        'optax.piecewise_constant_schedule(lr, {boundary + 1: 0.1})',
    ),
    _schedule(
        'PolynomialDecay(lr, steps, end, power=2)',
        'optax.polynomial_schedule(lr, end, 2, float(steps))',
    ),
    _schedule(
        'CosineDecay(lr, steps, alpha)',
        'optax.cosine_decay_schedule(lr, steps, alpha)',
        **_COSINE,
    ),
    _schedule(
        'CosineDecay(0.0, steps, alpha, warmup_target=lr, warmup_steps=warm)',
        'optax.warmup_cosine_decay_schedule(0.0, lr, float(warm), '
        'float(warm + steps), alpha * lr)',
        **_COSINE,
    ),
    _recipe(_schedule, 'PolynomialDecay with a power that is not an integer'),
    _recipe(_keras, 'PolynomialDecay with cycle'),
    _recipe(_keras, 'CosineDecayRestarts', **_COSINE),
    _keras(
        'AdamW(CosineDecay(lr, steps), ..., weight_decay=decay)',
        'optax.adamw(optax.cosine_decay_schedule(lr, steps), ..., '
        'weight_decay=decay, tf_style=True)',
        shown=False,
        **_COSINE,
    ),
)

KERAS_RECIPES = (
    _recipe(_keras, 'exclude_from_weight_decay'),
    _recipe(_keras, 'AdamW with amsgrad'),
    _recipe(_keras, 'clipnorm: each variable by its own norm'),
    _recipe(_keras, 'gradient_accumulation_steps and a schedule'),
    _recipe(_keras, 'use_ema with ema_overwrite_frequency'),
    _recipe(_keras, 'Nadam', flag=False),
)

_plain = functools.partial(Row, 'keras', flag=False)

KERAS_OTHERS = (
    _plain('SGD(lr)', 'optax.sgd(lr)'),
    _plain('SGD(lr, momentum)', 'optax.sgd(lr, momentum)'),
    _plain(
        'SGD(lr, momentum, nesterov=True)',
        'optax.sgd(lr, momentum, nesterov=True)',
    ),
    _plain('RMSprop(lr, rho, epsilon=eps)', 'optax.rmsprop(lr, rho, eps)'),
    _plain(
        'RMSprop(lr, rho, momentum, eps, centered=True)',
        'optax.rmsprop(lr, rho, eps, centered=True, momentum=momentum)',
    ),
    _plain('Adagrad(lr, epsilon=eps)', 'optax.adagrad(lr, eps=eps)'),
    _plain('Adadelta(lr, rho, eps)', 'optax.adadelta(lr, rho, eps)'),
    _plain('Lion(lr, b1, b2)', 'optax.lion(lr, b1, b2, weight_decay=0.0)'),
    _plain(
        'Lion(lr, b1, b2, weight_decay=decay)',
        'optax.lion(lr, b1, b2, weight_decay=decay)',
    ),
    _recipe(_plain, 'SGD with momentum and a schedule'),
    _recipe(
        _plain,
        'Adafactor',
        # Of which 1 / sqrt(t) soon is the smaller.
        settings=(Setting(0.2, *SETTINGS[0][1:]),),
    ),
    # Keras takes a norm in float32.
    _recipe(_plain, 'Muon', coarse=('reduce_sum',)),
)

KERAS = KERAS_ADAM + KERAS_SCHEDULES + KERAS_RECIPES + KERAS_OTHERS

_torch = functools.partial(Row, 'torch')

TORCH_ADAM = (
    _torch('Adam(params, lr, ...)', 'optax.adam(lr, ...)', settings=SETTINGS),
    _torch(
        'Adam(params)',
        'optax.adam(1e-3)',
        without='optax.adam(1e-3, tf_style=True)',
        settings=defaults(1e-8),
    ),
    _torch(
        'AdamW(params, lr, ..., weight_decay=decay)',
        'optax.adamw(lr, ..., weight_decay=decay)',
        settings=SETTINGS,
    ),
    _torch(
        'AdamW(params)',
        'optax.adamw(1e-3, weight_decay=1e-2)',
        without='optax.adamw(1e-3, weight_decay=1e-2, tf_style=True)',
        settings=defaults(1e-8),
    ),
    _torch(
        'Adam(params, lr, ..., weight_decay=l2)',
        'optax.chain(optax.add_decayed_weights(l2), optax.adam(lr, ...))',
    ),
    _recipe(_torch, 'Adam with amsgrad (PyTorch)', settings=SETTINGS),
    _recipe(_torch, 'AdamW with amsgrad (PyTorch)'),
    _recipe(_torch, 'clip_grad_norm_'),
    _recipe(_torch, 'clip_grad_value_'),
)

_scheduler = functools.partial(
    Row,
    'torch',
    within=(
        'optimizer = Adam(params, lr, ...)\nscheduler = {}',
        'optax.adam({}, ...)',
    ),
)

TORCH_SCHEDULES = (
    _scheduler(
        'ExponentialLR(optimizer, gamma)',
        'optax.exponential_decay(lr, 1.0, gamma)',
    ),
    _scheduler(
        'StepLR(optimizer, steps, gamma)',
        'optax.exponential_decay(lr, float(steps), gamma, staircase=True)',
    ),
    _scheduler(
        'MultiStepLR(optimizer, [boundary], gamma)',
        'optax.piecewise_constant_schedule(lr, {boundary: gamma})',
    ),
    _scheduler(
        'LambdaLR(optimizer, factor)', 'lambda count: lr * factor(count)'
    ),
    _recipe(_scheduler, 'CosineAnnealingLR'),
)

TORCH = TORCH_ADAM + TORCH_SCHEDULES
ROWS = TENSORFLOW + KERAS + TORCH

_NADAM = 'optax.nadam(lr, ...)'

# Calls that one may expect to match, and that do not.
GAPS = (
    _keras('Nadam(lr, ...)', _NADAM),
    Row('kernel', 'ResourceApplyAdam(lr=lr, ..., use_nesterov=True)', _NADAM),
    _torch('NAdam(params, lr, ...)', _NADAM),
    _torch('Adam(params, lr, ..., amsgrad=True)', 'optax.amsgrad(lr, ...)'),
    _plain(
        'Adam()',
        'optax.adam(1e-3, tf_style=True)',
        settings=defaults(1e-7),
    ),
    _plain(
        'AdamW()',
        'optax.adamw(1e-3, eps=1e-7, tf_style=True)',
        settings=defaults(1e-7),
    ),
    _torch(
        'AdamW(params)',
        'optax.adamw(1e-3)',
        settings=defaults(1e-8),
        flag=False,
    ),
    _torch(
        'Adam(params, lr, ..., weight_decay=decay)',
        'optax.adamw(lr, ..., weight_decay=decay)',
        flag=False,
    ),
    _torch(
        'Adam(params, lr, ...)',
        'optax.chain(optax.clip_by_global_norm(norm), optax.adam(lr, ...))',
        each_step='clip_grad_norm_(params, norm)',
        flag=False,
    ),
    _plain(
        'Adam(lr, ..., clipnorm=norm)',
        f'optax.chain(optax.clip_by_global_norm(norm), {_HAT})',
    ),
    _plain(
        'Adam(PiecewiseConstantDecay([boundary], [lr, 0.1 * lr]), ...)',
        'optax.adam(optax.piecewise_constant_schedule(lr, {boundary: 0.1}), '
        '..., tf_style=True)',
    ),
    _plain('Lamb()', 'optax.lamb(1e-3)', settings=defaults(1e-7)),
    _plain(
        'Lamb(lr, ..., weight_decay=decay)',
        'optax.lamb(lr, ..., weight_decay=decay)',
    ),
    _plain('Adamax(lr, ...)', 'optax.adamax(lr, ...)', settings=SETTINGS[2:3]),
    _plain(
        'SGD(ExponentialDecay(lr, steps, decay_rate), momentum)',
        'optax.sgd(optax.exponential_decay(lr, float(steps), decay_rate), '
        'momentum)',
    ),
    _plain('Lion(lr, b1, b2)', 'optax.lion(lr, b1, b2)'),
    _plain('Adafactor(lr)', 'optax.adafactor(lr)'),
    _plain('Muon(lr)', 'optax.contrib.muon(lr)'),
    _plain(
        'Muon(lr, nesterov=False)',
        'optax.contrib.muon(lr, eps=1e-7, weight_decay=4e-3, '
        'adam_weight_decay=4e-3, consistent_rms=0.2, nesterov=False)',
    ),
)


# Half precision, with decay rates that it can and cannot hold.
HALVES = tuple(
    dataclasses.replace(
        row,
        settings=(
            Setting(1e-2, 0.9, 0.999, 0.1),
            Setting(1e-2, 0.875, 1 - 2.0**-8, 0.5),
        ),
    )
    for row in (TENSORFLOW[2], KERAS[0], TORCH[0])
)

# bfloat16 does not hold the first setting's b2.
HALF_SETTINGS = (('float16', 0), ('float16', 1), ('bfloat16', 1))
