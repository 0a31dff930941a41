"""Update rules of optimizers that can no longer be installed, in NumPy.

Each function takes the arguments of the framework's class, without parameters
and losses, and returns an object whose `update` moves arrays in place. A
learning rate may be a function of the updates made so far. The docstrings name
the files, at a commit. Rows of the porting pages find the functions in `NAMES`,
``text`` blocks import them from `MODULES`.
"""

import re
from types import SimpleNamespace

import numpy as np


class _Optimizer:
  """Moves arrays in place.

  Attributes:
    iterations: The number of updates made.
  """

  def __init__(self, move, max_norm=np.inf):
    """Stores the rule.

    Args:
      move: A function of an array, its gradient, the updates made so far, a
        dictionary that keeps its moments, and its name. Returns the new array.
      max_norm: The global norm to which gradients are clipped.
    """
    self.iterations = 0
    self._move = move
    self._max_norm = max_norm
    self._slots = {}

  def update(self, params, grads, names):
    """Makes one update, given the names of the arrays."""
    norm = np.sqrt(sum(np.sum(g * g) for g in grads))
    scale = min(1.0, self._max_norm / norm)
    for p, g, name in zip(params, grads, names, strict=True):
      slot = self._slots.setdefault(name, {})
      p[...] = self._move(p, g * scale, self.iterations, slot, name)
    self.iterations += 1


def _value(setting, count):
  """Returns a setting that may be a function of the updates made so far."""
  return setting(count) if callable(setting) else setting


def _average(slot, key, value, decay, start=0.0):
  """Moves an exponential moving average and returns it."""
  slot[key] = decay * slot.get(key, start) + (1 - decay) * value
  return slot[key]


def _adam(
    lr, betas, eps, weight_decay=0.0, *, times_rate=True, amsgrad=False,
    corrects_bias=True, decays_last=False, undecayed=(), max_norm=np.inf,
):
  """Adam with epsilon hat and the options of its descendants.

  Args:
    lr: The learning rate, or a function of the updates made so far.
    betas: The decay rates of the moments.
    eps: Added to the root of the second moment.
    weight_decay: The share of a parameter that a step takes away, or a function
      of the updates made so far.
    times_rate: Whether this share is multiplied by the learning rate.
    amsgrad: Whether to use the largest second moment so far.
    corrects_bias: Whether to correct the moments' bias.
    decays_last: Whether the decay takes its share of the new parameter.
    undecayed: Patterns; a parameter whose name has one does not decay.
    max_norm: The global norm to which gradients are clipped.
  """
  b1, b2 = betas

  def move(p, g, count, slot, name):
    rate = _value(lr, count)
    m = _average(slot, 'm', g, b1)
    v = _average(slot, 'v', g * g, b2)
    slot['top'] = np.maximum(slot.get('top', 0.0), v)
    root = np.sqrt(slot['top'] if amsgrad else v)
    step = rate * m / (root + eps)
    if corrects_bias:
      step = step * np.sqrt(1 - b2 ** (count + 1)) / (1 - b1 ** (count + 1))
    if any(re.search(pattern, name) for pattern in undecayed):
      return p - step
    share = _value(weight_decay, count) * (rate if times_rate else 1.0)
    return p - step - share * (p - step if decays_last else p)

  return _Optimizer(move, max_norm)


def adam_tf_style(learning_rate, b1=0.9, b2=0.999, eps=1e-8):
  """vwxyzjn/lm-human-preference-details, train_policy_jax.py at 99fa897."""
  return _adam(learning_rate, (b1, b2), eps)


def bert(
    learning_rate, weight_decay_rate=0.0, beta_1=0.9, beta_2=0.999,
    epsilon=1e-6, exclude_from_weight_decay=(), max_norm=np.inf,
):
  """google-research/bert, optimization.py at eedf571."""
  return _adam(
      learning_rate,
      (beta_1, beta_2),
      epsilon,
      weight_decay_rate,
      corrects_bias=False,
      undecayed=exclude_from_weight_decay,
      max_norm=max_norm,
  )


_UNDECAYED = 'LayerNorm', 'layer_norm', 'bias'


def _falls(count, steps, end=0.0):
  """Returns the share of the rate that a linear decay leaves."""
  return end + (1 - end) * (1 - min(count, steps) / steps)


