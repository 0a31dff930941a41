"""The flag against the default, and the default against itself as the noise."""

from collections.abc import Callable
import compileall
import itertools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import jax
import jax.numpy as jnp
import optax

from benchmarks import ratios
from benchmarks import steps
from benchmarks import trees
from benchmarks.frameworks import jax as on_jax

REFERENCE = 'default'
CONTENDERS = {REFERENCE: False, 'epsilon_hat': True, 'default again': False}
"""Whether each contender has the flag; the last one measures the noise."""


def _compare_steps(
    make_step: Callable,
    name: str,
    shapes: trees.Shapes,
    dtype: jax.typing.DTypeLike,
    effort: ratios.Effort,
) -> dict[str, ratios.Ratio]:
  params, grads = (on_jax.tree(shapes, dtype, seed) for seed in (0, 1))

  def build_and_time(order):
    timers = {}
    for contender in order:
      optimizer = steps.make(name, epsilon_hat=CONTENDERS[contender])
      carried = jax.tree.map(jnp.copy, params), optimizer.init(params)
      step = on_jax.carrying(make_step(optimizer), carried, grads)
      timers[contender] = ratios.call_timer(*step)
      timers[contender](1)  # Compiled in this order too.
    return ratios.interleave(timers, effort.of_one_build())

  orders = itertools.cycle(itertools.permutations(CONTENDERS))
  builds = map(build_and_time, itertools.islice(orders, effort.builds))
  return ratios.against(REFERENCE, *builds)


def jitted_step(name, shapes, dtype, effort):
  """Ratios of the compiled step, which overwrites what it is given."""
  return _compare_steps(steps.jitted, name, shapes, dtype, effort)


def eager_step(name, shapes, dtype, effort):
  """Ratios of the step run operation by operation."""
  return _compare_steps(steps.step, name, shapes, dtype, effort)


def _build_timer(
    optimizer: optax.GradientTransformation, params, stage: str
) -> ratios.Timer:
  """A timer of tracing (to StableHLO) or of compiling, with nothing cached."""
  state = jax.eval_shape(optimizer.init, params)

  def seconds(calls: int) -> float:
    total = 0.0
    for _ in range(calls):
      jax.clear_caches()
      begin = time.perf_counter()
      lowered = steps.jitted(optimizer).lower(params, state, params)
      if stage == 'compilation':
        begin = time.perf_counter()
        lowered.compile()
      total += time.perf_counter() - begin
    return total / calls

  return seconds


def build(stage, name, shapes, dtype, effort):
  """Ratios of tracing or of compiling the step; no array is made."""
  params = {
      key: jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))
      for key, shape in shapes.items()
  }
  timers = {
      contender: _build_timer(steps.make(name, epsilon_hat=flag), params, stage)
      for contender, flag in CONTENDERS.items()
  }
  times = ratios.interleave(timers, effort, calls=1, warm=False)
  return ratios.against(REFERENCE, times)


_IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import jax, jax.numpy
begin = time.perf_counter()
import optax
print(time.perf_counter() - begin)
assert optax.__file__.startswith(sys.argv[1]), optax.__file__
"""


def _import_timer(package: pathlib.Path, folder: pathlib.Path) -> ratios.Timer:
  """A timer of `import optax` in a new process that has JAX already."""
  # Compiled here, since a release that was only unpacked has no bytecode.
  shutil.copytree(package, folder / 'optax')
  compileall.compile_dir(folder, quiet=2)

  def seconds(calls: int) -> float:
    command = [sys.executable, '-c', _IMPORT, str(folder)]
    outputs = [
        subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=folder
        ).stdout
        for _ in range(calls)
    ]
    return sum(map(float, outputs)) / calls

  return seconds


def importing(
    release: pathlib.Path, effort: ratios.Effort
) -> dict[str, ratios.Ratio]:
  """Ratios of `import optax` to importing the release.

  Args:
    release: Folder that holds the ``optax/`` of the pristine release.
    effort: How much to measure.

  Returns:
    The ratios of this fork and of the release once more.
  """
  pristine = release / 'optax'
  ours = pathlib.Path(optax.__file__).parent
  packages = {
      REFERENCE: pristine,
      'epsilon_hat': ours,
      'default again': pristine,
  }
  with tempfile.TemporaryDirectory() as folder:
    timers = {
        contender: _import_timer(
            package, pathlib.Path(folder).resolve() / f'{number}'
        )
        for number, (contender, package) in enumerate(packages.items())
    }
    times = ratios.interleave(timers, effort, calls=1, warm=False)
  return ratios.against(REFERENCE, times)
