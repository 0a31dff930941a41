"""Update rules of optimizers that can no longer be installed, in NumPy.

Each function takes the arguments of the framework's class and returns an object
whose `update` moves arrays in place, given their names. A learning rate may be
a function of the updates made so far. The docstrings name the files, at a
commit. Rows of the porting pages find the functions in `NAMES`, ``text`` blocks
import them from `MODULES`.
"""

import re
from types import SimpleNamespace

import numpy as np


def _adam(
    lr, betas, eps, decay=lambda lr: 0.0, *, amsgrad=False, corrects_bias=True,
    decays_last=False, undecayed=(), max_norm=np.inf,
):
  """Adam with epsilon hat and the options of its descendants.

  Args:
    lr: The learning rate, or a function of the updates made so far.
    betas: The decay rates of the moments.
    eps: Added to the root of the second moment.
    decay: Returns the share of a parameter that a step takes away, given the
      learning rate.
    amsgrad: Whether to use the largest second moment so far.
    corrects_bias: Whether to correct the moments' bias.
    decays_last: Whether the decay takes its share of the new parameter.
    undecayed: Patterns; a parameter whose name has one does not decay.
    max_norm: The global norm to which gradients are clipped.
  """
  b1, b2 = betas
  slots = {}
  count = 0

  def update(params, grads, names):
    nonlocal count
    rate = lr(count) if callable(lr) else lr
    count += 1
    c1, c2 = (1 - b1**count, 1 - b2**count) if corrects_bias else (1.0, 1.0)
    norm = np.sqrt(sum(np.sum(g * g) for g in grads))
    for p, g, name in zip(params, grads, names, strict=True):
      g = g * min(1.0, max_norm / norm)
      m, v, top = slots.get(name, (0.0, 0.0, 0.0))
      m = b1 * m + (1 - b1) * g
      v = b2 * v + (1 - b2) * g * g
      top = np.maximum(top, v)
      slots[name] = m, v, top
      move = rate * np.sqrt(c2) / c1 * m
      move = move / (np.sqrt(top if amsgrad else v) + eps)
      decays = not any(re.search(pattern, name) for pattern in undecayed)
      share = decay(rate) if decays else 0.0
      p[...] = p - move - share * (p - move if decays_last else p)

  return SimpleNamespace(update=update)


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
      lambda lr: lr * weight_decay_rate,
      corrects_bias=False,
      undecayed=exclude_from_weight_decay,
      max_norm=max_norm,
  )


def bert_create(init_lr, num_train_steps, num_warmup_steps):
  """google-research/bert, optimization.py at eedf571."""

  def rate(count):
    if count < num_warmup_steps:
      return init_lr * count / num_warmup_steps
    return init_lr * (1 - min(count, num_train_steps) / num_train_steps)

  undecayed = 'LayerNorm', 'layer_norm', 'bias'
  return bert(rate, 0.01, exclude_from_weight_decay=undecayed, max_norm=1.0)


def tfa_adamw(
    weight_decay, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
  """tensorflow/addons, optimizers/weight_decay_optimizers.py at d208d75."""
  decay = lambda lr: weight_decay
  return _adam(learning_rate, (beta_1, beta_2), epsilon, decay)


def hugging_face_tf(
    learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
    weight_decay_rate=0.0,
):
  """huggingface/transformers, src/transformers/optimization_tf.py, v4.40.0."""
  decay = lambda lr: lr * weight_decay_rate
  return _adam(learning_rate, (beta_1, beta_2), epsilon, decay)


def hugging_face(
    params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0,
    correct_bias=True,
):
  """huggingface/transformers, src/transformers/optimization.py at ad1fc96."""
  del params
  decay = lambda lr: lr * weight_decay
  return _adam(
      lr, betas, eps, decay, corrects_bias=correct_bias, decays_last=True
  )


def fairseq(
    params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
    amsgrad=False,
):
  """facebookresearch/fairseq, fairseq/optim/adam.py at 3d262bb."""
  del params
  return _adam(lr, betas, eps, lambda lr: lr * weight_decay, amsgrad=amsgrad)


def chainer(
    alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay_rate=0.0
):
  """chainer/chainer, chainer/optimizers/adam.py at cea09e4."""
  return _adam(alpha, (beta1, beta2), eps, lambda lr: weight_decay_rate)


def pymc(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
  """pymc-devs/pymc, pymc/variational/updates.py at 6d88a59."""
  return _adam(learning_rate, (beta1, beta2), epsilon)


_module = SimpleNamespace
NAMES = dict(
    adam_tf_style=adam_tf_style,
    chainer=_module(optimizers=_module(Adam=chainer)),
    fairseq=_module(optim=_module(adam=_module(Adam=fairseq))),
    optimization=_module(
        AdamWeightDecayOptimizer=bert, create_optimizer=bert_create
    ),
    pm=_module(adam=pymc),
    tfa=_module(optimizers=_module(AdamW=tfa_adamw)),
    transformers=_module(AdamW=hugging_face, AdamWeightDecay=hugging_face_tf),
)
MODULES = {'optimization': NAMES['optimization']}
