"""Measures a row: how far optax ends from the framework, and how far it may.

Distances are relative to the travel, the largest distance that any parameter
moves from where it started in the framework's run, and are taken over the whole
trajectory, not at its end only.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tests.parity import frameworks
from tests.parity import rounding
from tests.parity import rows

STEPS = 300
SHAPES = {'bias': (24,), 'kernel': (8, 9)}
DTYPES = ('float64', 'float32')


def stream(steps, dtype, smallest=1e-10, largest=1e2):
  """Returns gradients with a leading axis of ``steps``.

  Fixed in advance, so two optimizers differ in their arithmetic only and not
  in the gradients they meet. The coordinates span twelve orders of magnitude,
  which leaves some of them near any epsilon from 1e-3 to 1e-8, and hold exact
  zeros: always, until half-way, from half-way on, and now and then. The norm
  rises and falls tenfold, so that a bound clips some steps only.
  """
  rng = np.random.default_rng(0)
  loudness = 10.0 ** rng.uniform(-1.0, 1.0, (steps, 1))

  def leaf(shape):
    size = int(np.prod(shape))
    magnitude = np.geomspace(smallest, largest, size)
    grads = magnitude * (rng.normal(size=(steps, size)) + 0.5)
    grads[: steps // 2, 1::12] = 0.0
    grads[steps // 2 :, 4::12] = 0.0
    grads[:, 7::12] *= rng.random((steps, 1)) < 0.3
    grads[:, 10::24] = 0.0
    return (grads * loudness).reshape((steps, *shape)).astype(dtype)

  return {name: leaf(shape) for name, shape in SHAPES.items()}


def problem(dtype, lr, steps=STEPS):
  """Returns the start and the gradients for a learning rate.

  The start is of the size of a hundred learning rates, so that the rounding of
  the parameters does not hide the updates. Half precision starts from zero and
  has a narrower stream, whose squares it can hold.
  """
  rng = np.random.default_rng(1)
  params = {
      name: (100 * lr * rng.normal(size=shape)).astype(dtype)
      for name, shape in SHAPES.items()
  }
  if dtype in DTYPES:
    return params, stream(steps, dtype)
  zeros = jax.tree.map(np.zeros_like, params)
  return zeros, stream(steps, dtype, smallest=1e-2, largest=10.0)


def travel(history):
  """Returns the largest distance that any parameter moves from its start."""
  wide = jax.tree.map(lambda x: np.asarray(x, np.float64), history)
  return max(float(np.max(np.abs(x - x[0]))) for x in jax.tree.leaves(wide))


def deviation(reference, other):
  """Returns the largest difference between two trajectories, of the travel."""
  largest = 0.0
  for ours, theirs in zip(
      jax.tree.leaves(other), jax.tree.leaves(reference), strict=True
  ):
    if ours.dtype != theirs.dtype:
      raise ValueError(f'compares {ours.dtype} with {theirs.dtype}')
    difference = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if not np.all(np.isfinite(difference)):
      raise ValueError('a trajectory is not finite')
    largest = max(largest, float(np.max(np.abs(difference))))
  return largest / travel(reference)


class Figure(NamedTuple):
  """What one row gave with one setting in one dtype; all of the travel."""

  name: str
  backend: str
  dtype: str
  setting: int
  deviation: float
  allowed: float
  other: float | None

  @property
  def used(self):
    """The part of what rounding allows that is used."""
    return self.deviation / self.allowed


def backend_of(row):
  """Returns Keras's backend for a row of Keras's, else an empty string."""
  return os.environ['KERAS_BACKEND'] if row.framework == 'keras' else ''


def allowed(row, params, grads, names, backend=''):
  """Returns the distance that rounding explains.

  Both sides round on their own, so it is twice the spread of the optax call.
  Where one of them moves the parameters twice a step, for a decay or to an
  average, it rounds them once more, at worst in one direction always.
  """
  held, coarse = row.inexact(backend)
  spread = rounding.spread(
      row.ours, params, grads, names, held=held, coarse=coarse
  )
  if not row.moves_twice:
    return 2 * spread
  steps = len(grads['bias'])
  half = float(jnp.finfo(params['bias'].dtype).eps) / 2
  largest = max(float(np.max(np.abs(p))) for p in params.values())
  return 2 * spread + steps * half * (largest + spread)


def measure(row, dtype, setting):
  """Runs the framework of a row, then optax in both settings of the flag."""
  values = row.settings[setting]
  names = {**rows.NAMES, **values._asdict(), 'dtype': dtype}
  params, grads = problem(jnp.dtype(dtype), values.lr)
  theirs = frameworks.RUNNERS[row.framework](
      row.theirs, params, grads, **row.options, **names
  )

  def against(text):
    run = frameworks.run_optax(text, params, grads, **names)
    return deviation(theirs, run)

  backend = backend_of(row)
  return Figure(
      row.name,
      backend,
      dtype,
      setting,
      against(row.ours),
      allowed(row, params, grads, names, backend) / travel(theirs),
      against(row.other) if row.other else None,
  )


def measure_all(table, dtypes=DTYPES, settings=None):
  """Returns the figures of every row, dtype and setting."""
  return [
      measure(row, dtype, setting)
      for row in table
      for dtype in dtypes
      for setting in range(len(row.settings))[:settings]
  ]


def measure_halves():
  """Returns the figures of half precision."""
  return [
      measure(row, dtype, setting)
      for row in rows.HALVES
      for dtype, setting in rows.HALF_SETTINGS
  ]


def on_tensorflow(module, *arguments):
  """Runs a module of this folder in a process with Keras on TensorFlow."""
  subprocess.run(
      [sys.executable, '-m', f'tests.parity.{module}', *arguments],
      env={**os.environ, 'KERAS_BACKEND': 'tensorflow'},
      cwd=rows.ROOT,
      check=True,
  )


def measure_keras_on_tensorflow():
  """Returns figures of Keras's rows, one setting each, on TensorFlow."""
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'figures.json')
    on_tensorflow('measure', str(path))
    return [Figure(*figure) for figure in json.loads(path.read_text('utf-8'))]


if __name__ == '__main__':
  pathlib.Path(sys.argv[1]).write_text(
      json.dumps(measure_all(rows.KERAS, settings=1)), 'utf-8'
  )
