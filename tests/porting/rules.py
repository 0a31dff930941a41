"""Update rules of optimizers that can no longer be installed, in NumPy.

Each function takes the arguments of the framework's class and returns an object
whose `update` moves arrays in place, given their names. A learning rate may be a
function of the number of updates made so far. The docstrings name the files, at a commit. Rows
of the porting pages find the functions in `NAMES`, ``text`` blocks import them
from `MODULES`.
"""

import re
from types import SimpleNamespace

import numpy as np


def _rule(move, b1, b2, *, amsgrad=False, lazy=False):
  """Returns an optimizer that moves arrays to what `move` returns.

  Args:
    move: Takes a parameter, both moments, the step, counted from 1, and the
      parameter's name.
    b1: Decay rate of the first moment.
    b2: Decay rate of the second moment.
    amsgrad: Whether the second moment is the largest so far.
    lazy: Whether rows without a gradient stay as they are.
  """
  slots = {}
  count = 0

  def update(params, grads, names):
    nonlocal count
    count += 1
    for p, g, name in zip(params, grads, names, strict=True):
      m, v, top = slots.get(name, (0 * p,) * 3)
      columns = tuple(range(1, g.ndim))
      seen = np.any(g != 0, axis=columns, keepdims=True) if lazy else True
      m = np.where(seen, b1 * m + (1 - b1) * g, m)
      v = np.where(seen, b2 * v + (1 - b2) * g * g, v)
      top = np.maximum(top, v)
      slots[name] = m, v, top
      moved = move(p, m, top if amsgrad else v, count, name)
      p[...] = np.where(seen, moved, p)

  return SimpleNamespace(update=update)


def _at(rate, t):
  return rate(t - 1) if callable(rate) else rate


def _epsilon_hat(
    lr, b1, b2, eps, decay=lambda lr: 0.0, *, decay_last=False, **options
):
  """Adam with epsilon hat; each step takes away the share `decay(lr)`."""

  def move(p, m, v, t, name):
    del name
    rate = _at(lr, t)
    scale = rate * np.sqrt(1 - b2**t) / (1 - b1**t)
    moved = p - scale * m / (np.sqrt(v) + eps)
    return moved - decay(rate) * (moved if decay_last else p)

  return _rule(move, b1, b2, **options)


def _no_bias_correction(
    lr, b1, b2, eps, decay, *, excluded=(), decay_last=False
):
  """Adam whose decay leaves out the names in which it finds a pattern."""

  def move(p, m, v, t, name):
    rate = _at(lr, t)
    moved = p - rate * m / (np.sqrt(v) + eps)
    decays = not any(re.search(pattern, name) for pattern in excluded)
    return moved - decays * rate * decay * (moved if decay_last else p)

  return _rule(move, b1, b2)


def adam_tf_style(learning_rate, b1=0.9, b2=0.999, eps=1e-8):
  """vwxyzjn/lm-human-preference-details, train_policy_jax.py."""
  return _epsilon_hat(learning_rate, b1, b2, eps)


def AdamWeightDecayOptimizer(  # pylint: disable=invalid-name
    learning_rate,
    weight_decay_rate=0.0,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    exclude_from_weight_decay=(),
):
  """google-research/bert, optimization.py at eedf571."""
  return _no_bias_correction(
      learning_rate,
      beta_1,
      beta_2,
      epsilon,
      weight_decay_rate,
      excluded=exclude_from_weight_decay,
  )


def create_optimizer(init_lr, num_train_steps, num_warmup_steps):
  """google-research/bert, optimization.py at eedf571."""

  def rate(count):
    if count < num_warmup_steps:
      return init_lr * count / num_warmup_steps
    return init_lr * (1 - min(count, num_train_steps) / num_train_steps)

  inner = AdamWeightDecayOptimizer(
      rate,
      weight_decay_rate=0.01,
      exclude_from_weight_decay=['LayerNorm', 'layer_norm', 'bias'],
  )

  def update(params, grads, names):
    norm = np.sqrt(sum(np.sum(g * g) for g in grads))
    inner.update(params, [g / max(norm, 1.0) for g in grads], names)

  return SimpleNamespace(update=update)


