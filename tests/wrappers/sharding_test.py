"""Tests that the flag leaves shardings and communication as they are.

The number of devices is settled when jax starts, so that the test has eight
virtual ones in a process of its own, which runs this file as a program.
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


def _clipped(learning_rate, **kwargs):
  """An optimizer that cannot do without a collective: it needs a norm."""
  return optax.chain(
      optax.clip_by_global_norm(1.0), optax.adam(learning_rate, **kwargs)
  )


_OPTIMIZERS = {
    'adam': optax.adam,
    'nadamw': optax.nadamw,
    'amsgrad': optax.amsgrad,
    'clipped': _clipped,
}


def _problem(kind, spec):
  """Parameters and gradients: two sharded arrays and a replicated scalar."""
  mesh = jax.make_mesh((4, 2), ('data', 'model'), axis_types=(kind, kind))
  short, none = PartitionSpec(*spec[:1]), PartitionSpec()
  specs = {'w': spec, 'b': short, 's': none}
  rng = np.random.default_rng(0)

  def put(spec, shape):
    x = 10.0 ** rng.uniform(-5, 0, size=shape) * rng.normal(size=shape)
    return jax.device_put(x.astype(np.float32), NamedSharding(mesh, spec))

  shapes = {'w': (16, 8), 'b': (16,), 's': ()}
  return ({k: put(specs[k], shapes[k]) for k in shapes} for _ in range(2))


def _keeps_sharding(tree, like):
  same = jax.tree.map(
      lambda x, y: x.sharding.is_equivalent_to(y.sharding, x.ndim), tree, like
  )
  return all(jax.tree.leaves(same))


def facts(layout, factory, **flags):
  """Runs three steps under one layout, on the mesh and on one device."""
  opt = factory(0.1, eps=1e-3, **flags)

  def step(params, state, grads):
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state, updates

  params, grads = _problem(*_LAYOUTS[layout])
  carry = params, opt.init(params)
  compiled = jax.jit(step).lower(*carry, grads).compile()
  alone = jax.tree.map(np.asarray, carry)
  for _ in range(3):
    *carry, updates = compiled(*carry, grads)
    *alone, _ = jax.jit(step)(*alone, jax.tree.map(np.asarray, grads))
  moments = (optax.tree.get(carry[1], name) for name in ('mu', 'nu'))
  kept = [_keeps_sharding(x, params) for x in (carry[0], updates, *moments)]
  distance = lambda x, y: float(np.max(np.abs(np.asarray(x) - np.asarray(y))))
  return {
      'devices': len(params['w'].sharding.device_set),
      'kept': all(kept),
      'collectives': sorted(_COLLECTIVE.findall(compiled.as_text())),
      'from_one_device': distance(carry[0]['w'], alone[0]['w']),
      'travel': distance(carry[0]['w'], params['w']),
      'params': np.asarray(carry[0]['w']).ravel().tolist(),
  }


class DevicesTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    flags = '--xla_force_host_platform_device_count=8'
    done = subprocess.run(
        [sys.executable, __file__],
        env=dict(os.environ, JAX_PLATFORMS='cpu', XLA_FLAGS=flags),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
      raise RuntimeError(done.stderr)
    cls.facts = json.loads(done.stdout)

  @parameterized.product(layout=tuple(_LAYOUTS), optimizer=tuple(_OPTIMIZERS))
  def test_on_eight_devices(self, layout, optimizer):
    default, flagged = self.facts[layout][optimizer]
    self.assertEqual(flagged['devices'], 8)
    self.assertTrue(flagged['kept'])
    self.assertEqual(flagged['collectives'], default['collectives'])
    # The norm's all-reduce is seen, so that another one would be.
    needs_one = optimizer == 'clipped' and layout != 'replicated'
    self.assertEqual(bool(flagged['collectives']), needs_one)
    # Ten roundings, in float32: a norm is summed in another order.
    bound = 10 * np.finfo(np.float32).eps * flagged['travel']
    self.assertLess(flagged['from_one_device'], bound)
    apart = np.abs(np.subtract(flagged['params'], default['params']))
    self.assertGreater(np.max(apart), 1e-2 * flagged['travel'])


if __name__ == '__main__':
  print(
      json.dumps(
          {
              layout: {
                  name: [
                      facts(layout, factory, epsilon_hat=hat)
                      for hat in (False, True)
                  ]
                  for name, factory in _OPTIMIZERS.items()
              }
              for layout in _LAYOUTS
          }
      )
  )
