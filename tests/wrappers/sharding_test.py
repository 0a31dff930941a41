"""The flag keeps shardings and adds no communication.

The number of devices is fixed when JAX starts, so this file runs itself as a
program with eight virtual devices.
"""

import itertools
import json
import os
import re
import subprocess
import sys

from absl.testing import parameterized
import jax
from jax.sharding import AxisType
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec
import numpy as np
import optax

_COLLECTIVE = re.compile(
    r'= .*? (all-reduce|all-gather|all-to-all|reduce-scatter'
    r'|collective-permute|collective-broadcast)(?:-start)?\('
)
_GRID = PartitionSpec('data', 'model')
_LAYOUTS = {
    'grid': (AxisType.Auto, _GRID),
    'explicit_grid': (AxisType.Explicit, _GRID),
    'replicated': (AxisType.Auto, PartitionSpec()),
}


def _clipped(*args, **kwargs):
  # The norm needs a collective, so the test sees that it would find one.
  adam = optax.adam(*args, **kwargs)
  return optax.chain(optax.clip_by_global_norm(1.0), adam)


_OPTIMIZERS = {
    'adam': optax.adam,
    'amsgrad': optax.amsgrad,
    'clipped': _clipped,
}


def _random_tree(seed, layout):
  axis_type, spec = _LAYOUTS[layout]
  axis_types = (axis_type, axis_type)
  mesh = jax.make_mesh((4, 2), ('data', 'model'), axis_types=axis_types)
  rng = np.random.default_rng(seed)

  def draw(*shape):
    array = 1e-3 * rng.normal(size=shape).astype(np.float32)
    partition = PartitionSpec(*spec[: len(shape)])
    return jax.device_put(array, NamedSharding(mesh, partition))

  return {'w': draw(16, 8), 'b': draw(16)}


def _same_sharding(tree, other):
  def is_same(x, y):
    return x.sharding.is_equivalent_to(y.sharding, x.ndim)

  return jax.tree.all(jax.tree.map(is_same, tree, other))


def _describe_step(layout, name, epsilon_hat):
  """Returns what one compiled step on eight devices does."""
  params = _random_tree(0, layout)
  grads = _random_tree(1, layout)
  opt = _OPTIMIZERS[name](0.1, eps=1e-3, epsilon_hat=epsilon_hat)
  state = opt.init(params)
  update = jax.jit(opt.update)
  compiled = update.lower(grads, state, params).compile()
  updates, new_state = compiled(grads, state, params)
  mu = optax.tree.get(new_state, 'mu')
  nu = optax.tree.get(new_state, 'nu')
  on_one_device, _ = update(*jax.device_get((grads, state, params)))
  return {
      'devices': len(params['w'].sharding.device_set),
      'keeps_shardings': all(
          _same_sharding(tree, params) for tree in (updates, mu, nu)
      ),
      'collectives': sorted(_COLLECTIVE.findall(compiled.as_text())),
      'update': np.ravel(updates['w']).tolist(),
      'update_on_one_device': np.ravel(on_one_device['w']).tolist(),
  }


def _describe_all():
  found = {}
  for layout in _LAYOUTS:
    for name in _OPTIMIZERS:
      default = _describe_step(layout, name, epsilon_hat=False)
      flag = _describe_step(layout, name, epsilon_hat=True)
      found[f'{layout} {name}'] = default, flag
  return found


_STEPS = tuple(itertools.product(_LAYOUTS, _OPTIMIZERS))


class ShardingTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    devices = '--xla_force_host_platform_device_count=8'
    env = dict(os.environ, JAX_PLATFORMS='cpu', XLA_FLAGS=devices)
    output = subprocess.check_output([sys.executable, __file__], env=env)
    cls.found = json.loads(output)

  @parameterized.parameters(*_STEPS)
  def test_updates_and_moments_are_sharded_like_the_parameters(
      self, layout, name
  ):
    _, flag = self.found[f'{layout} {name}']
    self.assertEqual(flag['devices'], 8)
    self.assertTrue(flag['keeps_shardings'])

  @parameterized.parameters(*_STEPS)
  def test_flag_communicates_like_the_default(self, layout, name):
    default, flag = self.found[f'{layout} {name}']
    self.assertEqual(
        flag['collectives'],
        default['collectives'],
        'with the flag (first) and without',
    )
    if name == 'clipped' and layout != 'replicated':
      self.assertNotEmpty(flag['collectives'])
    else:
      self.assertEmpty(flag['collectives'])

  @parameterized.parameters(*_STEPS)
  def test_updates_are_those_of_one_device(self, layout, name):
    default, flag = self.found[f'{layout} {name}']
    np.testing.assert_allclose(
        flag['update'], flag['update_on_one_device'], rtol=1e-5
    )
    self.assertGreater(default['update'][0] / flag['update'][0], 2)


if __name__ == '__main__':
  print(json.dumps(_describe_all()))
