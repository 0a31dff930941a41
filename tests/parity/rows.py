"""The rows: what a framework's user has, and the optax call for it.

One list feeds the tests, the script that measures and the porting guide. The
texts are shown as they stand and run as they stand, but for two rules: ``...``
stands for the decay rates and epsilon (`SHARED`), and a schedule is put in an
optimizer (`within`). ``lr``, ``b1``, ``b2`` and ``eps`` come from a row's
settings, other names from its ``extra``.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

SHARED = {
    'keras': 'beta_1=b1, beta_2=b2, epsilon=eps',
    'kernel': 'beta1=b1, beta2=b2, epsilon=eps',
    'optax': 'b1=b1, b2=b2, eps=eps',
    'tf1': 'beta1=b1, beta2=b2, epsilon=eps',
    'torch': 'betas=(b1, b2), eps=eps',
}


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
    extra: Further variables of the calls.
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
  extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
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
    _tf1(
        'rate = exponential_decay(lr, global_step, steps, decay_rate)\n'
        'optimizer = AdamOptimizer(rate, ...)',
        'rate = optax.exponential_decay(lr, float(steps), decay_rate)\n'
        'optimizer = optax.adam(rate, ..., tf_style=True)',
        'AdamOptimizer with a schedule',
        extra=dict(steps=100, decay_rate=0.3),
    ),
    _tf1(
        'AdamOptimizer(lr, ...)',
        f'optax.chain(\n    optax.clip_by_global_norm(norm),\n    {_HAT},\n)',
        'AdamOptimizer and tf.clip_by_global_norm',
        each_step='grads, _ = tf.clip_by_global_norm(grads, norm)',
        extra=dict(norm=100.0),
    ),
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
    _keras(
        'Adam(lr, ..., weight_decay=decay)',
        _ADAMW,
        extra=dict(decay=0.3),
        settings=SETTINGS,
    ),
    _keras(
        'AdamW(lr, ..., weight_decay=decay)',
        _ADAMW,
        extra=dict(decay=0.3),
        settings=SETTINGS,
    ),
    _keras(
        'AdamW()',
        'optax.adamw(1e-3, eps=1e-7, weight_decay=4e-3, tf_style=True)',
        settings=defaults(1e-7),
    ),
    _keras(
        'Adam(lr, ..., global_clipnorm=norm)',
        f'optax.chain(optax.clip_by_global_norm(norm), {_HAT})',
        extra=dict(norm=100.0),
    ),
    _keras(
        'Adam(lr, ..., clipvalue=value)',
        f'optax.chain(optax.clip(value), {_HAT})',
        extra=dict(value=10.0),
    ),
    _keras(
        'Adam(lr, ..., gradient_accumulation_steps=k)',
        f'optax.MultiSteps({_HAT}, k, accumulator_dtype=dtype)',
        extra=dict(k=3),
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

_schedule = functools.partial(
    Row,
    'keras',
    within=('Adam({}, ...)', 'optax.adam({}, ..., tf_style=True)'),
)
_STEPS = dict(steps=100, decay_rate=0.3)
_COSINE = ('cos',)  # On JAX, Keras's cosine is float32 whatever it is given.

KERAS_SCHEDULES = (
    _schedule(
        'ExponentialDecay(lr, steps, decay_rate)',
        'optax.exponential_decay(lr, float(steps), decay_rate)',
        extra=_STEPS,
    ),
    _schedule(
        'ExponentialDecay(lr, steps, decay_rate, staircase=True)',
        'optax.exponential_decay(lr, float(steps), decay_rate, staircase=True)',
        extra=_STEPS,
    ),
    _schedule(
        'InverseTimeDecay(lr, steps, decay_rate)',
        'lambda count: lr / (1 + decay_rate * count / steps)',
        extra=_STEPS,
    ),
    _schedule(
        'InverseTimeDecay(lr, steps, decay_rate, staircase=True)',
        'lambda count: lr / (1 + decay_rate * (count // steps))',
        extra=_STEPS,
    ),
    _schedule(
        'PiecewiseConstantDecay([boundary], [lr, 0.1 * lr])',
        'optax.piecewise_constant_schedule(lr, {boundary + 1: 0.1})',
        extra=dict(boundary=100),
    ),
    _schedule(
        'PolynomialDecay(lr, steps, end, power=2)',
        'optax.polynomial_schedule(lr, end, 2, float(steps))',
        extra=dict(steps=200, end=1e-4),
    ),
    _schedule(
        'CosineDecay(lr, steps, alpha)',
        'optax.cosine_decay_schedule(lr, steps, alpha)',
        extra=dict(steps=250, alpha=0.1),
        coarse=_COSINE,
    ),
    _schedule(
        'CosineDecay(0.0, steps, alpha, warmup_target=lr, warmup_steps=warm)',
        'optax.warmup_cosine_decay_schedule(0.0, lr, float(warm), '
        'float(warm + steps), alpha * lr)',
        extra=dict(steps=200, alpha=0.1, warm=50),
        coarse=_COSINE,
    ),
    _schedule(
        'PolynomialDecay(lr, steps, end, power)',
        'lambda count: end + (lr - end) * jnp.maximum(\n'
        '    1 - count / float(steps), 0.0) ** power',
        'PolynomialDecay with a power that is not an integer',
        extra=dict(steps=300, end=1e-4, power=1.3),
    ),
    _keras(
        'rate = PolynomialDecay(lr, steps, end, power=2, cycle=True)\n'
        'optimizer = Adam(rate, ...)',
        'def rate(count):\n'
        '  cycles = jnp.maximum(jnp.ceil(count / float(steps)), 1)\n'
        '  return end + (lr - end) * (1 - count / (steps * cycles)) ** 2\n\n'
        'optimizer = optax.adam(rate, ..., tf_style=True)',
        'PolynomialDecay with cycle',
        extra=dict(steps=100, end=1e-4),
    ),
    _keras(
        'rate = CosineDecayRestarts(lr, steps, t_mul, m_mul, alpha)\n'
        'optimizer = Adam(rate, ...)',
        'lengths = [steps * t_mul**i for i in range(restarts + 1)]\n'
        'peaks = [alpha + (1 - alpha) * m_mul**i for i in range(restarts + 1)]'
        '\nrate = optax.join_schedules(\n'
        '    [\n'
        '        optax.cosine_decay_schedule(peak * lr, length, alpha / peak)\n'
        '        for peak, length in zip(peaks, lengths)\n'
        '    ],\n'
        '    [sum(lengths[: i + 1]) for i in range(restarts)],\n'
        ')\n'
        'optimizer = optax.adam(rate, ..., tf_style=True)',
        'CosineDecayRestarts',
        extra=dict(steps=50, t_mul=2.0, m_mul=0.8, alpha=0.1, restarts=3),
        coarse=_COSINE,
    ),
    _keras(
        'AdamW(CosineDecay(lr, steps), ..., weight_decay=decay)',
        'optax.adamw(optax.cosine_decay_schedule(lr, steps), ..., '
        'weight_decay=decay, tf_style=True)',
        extra=dict(decay=0.3, steps=250),
        coarse=_COSINE,
        shown=False,
    ),
)

KERAS_RECIPES = (
    _keras(
        'optimizer = AdamW(lr, ..., weight_decay=decay)\n'
        "optimizer.exclude_from_weight_decay(var_names=['bias'])",
        'def decays(path, _):\n'
        "  return 'bias' not in jax.tree_util.keystr(path)\n\n"
        'optimizer = optax.adamw(\n'
        '    lr, ..., weight_decay=decay, tf_style=True,\n'
        '    mask=functools.partial(jax.tree_util.tree_map_with_path, decays),\n'
        ')',
        'exclude_from_weight_decay',
        extra=dict(decay=0.3, functools=functools),
    ),
    _keras(
        'AdamW(lr, ..., weight_decay=decay, amsgrad=True)',
        'optax.chain(\n'
        '    optax.scale_by_amsgrad(..., epsilon_hat=True),\n'
        '    optax.add_decayed_weights(decay),\n'
        '    optax.scale_by_learning_rate(lr),\n'
        ')',
        'AdamW with amsgrad',
        extra=dict(decay=0.3),
    ),
    _keras(
        'Adam(lr, ..., clipnorm=norm)',
        'def clip(g, _):\n'
        '  return g * norm / jnp.maximum(jnp.linalg.norm(g), norm)\n\n'
        'optimizer = optax.chain(\n'
        f'    optax.stateless_with_tree_map(clip),\n    {_HAT},\n)',
        'clipnorm: each variable by its own norm',
        extra=dict(norm=100.0),
    ),
    _keras(
        'rate = ExponentialDecay(lr, steps, decay_rate)\n'
        'optimizer = Adam(rate, ..., gradient_accumulation_steps=k)',
        'rate = optax.exponential_decay(lr, float(steps), decay_rate)\n'
        'inner = optax.adam(\n'
        '    lambda count: rate(k * count + k - 1), ..., tf_style=True\n'
        ')\n'
        'optimizer = optax.MultiSteps(inner, k, accumulator_dtype=dtype)',
        'gradient_accumulation_steps and a schedule',
        extra=dict(k=3, **_STEPS),
    ),
    _keras(
        'Adam(\n    lr, ..., use_ema=True, ema_momentum=momentum,\n'
        '    ema_overwrite_frequency=every,\n)',
        'def with_average(inner, momentum, every):\n'
        '  def init(params):\n'
        '    return inner.init(params), params, jnp.zeros([], jnp.int32)\n\n'
        '  def update(grads, state, params):\n'
        '    state, average, count = state\n'
        '    updates, state = inner.update(grads, state, params)\n'
        '    moved = optax.apply_updates(params, updates)\n'
        '    step_size = jnp.where(count == 0, 1.0, 1 - momentum)\n'
        '    average = optax.incremental_update(moved, average, step_size)\n'
        '    count += 1\n'
        '    updates = jax.tree.map(\n'
        '        lambda u, a, p: jnp.where(count % every == 0, a - p, u),\n'
        '        updates, average, params,\n'
        '    )\n'
        '    return updates, (state, average, count)\n\n'
        '  return optax.GradientTransformation(init, update)\n\n'
        f'optimizer = with_average({_HAT}, momentum, every)',
        'use_ema with ema_overwrite_frequency',
        extra=dict(momentum=0.9, every=10),
    ),
    _keras(
        'Nadam(lr, ...)',
        'def scale_by_keras_nadam(b1, b2, eps):\n'
        '  moments = optax.scale_by_adam(b1, b2)\n\n'
        '  def momentum(t):\n'
        '    return b1 * (1 - 0.5 * 0.96**t)\n\n'
        '  def init(params):\n'
        '    return moments.init(params), jnp.ones([])\n\n'
        '  def update(grads, state, params=None):\n'
        '    state, product = state\n'
        '    _, state = moments.update(grads, state)\n'
        '    t = state.count\n'
        '    product *= momentum(t)\n\n'
        '    def direction(g, m, v):\n'
        '      m = momentum(t + 1) * m / (1 - product * momentum(t + 1))\n'
        '      m += (1 - momentum(t)) * g / (1 - product)\n'
        '      return m / (jnp.sqrt(v / (1 - b2**t)) + eps)\n\n'
        '    updates = jax.tree.map(direction, grads, state.mu, state.nu)\n'
        '    return updates, (state, product)\n\n'
        '  return optax.GradientTransformation(init, update)\n\n'
        'optimizer = optax.chain(\n'
        '    scale_by_keras_nadam(b1, b2, eps),\n'
        '    optax.scale_by_learning_rate(lr),\n'
        ')',
        'Nadam',
        flag=False,
    ),
)

_plain = functools.partial(Row, 'keras', flag=False)
_MOMENTUM = dict(momentum=0.9)
_RHO = dict(rho=0.95, **_MOMENTUM)

KERAS_OTHERS = (
    _plain('SGD(lr)', 'optax.sgd(lr)'),
    _plain(
        'SGD(lr, momentum)',
        'optax.sgd(lr, momentum)',
        extra=_MOMENTUM,
    ),
    _plain(
        'SGD(lr, momentum, nesterov=True)',
        'optax.sgd(lr, momentum, nesterov=True)',
        extra=_MOMENTUM,
    ),
    _plain(
        'RMSprop(lr, rho, epsilon=eps)',
        'optax.rmsprop(lr, rho, eps)',
        extra=_RHO,
    ),
    _plain(
        'RMSprop(lr, rho, momentum, eps, centered=True)',
        'optax.rmsprop(lr, rho, eps, centered=True, momentum=momentum)',
        extra=_RHO,
    ),
    _plain('Adagrad(lr, epsilon=eps)', 'optax.adagrad(lr, eps=eps)'),
    _plain('Adadelta(lr, rho, eps)', 'optax.adadelta(lr, rho, eps)', extra=_RHO),
    _plain('Lion(lr, b1, b2)', 'optax.lion(lr, b1, b2, weight_decay=0.0)'),
    _plain(
        'Lion(lr, b1, b2, weight_decay=decay)',
        'optax.lion(lr, b1, b2, weight_decay=decay)',
        extra=dict(decay=0.3),
    ),
    _plain(
        'rate = ExponentialDecay(lr, steps, decay_rate)\n'
        'optimizer = SGD(rate, momentum)',
        'rate = optax.exponential_decay(lr, float(steps), decay_rate)\n'
        'optimizer = optax.chain(\n'
        '    optax.scale_by_learning_rate(rate),\n'
        '    optax.trace(momentum),\n'
        ')',
        'SGD with momentum and a schedule',
        extra={**_STEPS, **_MOMENTUM},
    ),
    _plain(
        'Adafactor(lr)',
        'optax.adafactor(\n'
        '    lambda count: jnp.minimum(lr, 1 / jnp.sqrt(count + 1.0)),\n'
        '    min_dim_size_to_factor=0,\n'
        ')',
        'Adafactor',
        # Of which 1 / sqrt(t) soon is the smaller.
        settings=(Setting(0.2, *SETTINGS[0][1:]),),
    ),
    _plain(
        'Muon(lr, weight_decay=decay, adam_weight_decay=decay)',
        'def labels(params):\n'
        "  return jax.tree.map(lambda p: 'muon' if p.ndim == 2 else 'adam', "
        'params)\n\n'
        'def is_matrix(params):\n'
        '  return jax.tree.map(\n'
        '      lambda _: optax.contrib.MuonDimensionNumbers(), params\n'
        '  )\n\n'
        'muon = optax.chain(\n'
        '    optax.trace(0.95, nesterov=True),\n'
        '    optax.contrib.scale_by_muon(\n'
        '        beta=0.0, eps=1e-7, nesterov=False,\n'
        '        weight_dimension_numbers=is_matrix,\n'
        '    ),\n'
        '    optax.stateless_with_tree_map(\n'
        '        lambda u, _: 0.2 * max(u.shape) ** 0.5 * u\n'
        '    ),\n'
        '    optax.add_decayed_weights(decay),\n'
        '    optax.scale_by_learning_rate(lr),\n'
        ')\n'
        'adam = optax.adamw(lr, eps=1e-7, weight_decay=decay, tf_style=True)\n'
        "optimizer = optax.partition({'muon': muon, 'adam': adam}, labels)",
        'Muon',
        extra=dict(decay=0.3),
        coarse=('reduce_sum',),  # Keras takes a norm in float32.
    ),
)

KERAS = KERAS_ADAM + KERAS_SCHEDULES + KERAS_RECIPES + KERAS_OTHERS

_torch = functools.partial(Row, 'torch')
_EPS = (
    '    eps=lambda count: eps * jnp.sqrt(1 - b2 ** (count + 1)),\n'
    '    {}=True,\n'
)
_CLIPPED = 'optax.chain(\n    {},\n    optax.adam(lr, ...),\n)'

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
        extra=dict(decay=0.3),
        settings=SETTINGS,
    ),
    _torch(
        'AdamW(params)',
        'optax.adamw(1e-3, weight_decay=1e-2)',
        without='optax.adamw(1e-3, weight_decay=1e-2, tf_style=True)',
        settings=defaults(1e-8),
    ),
    _torch(
        'Adam(params, lr, ..., weight_decay=decay)',
        'optax.chain(optax.add_decayed_weights(decay), optax.adam(lr, ...))',
        extra=dict(decay=1e-6),
    ),
    _torch(
        'Adam(params, lr, ..., amsgrad=True)',
        'optax.inject_hyperparams(optax.amsgrad)(\n'
        f'    lr, b1=b1, b2=b2,\n{_EPS.format("tf_style")})',
        'Adam with amsgrad',
        settings=SETTINGS,
    ),
    _torch(
        'AdamW(params, lr, ..., weight_decay=decay, amsgrad=True)',
        'scale = optax.inject_hyperparams(optax.scale_by_amsgrad)(\n'
        f'    b1=b1, b2=b2,\n{_EPS.format("epsilon_hat")})\n'
        'optimizer = optax.chain(\n'
        '    scale,\n'
        '    optax.add_decayed_weights(decay),\n'
        '    optax.scale_by_learning_rate(lr),\n'
        ')',
        'AdamW with amsgrad (PyTorch)',
        extra=dict(decay=0.3),
    ),
    _torch(
        'Adam(params, lr, ...)',
        'def clip(grads, _):\n'
        '  factor = max_norm / (optax.tree.norm(grads) + 1e-6)\n'
        '  return optax.tree.scale(jnp.minimum(1.0, factor), grads)\n\n'
        f'optimizer = {_CLIPPED.format("optax.stateless(clip)")}',
        'clip_grad_norm_',
        each_step='clip_grad_norm_(params, max_norm)',
        extra=dict(max_norm=100.0),
    ),
    _torch(
        'Adam(params, lr, ...)',
        _CLIPPED.format('optax.clip(value)'),
        'clip_grad_value_',
        each_step='clip_grad_value_(params, value)',
        extra=dict(value=10.0),
    ),
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
        extra=dict(gamma=0.99),
    ),
    _scheduler(
        'StepLR(optimizer, steps, gamma)',
        'optax.exponential_decay(lr, float(steps), gamma, staircase=True)',
        extra=dict(steps=100, gamma=0.3),
    ),
    _scheduler(
        'MultiStepLR(optimizer, [milestone], gamma)',
        'optax.piecewise_constant_schedule(lr, {milestone: gamma})',
        extra=dict(milestone=100, gamma=0.1),
    ),
    _scheduler(
        'LambdaLR(optimizer, factor)',
        'lambda count: lr * factor(count)',
        extra=dict(factor=lambda count: 1 / (1 + count / 50.0)),
    ),
    _scheduler(
        'CosineAnnealingLR(optimizer, T_max, end)',
        'lambda count: end + (lr - end) * (\n'
        '    1 + jnp.cos(jnp.pi * count / float(T_max))) / 2',
        'CosineAnnealingLR',
        extra=dict(T_max=200, end=1e-4),
    ),
)

TORCH = TORCH_ADAM + TORCH_SCHEDULES
ROWS = TENSORFLOW + KERAS + TORCH

_NADAM = 'optax.nadam(lr, ...)'

# Calls that one may expect to match, and that do not.
GAPS = (
    _keras('Nadam(lr, ...)', _NADAM),
    Row(
        'kernel',
        'ResourceApplyAdam(lr=lr, ..., use_nesterov=True)',
        _NADAM,
    ),
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
        extra=dict(decay=1e-2),
        flag=False,
    ),
    _torch(
        'Adam(params, lr, ...)',
        'optax.chain(optax.clip_by_global_norm(max_norm), optax.adam(lr, ...))',
        each_step='clip_grad_norm_(params, max_norm)',
        extra=dict(max_norm=100.0),
        flag=False,
    ),
    _plain(
        'Adam(lr, ..., clipnorm=norm)',
        f'optax.chain(optax.clip_by_global_norm(norm), {_HAT})',
        extra=dict(norm=100.0),
    ),
    _plain(
        'Adam(PiecewiseConstantDecay([boundary], [lr, 0.1 * lr]), ...)',
        'optax.adam(optax.piecewise_constant_schedule(lr, {boundary: 0.1}), '
        '..., tf_style=True)',
        extra=dict(boundary=100),
    ),
    _plain('Lamb()', 'optax.lamb(1e-3)', settings=defaults(1e-7)),
    _plain(
        'Lamb(lr, ..., weight_decay=decay)',
        'optax.lamb(lr, ..., weight_decay=decay)',
        extra=dict(decay=0.3),
    ),
    _plain('Adamax(lr, ...)', 'optax.adamax(lr, ...)', settings=SETTINGS[2:3]),
    _plain(
        'SGD(ExponentialDecay(lr, steps, decay_rate), momentum)',
        'optax.sgd(optax.exponential_decay(lr, float(steps), decay_rate), '
        'momentum)',
        extra={**_STEPS, **_MOMENTUM},
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
