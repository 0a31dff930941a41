"""Update rules of optimizers that can no longer be installed, in NumPy.

Each function has the arguments and defaults of the original, and returns an
optimizer whose `update` moves arrays in place. `NAMES` holds what a script
would import: `tensorflow_addons` as ``tfa``, BERT's `optimization`, and so on.
"""

import re
import types

import numpy as np


class _Adam:
  """Adam with epsilon hat, and with what its descendants add.

  A learning rate may be a function of the step, counted from 0.
  """

  def __init__(self, rate, b1, b2, eps, **options):
    self.rate = rate if callable(rate) else lambda step: rate
    self.b1, self.b2, self.eps = b1, b2, eps
    self.options = options
    self.step, self.slots = 0, {}

  def update(self, params, grads, names):
    """Moves the parameters, in place."""
    rate = self.rate(self.step)
    self.step += 1
    options = self.options
    if clip := options.get('clip_norm'):
      norm = np.sqrt(sum(np.sum(g**2) for g in grads))
      grads = [g * clip / max(norm, clip) for g in grads]
    for p, g, name in zip(params, grads, names, strict=True):
      decay = options.get('decay', 0.0)
      if options.get('decay_times_rate', True):
        decay *= rate
      if any(re.search(e, name) for e in options.get('excluded', ())):
        decay = 0.0
      move = rate * self._direction(p, g, name)
      if options.get('decay_last'):
        p[...] = (p - move) * (1 - decay)
      else:
        p[...] = p * (1 - decay) - move

  def _direction(self, p, g, name):
    t, options = self.step, self.options
    start = np.full_like(p, options.get('start', 0.0))
    m, v = self.slots.get(name, (np.zeros_like(p), start))
    new_m = self.b1 * m + (1 - self.b1) * g
    # Yogi moves by the sign of the difference.
    sign = np.sign(v - g**2) if options.get('yogi') else 1.0
    change = g**2 if options.get('yogi') else v - g**2
    new_v = v - (1 - self.b2) * sign * change
    if options.get('lazy') and g.ndim > 1:
      seen = np.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True)
    else:
      seen = np.ones_like(g, bool)
    m, v = np.where(seen, new_m, m), np.where(seen, new_v, v)
    self.slots[name] = m, v
    scale = 1.0
    if options.get('corrected', True):
      scale = np.sqrt(1 - self.b2**t) / (1 - self.b1**t)
    return np.where(seen, scale * m / (np.sqrt(v) + self.eps), 0.0)


def _copied_adam(learning_rate, b1=0.9, b2=0.999, eps=1e-8):
  return _Adam(learning_rate, b1, b2, eps)


def _tfa_adamw(
    weight_decay, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
  return _Adam(
      learning_rate, beta_1, beta_2, epsilon,
      decay=weight_decay, decay_times_rate=False,
  )


def _tfa_lazy(learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
  return _Adam(learning_rate, beta_1, beta_2, epsilon, lazy=True)


def _tfa_yogi(learning_rate=1e-2, beta1=0.9, beta2=0.999, epsilon=1e-3):
  return _Adam(learning_rate, beta1, beta2, epsilon, yogi=True, start=1e-6)


def _bert(
    learning_rate, weight_decay_rate=0.0, beta_1=0.9, beta_2=0.999,
    epsilon=1e-6, exclude_from_weight_decay=(), **options,
):
  return _Adam(
      learning_rate, beta_1, beta_2, epsilon, corrected=False,
      decay=weight_decay_rate, excluded=exclude_from_weight_decay, **options,
  )


def _bert_create(init_lr, num_train_steps, num_warmup_steps):
  def rate(step):
    if step < num_warmup_steps:
      return init_lr * step / num_warmup_steps
    return init_lr * (1 - min(step, num_train_steps) / num_train_steps)

  excluded = ('LayerNorm', 'layer_norm', 'bias')
  return _bert(rate, 0.01, exclude_from_weight_decay=excluded, clip_norm=1.0)


def _bert_keras(
    learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
    weight_decay_rate=0.0, exclude_from_weight_decay=(),
):
  return _Adam(
      learning_rate, beta_1, beta_2, epsilon,
      decay=weight_decay_rate, excluded=exclude_from_weight_decay,
  )


def _hugging_face(
    params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0,
    correct_bias=True,
):
  del params
  return _Adam(
      lr, *betas, eps,
      decay=weight_decay, decay_last=True, corrected=correct_bias,
  )


def _fairseq(params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
  del params
  return _Adam(lr, *betas, eps, decay=weight_decay)


def _chainer(
    alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay_rate=0.0
):
  return _Adam(
      alpha, beta1, beta2, eps,
      decay=weight_decay_rate, decay_times_rate=False,
  )


_module = types.SimpleNamespace

NAMES = dict(
    adam_tf_style=_copied_adam,
    chainer=_module(optimizers=_module(Adam=_chainer)),
    fairseq=_module(optim=_module(adam=_module(Adam=_fairseq))),
    optimization=_module(
        AdamWeightDecayOptimizer=_bert, create_optimizer=_bert_create
    ),
    tfa=_module(
        optimizers=_module(AdamW=_tfa_adamw, LazyAdam=_tfa_lazy, Yogi=_tfa_yogi)
    ),
    transformers=_module(AdamW=_hugging_face, AdamWeightDecay=_bert_keras),
)
MODULES = {
    'fairseq.optim': NAMES['fairseq'].optim,
    'fairseq.optim.adam': NAMES['fairseq'].optim.adam,
    'tensorflow_addons': NAMES['tfa'],
    **NAMES,
}
