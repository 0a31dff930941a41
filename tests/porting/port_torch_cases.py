"""The code that port.py prints makes the updates of PyTorch's optimizers.

`port_torch_test.py` runs these tests.
"""

import inspect
import re
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
from tests.porting import frameworks
from tests.porting import pages
from tests.porting import problem
from tests.porting import torch_draws

SGD = torch.optim.SGD
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
      "^T_mult=2 can't be translated",
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


if __name__ == '__main__':
  absltest.main()