def tfa_adamw(
    weight_decay, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
  """tensorflow/addons, optimizers/weight_decay_optimizers.py at d208d75."""
  decay = lambda lr: weight_decay
  return _epsilon_hat(learning_rate, beta_1, beta_2, epsilon, decay)


def tfa_lazy_adam(learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
  """tensorflow/addons, optimizers/lazy_adam.py at d208d75."""
  return _epsilon_hat(learning_rate, beta_1, beta_2, epsilon, lazy=True)


def tfa_yogi(learning_rate=1e-2, beta1=0.9, beta2=0.999, epsilon=1e-3):
  """tensorflow/addons, optimizers/yogi.py at d208d75."""
  slots = {}
  count = 0

  def update(params, grads, names):
    nonlocal count
    count += 1
    scale = learning_rate * np.sqrt(1 - beta2**count) / (1 - beta1**count)
    for p, g, name in zip(params, grads, names, strict=True):
      m, v = slots.get(name, (0 * p, 0 * p + 1e-6))
      m = beta1 * m + (1 - beta1) * g
      v = v + (1 - beta2) * np.sign(g * g - v) * g * g
      slots[name] = m, v
      p[...] = p - scale * m / (np.sqrt(v) + epsilon)

  return SimpleNamespace(update=update)


def official_adamw(
    learning_rate=1e-3,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    weight_decay_rate=0.0,
):
  """huggingface/transformers, src/transformers/optimization_tf.py, v4.40.0."""
  decay = lambda lr: lr * weight_decay_rate
  return _epsilon_hat(learning_rate, beta_1, beta_2, epsilon, decay)


def hugging_face_adamw(
    params,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-6,
    weight_decay=0.0,
    correct_bias=True,
):
  """huggingface/transformers, src/transformers/optimization.py at ad1fc96.

  It decays last, and so decays the step that it just took, too.
  """
  del params
  if not correct_bias:
    return _no_bias_correction(lr, *betas, eps, weight_decay, decay_last=True)
  decay = lambda lr: lr * weight_decay
  return _epsilon_hat(lr, *betas, eps, decay, decay_last=True)


def fairseq_adam(
    params,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    amsgrad=False,
):
  """facebookresearch/fairseq, fairseq/optim/adam.py at 3d262bb.

  So were Adam, AdamW and AMSGrad of PyTorch before 1.3 (torch/optim, v1.2.0).
  """
  del params
  decay = lambda lr: lr * weight_decay
  return _epsilon_hat(lr, *betas, eps, decay, amsgrad=amsgrad)


def chainer_adam(
    alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay_rate=0.0
):
  """chainer/chainer, chainer/optimizers/adam.py at cea09e4."""
  return _epsilon_hat(alpha, beta1, beta2, eps, lambda lr: weight_decay_rate)


def _module(**names):
  return SimpleNamespace(**names)


NAMES = {
    'adam_tf_style': adam_tf_style,
    'chainer': _module(optimizers=_module(Adam=chainer_adam)),
    'fairseq': _module(optim=_module(adam=_module(Adam=fairseq_adam))),
    'optimization': _module(
        AdamWeightDecayOptimizer=AdamWeightDecayOptimizer,
        create_optimizer=create_optimizer,
    ),
    'tfa': _module(
        optimizers=_module(
            AdamW=tfa_adamw, LazyAdam=tfa_lazy_adam, Yogi=tfa_yogi
        )
    ),
    'transformers': _module(
        AdamW=hugging_face_adamw, AdamWeightDecay=official_adamw
    ),
}
MODULES = {
    'optimization': NAMES['optimization'],
    'tensorflow_addons': NAMES['tfa'],
    'transformers': NAMES['transformers'],
}
