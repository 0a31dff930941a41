"""Counts from the compiled step: what XLA says of it, and what it executes.

XLA sums its cost analysis in single precision, so beyond 2**24 its flops are
rounded. The operations are therefore also counted here, one by one, in the
optimized program: exactly, and those on scalars apart from those on arrays.
"""

import collections
from collections.abc import Callable
import math
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from benchmarks import steps
from benchmarks import trees

_INSTRUCTION = re.compile(
    r'= \w+\[(?P<shape>[\d,]*)\](?:\{[^}]*\})? (?P<opcode>[a-z][\w-]*)\('
)
_COMPUTES_NOTHING = frozenset(
    (
        'bitcast',
        'broadcast',
        'call',
        'constant',
        'copy',
        'fusion',
        'get-tuple-element',
        'iota',
        'parameter',
        'reshape',
        'tuple',
    )
)
_FUSION = re.compile(r' fusion\(')


class Operations(NamedTuple):
  """What an optimized program computes.

  Attributes:
    scalar: How often each opcode is applied to a scalar.
    array: How often each opcode is applied to an element of an array.
  """

  scalar: collections.Counter
  array: collections.Counter


def operations(program: str) -> Operations:
  """Counts the operations in the text of an optimized program.

  Args:
    program: Text of a program without loops, whose every computation is called
      once.

  Returns:
    The number of times that each opcode is executed.
  """
  found = Operations(collections.Counter(), collections.Counter())
  for instruction in _INSTRUCTION.finditer(program):
    opcode, shape = instruction['opcode'], instruction['shape']
    if opcode in _COMPUTES_NOTHING:
      continue
    if shape:
      found.array[opcode] += math.prod(int(n) for n in shape.split(','))
    else:
      found.scalar[opcode] += 1
  return found


def compiled(
    optimizer: optax.GradientTransformation,
    shapes: trees.Shapes,
    dtype: jax.typing.DTypeLike,
    jitted: Callable = steps.jitted,
) -> jax.stages.Compiled:
  """The step for a tree of these shapes; no array is made."""
  params = {
      name: jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))
      for name, shape in shapes.items()
  }
  state = jax.eval_shape(optimizer.init, params)
  return jitted(optimizer).lower(params, state, params).compile()


def count(step: jax.stages.Compiled) -> dict[str, int]:
  """The counts of a compiled step, under the names that the tables have."""
  cost, memory = step.cost_analysis(), step.memory_analysis()
  program = step.as_text()
  found = operations(program)
  return {
      'flops': int(cost.get('flops', 0)),
      'transcendentals': int(cost.get('transcendentals', 0)),
      'bytes accessed': int(cost.get('bytes accessed', 0)),
      'temporary bytes': int(memory.temp_size_in_bytes),
      'fusions': len(_FUSION.findall(program)),
      'array operations': found.array.total(),
      'scalar operations': found.scalar.total(),
  }


def compare(
    name: str,
    shapes: trees.Shapes,
    dtype: jax.typing.DTypeLike,
    jitted: Callable = steps.jitted,
) -> dict[str, dict[str, int]]:
  """An optimizer's counts without the flag, with it, and the difference."""
  default, flag = (
      count(compiled(steps.make(name, epsilon_hat=on), shapes, dtype, jitted))
      for on in (False, True)
  )
  return {
      'default': default,
      'epsilon_hat': flag,
      'difference': {key: flag[key] - default[key] for key in default},
  }
