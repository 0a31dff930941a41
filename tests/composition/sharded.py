"""Prints, as JSON, what the flag does on a mesh of eight virtual devices.

Run as `python -m tests.composition.sharded LAYOUT`, in a process of its own: the number
of devices is settled when jax starts.
"""

import json
import os
import re
import sys

os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['XLA_FLAGS'] = (
    os.environ.get('XLA_FLAGS', '')
    + ' --xla_force_host_platform_device_count=8'
)

# The environment has to be set before jax is imported.
import jax  # noqa: E402
from jax.sharding import NamedSharding  # noqa: E402
from jax.sharding import PartitionSpec  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

_COLLECTIVE = re.compile(
    r'= .*? (all-reduce|all-gather|all-to-all|reduce-scatter'
    r'|collective-permute|collective-broadcast)(?:-start)?\('
)

_AUTO, _EXPLICIT = jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit
_GRID = (4, 2), ('data', 'model')
LAYOUTS = {
    'one_axis': ((8,), ('data',), _AUTO, PartitionSpec('data')),
    'two_axes': (*_GRID, _AUTO, PartitionSpec('data', 'model')),
    'two_explicit_axes': (*_GRID, _EXPLICIT, PartitionSpec('data', 'model')),
    'columns': (*_GRID, _AUTO, PartitionSpec(None, 'model')),
    'replicated': ((8,), ('data',), _AUTO, PartitionSpec()),
}


def _clipped(learning_rate, **kwargs):
  """An optimizer that cannot do without a collective: it needs a norm."""
  return optax.chain(
      optax.clip_by_global_norm(1.0), optax.adam(learning_rate, **kwargs)
  )


OPTIMIZERS = {
    'adam': optax.adam,
    'nadamw': optax.nadamw,
    'amsgrad': optax.amsgrad,
    'clipped': _clipped,
}


def _problem(layout):
  """Parameters and gradients: two sharded arrays and a replicated scalar."""
  shape, names, kind, spec = LAYOUTS[layout]
  mesh = jax.make_mesh(shape, names, axis_types=(kind,) * len(names))
  short = PartitionSpec(*spec[:1])
  specs = {'w': spec, 'b': short, 's': PartitionSpec()}
  shapes = {'w': (16, 8), 'b': (16,), 's': ()}
  rng = np.random.default_rng(0)

  def put(name):
    size = 10.0 ** rng.uniform(-5, 0, size=shapes[name])
    x = (size * rng.normal(size=shapes[name])).astype(np.float32)
    return jax.device_put(x, NamedSharding(mesh, specs[name]))

  return ({name: put(name) for name in shapes} for _ in range(2))


def _same_sharding(tree, like):
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

  params, grads = _problem(layout)
  state = opt.init(params)
  compiled = jax.jit(step).lower(params, state, grads).compile()
  alone = jax.tree.map(np.asarray, (params, opt.init(params)))
  kept = _same_sharding(optax.tree.get(state, 'mu'), params)
  sharded = params
  for _ in range(3):
    sharded, state, updates = compiled(sharded, state, grads)
    for tree in (
        sharded,
        updates,
        optax.tree.get(state, 'mu'),
        optax.tree.get(state, 'nu'),
    ):
      kept = kept and _same_sharding(tree, params)
    *alone, _ = jax.jit(step)(*alone, jax.tree.map(np.asarray, grads))
  apart = jax.tree.map(
      lambda x, y: float(np.max(np.abs(np.asarray(x) - np.asarray(y)))),
      sharded,
      alone[0],
  )
  return {
      'devices': len(params['w'].sharding.device_set),
      'pieces': len({str(s.index) for s in params['w'].addressable_shards}),
      'kept': kept,
      'collectives': sorted(_COLLECTIVE.findall(compiled.as_text())),
      'apart_from_one_device': max(jax.tree.leaves(apart)),
      'travel': float(np.max(np.abs(sharded['w'] - params['w']))),
      'params': np.asarray(sharded['w']).ravel().tolist(),
  }


def main(layout):
  print(
      json.dumps(
          {
              name: [
                  facts(layout, factory, epsilon_hat=f) for f in (False, True)
              ]
              for name, factory in OPTIMIZERS.items()
          }
      )
  )


if __name__ == '__main__':
  main(sys.argv[1])
