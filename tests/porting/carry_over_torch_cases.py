"""carry_over.from_torch: a PyTorch run resumes in optax, or is refused.

`own_process_test.py` runs these tests.
"""

import copy
import os
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import accelerate
import chex
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch import distributed
from torch.distributed import device_mesh
from torch.distributed import fsdp
from torch.distributed.checkpoint import state_dict as gathering
import transformers

from porting import carry_over
from tests.porting import states

LR = states.LR
BIAS = states.BIAS
ADAM = optax.adam(LR)
# PyTorch takes the maximum as TensorFlow does, and has Algorithm 1's epsilon.
AMSGRAD = optax.inject_hyperparams(optax.amsgrad)(
    LR, eps=lambda t: 1e-8 * jnp.sqrt(1 - 0.999 ** (t + 1)), tf_style=True
)


class OwnStep(torch.optim.Adam):

  def step(self, closure=None):
    return super().step(closure)


class Inherited(torch.optim.AdamW):
  pass


class ModelWithLoss(torch.nn.Module):
  """A model for Trainer, whose biases do not decay."""

  def __init__(self):
    super().__init__()
    self.first = torch.nn.Linear(3, 2)
    self.second = torch.nn.Linear(2, 1)

  def forward(self, x):
    return {'loss': self.second(self.first(x)).square().mean()}


def parameters(dtype=torch.float64):
  """Returns the parameters of the problem."""
  arrays = states.start('float64')
  return [torch.nn.Parameter(torch.tensor(x, dtype=dtype)) for x in arrays]


def read(params):
  """Returns copies of the parameters as arrays."""
  return [p.detach().double().numpy().copy() for p in params]


def train(optimizer, params, frozen=()):
  """Returns the moments halfway and the parameters at every step."""

  def step(grads):
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
      if index not in frozen:
        param.grad = torch.tensor(grad, dtype=param.dtype)
    optimizer.step()

  def carry():
    return carry_over.from_torch(optimizer)

  return states.train(step, lambda: read(params), carry)


def trained(kind, **settings):
  """Returns an optimizer that has made a step, and its parameters."""
  params = parameters()
  optimizer = kind(params, LR, **settings)
  for param in params:
    param.grad = torch.ones_like(param)
  optimizer.step()
  return optimizer, params


