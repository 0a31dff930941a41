"""The flag keeps shardings and adds no communication.

The number of devices is fixed when jax starts, so this file runs itself as a
program with eight virtual devices.
"""

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
_OPTIMIZERS = {
    'adam': optax.adam,
    'amsgrad': optax.amsgrad,
    # The norm needs a collective, so the test sees that it would find one.
    'clipped': lambda *args, **kwargs: optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(*args, **kwargs)
    ),
}


def _facts(layout, name, epsilon_hat):
  """One compiled step: collectives, and whether the results keep shardings."""
  kind, spec = _LAYOUTS[layout]
  mesh = jax.make_mesh((4, 2), ('data', 'model'), axis_types=(kind, kind))
  rng = np.random.default_rng(0)
  put = lambda *shape: jax.device_put(
      rng.normal(size=shape).astype(np.float32) * 1e-3,
      NamedSharding(mesh, PartitionSpec(*spec[: len(shape)])),
  )
  params, grads = ({'w': put(16, 8), 'b': put(16)} for _ in range(2))
  opt = _OPTIMIZERS[name](0.1, eps=1e-3, epsilon_hat=epsilon_hat)
  state = opt.init(params)
  compiled = jax.jit(opt.update).lower(grads, state, params).compile()
  updates, state = compiled(grads, state, params)
  trees = updates, optax.tree.get(state, 'mu'), optax.tree.get(state, 'nu')
  same = lambda x, y: x.sharding.is_equivalent_to(y.sharding, x.ndim)
  alone, _ = jax.jit(opt.update)(*jax.device_get((grads, opt.init(params))))
  return {
      'devices': len(params['w'].sharding.device_set),
      'keeps': all(jax.tree.all(jax.tree.map(same, x, params)) for x in trees),
      'collectives': sorted(_COLLECTIVE.findall(compiled.as_text())),
      'update': np.ravel(updates['w']).tolist(),
      'alone': np.ravel(alone['w']).tolist(),
  }


class ShardingTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    flags = '--xla_force_host_platform_device_count=8'
    env = dict(os.environ, JAX_PLATFORMS='cpu', XLA_FLAGS=flags)
    done = subprocess.check_output([sys.executable, __file__], env=env)
    cls.facts = json.loads(done)

  @parameterized.product(layout=tuple(_LAYOUTS), name=tuple(_OPTIMIZERS))
  def test_on_eight_devices(self, layout, name):
    default, flag = self.facts[f'{layout} {name}']
    self.assertEqual(flag['devices'], 8)
    self.assertTrue(flag['keeps'])
    self.assertEqual(flag['collectives'], default['collectives'])
    needs_one = name == 'clipped' and layout != 'replicated'
    self.assertEqual(bool(flag['collectives']), needs_one)
    np.testing.assert_allclose(flag['update'], flag['alone'], rtol=1e-5)
    self.assertGreater(default['update'][0] / flag['update'][0], 2)


if __name__ == '__main__':
  cases = [(layout, name) for layout in _LAYOUTS for name in _OPTIMIZERS]
  print(json.dumps({
      f'{layout} {name}': [_facts(layout, name, x) for x in (False, True)]
      for layout, name in cases
  }))