def _bert_rate(init_lr, num_train_steps, num_warmup_steps):
  """Returns BERT's schedule, whose decay counts from step 0."""

  def rate(count):
    if count < num_warmup_steps:
      return init_lr * count / num_warmup_steps
    return init_lr * _falls(count, num_train_steps)

  return rate


def bert_create(init_lr, num_train_steps, num_warmup_steps):
  """google-research/bert, optimization.py at eedf571."""
  rate = _bert_rate(init_lr, num_train_steps, num_warmup_steps)
  return bert(rate, 0.01, exclude_from_weight_decay=_UNDECAYED, max_norm=1.0)


def electra_create(
    learning_rate, num_train_steps, weight_decay_rate=0.0, warmup_steps=0
):
  """google-research/electra, model/optimization.py at ac8d487."""

  def rate(count):
    risen = min(1.0, count / warmup_steps)
    return learning_rate * _falls(count, num_train_steps) * risen

  return bert(
      rate,
      weight_decay_rate,
      exclude_from_weight_decay=_UNDECAYED,
      max_norm=1.0,
  )


def gpt_neo(params):
  """EleutherAI/gpt-neo, optimizers.py at 01f9c39, with linear decay."""

  def rate(count):
    risen = min(1.0, count / params['warmup_steps'])
    return params['lr'] * _falls(count, params['train_steps'], 0.1) * risen

  return bert(
      rate,
      params['weight_decay'],
      params['beta1'],
      params['beta2'],
      params['epsilon'],
      exclude_from_weight_decay=('norm', 'bias'),
      max_norm=params['gradient_clipping'],
  )