class TorchTest(states.TestCase):

  @parameterized.named_parameters(
      ('Adam', torch.optim.Adam, {}, ADAM),
      ('AMSGrad', torch.optim.Adam, {'amsgrad': True}, AMSGRAD),
      (
          'a subclass of AdamW',
          Inherited,
          {'weight_decay': 1e-2},
          optax.adamw(LR, weight_decay=1e-2),
      ),
  )
  def test_optimizer(self, kind, settings, expected):
    params = parameters()
    self.check(expected, *train(kind(params, LR, **settings), params))

  def test_parameter_groups(self):
    params = parameters()
    groups = [{'params': params[:2]}, {'params': params[2:]}]
    self.check(ADAM, *train(torch.optim.Adam(groups, LR), params))

  def test_scheduler_does_not_hide_the_step(self):
    optimizer, _ = trained(torch.optim.Adam)
    torch.optim.lr_scheduler.StepLR(optimizer, 3)
    self.assertEqual(carry_over.from_torch(optimizer).count, 1)

  def test_file_of_a_state_dict(self):
    path = f'{self.folder()}/optimizer.pt'
    optimizer, _ = trained(torch.optim.Adam)
    torch.save(optimizer.state_dict(), path)
    moments = carry_over.from_torch(torch.load(path))
    chex.assert_trees_all_equal(moments, carry_over.from_torch(optimizer))

  def test_accelerate(self):
    folder = self.folder()
    accelerator = accelerate.Accelerator(cpu=True)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), LR)
    model, prepared = accelerator.prepare(model, optimizer)
    accelerator.backward(model(torch.ones(4, 3)).sum())
    prepared.step()
    expected = carry_over.from_torch(optimizer)
    chex.assert_trees_all_equal(carry_over.from_torch(prepared), expected)
    accelerator.save_state(folder)
    saved = torch.load(f'{folder}/optimizer.bin')
    chex.assert_trees_all_equal(carry_over.from_torch(saved), expected)

  def test_trainer_puts_parameters_with_weight_decay_first(self):
    model = ModelWithLoss()
    folder = self.folder()
    arguments = transformers.TrainingArguments(
        folder, max_steps=2, save_steps=2, weight_decay=0.1, use_cpu=True,
        disable_tqdm=True, report_to='none',
    )
    data = [{'x': torch.ones(3)}] * 16
    trainer = transformers.Trainer(model, arguments, train_dataset=data)
    trainer.train()
    saved = torch.load(f'{folder}/checkpoint-2/optimizer.pt')
    moments = carry_over.from_torch(saved)
    self.assertEqual(moments.count, 2)
    shapes = [array.shape for array in moments.mu]
    self.assertEqual(shapes, [(2, 3), (1, 2), (2,), (1,)])
    in_order = [tuple(p.shape) for p in model.parameters()]
    self.assertEqual(in_order, [(2, 3), (2,), (1, 2), (1,)])

  def test_parameter_without_a_gradient_has_zero_moments(self):
    params = parameters()
    optimizer = torch.optim.Adam(params, LR)
    moments, history = train(optimizer, params, frozen=[BIAS])
    self.check(states.without_bias(ADAM), moments, history)
    np.testing.assert_array_equal(moments.nu[BIAS], 0)
    saved = optimizer.state_dict()
    from_file = carry_over.from_torch(saved, iter(params))
    np.testing.assert_array_equal(from_file.nu[BIAS], 0)
    message = '1 of 3 parameters have no state.*Pass params='
    self.assert_refuses(message, carry_over.from_torch, saved)
    self.assert_refuses(message, carry_over.from_torch, saved, params[:2])

  def test_bfloat16_becomes_float32(self):
    params = parameters(torch.bfloat16)
    moments, history = train(torch.optim.Adam(params, LR), params)
    half = history[states.HALF]
    params = [jnp.asarray(value, jnp.bfloat16) for value in half]
    state, _ = carry_over.resume(ADAM, params, moments)
    for ours, theirs in zip(state.nu, moments.nu, strict=True):
      self.assertEqual(theirs.dtype, np.float32)
      np.testing.assert_array_equal(np.asarray(ours, np.float32), theirs)

  def test_moments_do_not_change_when_pytorch_trains_on(self):
    optimizer, _ = trained(torch.optim.Adam)
    moments = carry_over.from_torch(optimizer)
    before = moments.nu[0].copy()
    optimizer.step()
    np.testing.assert_array_equal(moments.nu[0], before)

  @parameterized.named_parameters(
      ('NAdam', torch.optim.NAdam, "NAdam doesn't update like PyTorch's Adam"),
      ('own step', OwnStep, "OwnStep doesn't update.*construct Moments"),
  )
  def test_refuses_the_optimizer(self, kind, message):
    optimizer, _ = trained(kind)
    self.assert_refuses(message, carry_over.from_torch, optimizer)

  def test_refuses_the_state_dict_of_another_optimizer(self):
    optimizer, _ = trained(torch.optim.RAdam)
    saved = optimizer.state_dict()
    self.assert_refuses("no 'amsgrad'", carry_over.from_torch, saved)

  def test_refuses_a_state_with_additional_arrays(self):
    optimizer, _ = trained(torch.optim.Adam)
    saved = optimizer.state_dict()
    saved['state'][1]['mu_product'] = torch.ones(())
    message = "has .*mu_product.*Adam's has"
    self.assert_refuses(message, carry_over.from_torch, saved)

  def test_refuses_what_is_not_an_optimizer(self):
    model = torch.nn.Linear(3, 2)
    message = "Linear isn't a PyTorch optimizer"
    self.assert_refuses(message, carry_over.from_torch, model)
    message = r"has \['weight', 'bias'\].*not that of the model"
    self.assert_refuses(message, carry_over.from_torch, model.state_dict())

  def test_refuses_amsgrad_in_some_groups(self):
    params = parameters()
    groups = [{'params': params[:2]}, {'params': params[2:], 'amsgrad': True}]
    optimizer = torch.optim.Adam(groups, LR)
    message = 'Some groups have amsgrad=True'
    self.assert_refuses(message, carry_over.from_torch, optimizer)

  def test_refuses_an_adam_that_made_no_update(self):
    optimizer = torch.optim.Adam(parameters(), LR)
    message = 'made no update'
    self.assert_refuses(message, carry_over.from_torch, optimizer)

  def test_refuses_complex_parameters(self):
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.complex64))
    optimizer = torch.optim.Adam([param])
    param.grad = torch.ones(3, dtype=torch.complex64) * 1j
    optimizer.step()
    message = 'complex.*split_real_and_imaginary'
    self.assert_refuses(message, carry_over.from_torch, optimizer)

  def test_refuses_shards_until_they_are_gathered(self):
    address = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '0'}
    self.enter_context(mock.patch.dict(os.environ, address))
    distributed.init_process_group('gloo', rank=0, world_size=1)
    self.addCleanup(distributed.destroy_process_group)
    model = torch.nn.Linear(3, 2)
    fsdp.fully_shard(model, mesh=device_mesh.init_device_mesh('cpu', (1,)))
    optimizer = torch.optim.Adam(model.parameters(), LR)
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    message = 'DTensors, such as shards.*get_optimizer_state_dict'
    self.assert_refuses(message, carry_over.from_torch, optimizer)
    options = gathering.StateDictOptions(full_state_dict=True)
    gathered = gathering.get_optimizer_state_dict(
        model, optimizer, options=options
    )
    shapes = [array.shape for array in carry_over.from_torch(gathered).mu]
    self.assertEqual(shapes, [(2, 3), (2,)])

  def test_different_step_counts_are_resumed_separately(self):
    params = parameters()
    optimizer = torch.optim.Adam(params, LR)
    steps = iter(range(states.STEPS))

    def step(grads):
      for param, grad in zip(params, grads, strict=True):
        param.grad = torch.tensor(grad)
      if next(steps) < 3:
        params[BIAS].grad = None
      optimizer.step()

    def save():
      return copy.deepcopy(optimizer.state_dict())

    saved, history = states.train(step, lambda: read(params), save)
    message = "9 to 12.*'Different step counts'"
    self.assert_refuses(message, carry_over.from_torch, saved)
    optimizers = {'often': ADAM, 'seldom': ADAM}
    labels = states.labels('often', bias='seldom')
    optimizer = optax.partition(optimizers, labels)
    for slot in saved['state'].values():
      slot['step'] = states.HALF
    moments = carry_over.from_torch(saved).map(states.to_params)
    half = states.to_params(history[states.HALF])
    state = carry_over.resume(optimizer, half, moments)
    seldom = carry_over.resume(optimizer, half, moments._replace(count=9))
    state.inner_states['seldom'] = seldom.inner_states['seldom']
    self.assertLess(states.distance(optimizer, state, history), 1e-10)


if __name__ == '__main__':
  absltest.main()