def tfa_adamw(
    weight_decay, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
  """tensorflow/addons, optimizers/weight_decay_optimizers.py at d208d75."""

  def share(count):
    del count
    return weight_decay() if callable(weight_decay) else weight_decay

  betas = beta_1, beta_2
  return _adam(learning_rate, betas, epsilon, share, times_rate=False)


def tfa_sgdw(weight_decay, learning_rate=1e-3, momentum=0.0, nesterov=False):
  """tensorflow/addons, optimizers/weight_decay_optimizers.py at d208d75."""

  def move(p, g, count, slot, name):
    del name
    step = _value(learning_rate, count) * g
    velocity = momentum * slot.get('velocity', 0.0) + step
    slot['velocity'] = velocity
    if nesterov:
      velocity = momentum * velocity + step
    return p - weight_decay * p - velocity

  return _Optimizer(move)


def tfa_yogi(
    learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-3,
    initial_accumulator_value=1e-6,
):
  """tensorflow/addons, optimizers/yogi.py at 23bd494."""

  def move(p, g, count, slot, name):
    del name
    m = _average(slot, 'm', g, beta1)
    v = slot.get('v', initial_accumulator_value)
    v = v + (1 - beta2) * np.sign(g * g - v) * g * g
    slot['v'] = v
    c1 = 1 - beta1 ** (count + 1)
    c2 = 1 - beta2 ** (count + 1)
    rate = _value(learning_rate, count) * np.sqrt(c2) / c1
    return p - rate * m / (np.sqrt(v) + epsilon)

  return _Optimizer(move)


def adam_updates(lr=1e-3, mom1=0.9, mom2=0.999):
  """openai/pixel-cnn, pixel_cnn_pp/nn.py at 0ff8ab5."""

  def move(p, g, count, slot, name):
    del name
    m = _average(slot, 'm', g, mom1) / (1 - mom1 ** (count + 1))
    v = _average(slot, 'v', g * g, mom2) / (1 - mom2 ** (count + 1))
    return p - lr * m / np.sqrt(v + 1e-8)

  return _Optimizer(move)


def hugging_face_tf(
    learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
    weight_decay_rate=0.0, exclude_from_weight_decay=(),
):
  """huggingface/transformers, src/transformers/optimization_tf.py, v4.40.0."""
  return _adam(
      learning_rate,
      (beta_1, beta_2),
      epsilon,
      weight_decay_rate,
      undecayed=exclude_from_weight_decay,
  )


def hugging_face_create(
    init_lr, num_train_steps, num_warmup_steps, weight_decay_rate=0.0
):
  """huggingface/transformers, src/transformers/optimization_tf.py, v4.40.0."""
  steps = num_train_steps - num_warmup_steps

  def rate(count):
    if count < num_warmup_steps:
      return init_lr * count / num_warmup_steps
    return init_lr * _falls(count - num_warmup_steps, steps)

  return hugging_face_tf(
      rate,
      epsilon=1e-8,
      weight_decay_rate=weight_decay_rate,
      exclude_from_weight_decay=_UNDECAYED,
  )


def garden_adamw(
    learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
    weight_decay_rate=0.0, exclude_from_weight_decay=(),
    gradient_clip_norm=1.0,
):
  """tensorflow/models, official/modeling/optimization/legacy_adamw.py.

  At 00b830c.
  """
  return _adam(
      learning_rate,
      (beta_1, beta_2),
      epsilon,
      weight_decay_rate,
      undecayed=exclude_from_weight_decay,
      max_norm=gradient_clip_norm,
  )


def garden_create(init_lr, num_train_steps, num_warmup_steps):
  """tensorflow/models, official/nlp/optimization.py at 0015eed."""
  rate = _bert_rate(init_lr, num_train_steps, num_warmup_steps)
  return garden_adamw(
      rate,
      epsilon=1e-6,
      weight_decay_rate=0.01,
      exclude_from_weight_decay=('layer_norm', 'bias'),
  )


def polynomial_warmup(after_warmup_lr_sched, warmup_steps):
  """tensorflow/models, official/modeling/optimization/lr_schedule.py.

  At 00b830c, with a power of 1.
  """

  def rate(count):
    if count >= warmup_steps:
      return after_warmup_lr_sched(count)
    return after_warmup_lr_sched(warmup_steps) * max(count, 1) / warmup_steps

  return rate


def linear_warmup(after_warmup_lr_sched, warmup_steps, warmup_learning_rate):
  """tensorflow/models, official/modeling/optimization/lr_schedule.py.

  At 00b830c.
  """

  def rate(count):
    if count >= warmup_steps:
      return after_warmup_lr_sched(count)
    rise = after_warmup_lr_sched(warmup_steps) - warmup_learning_rate
    return warmup_learning_rate + rise * count / warmup_steps

  return rate


def polynomial_decay(initial_learning_rate, decay_steps, end_learning_rate):
  """keras-team/keras, PolynomialDecay with a power of 1."""
  share = end_learning_rate / initial_learning_rate
  return lambda count: initial_learning_rate * _falls(count, decay_steps, share)


def hugging_face(
    params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0,
    correct_bias=True,
):
  """huggingface/transformers, src/transformers/optimization.py at ad1fc96."""
  del params
  return _adam(
      lr,
      betas,
      eps,
      weight_decay,
      corrects_bias=correct_bias,
      decays_last=True,
  )


def fairseq(
    params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
    amsgrad=False,
):
  """facebookresearch/fairseq, fairseq/optim/adam.py at 3d262bb."""
  del params
  return _adam(lr, betas, eps, weight_decay, amsgrad=amsgrad)


def chainer(
    alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay_rate=0.0
):
  """chainer/chainer, chainer/optimizers/adam.py at cea09e4."""
  betas = beta1, beta2
  return _adam(alpha, betas, eps, weight_decay_rate, times_rate=False)


def pymc(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
  """pymc-devs/pymc, pymc/variational/updates.py at 6d88a59."""
  return _adam(learning_rate, (beta1, beta2), epsilon)


_module = SimpleNamespace
NAMES = dict(
    LinearWarmup=linear_warmup,
    PolynomialDecay=polynomial_decay,
    PolynomialWarmUp=polynomial_warmup,
    adam_tf_style=adam_tf_style,
    bert=_module(AdamWeightDecayOptimizer=bert, create_optimizer=bert_create),
    chainer=_module(optimizers=_module(Adam=chainer)),
    electra=_module(create_optimizer=electra_create),
    fairseq=_module(optim=_module(adam=_module(Adam=fairseq))),
    garden=_module(
        AdamWeightDecay=garden_adamw, create_optimizer=garden_create
    ),
    gpt_neo=_module(get_optimizer=gpt_neo),
    nn=_module(adam_updates=adam_updates),
    pm=_module(adam=pymc),
    transformers=_module(
        AdamW=hugging_face,
        AdamWeightDecay=hugging_face_tf,
        create_optimizer=hugging_face_create,
    ),
)
_addons = _module(
    optimizers=_module(AdamW=tfa_adamw, SGDW=tfa_sgdw, Yogi=tfa_yogi)
)
MODULES = {'tensorflow_addons': _addons}
