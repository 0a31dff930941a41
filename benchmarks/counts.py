"""Counts of the step: what is traced, and what XLA says of the program."""

import jax
import jax.extend

from benchmarks import steps
from benchmarks import trees


def equations(jaxpr: jax.extend.core.Jaxpr) -> int:
  """Equations of a jaxpr and of those inside it."""
  inner = (
      value.jaxpr
      for equation in jaxpr.eqns
      for value in equation.params.values()
      if isinstance(value, jax.extend.core.ClosedJaxpr)
  )
  return len(jaxpr.eqns) + sum(map(equations, inner))


def count(
    name: str,
    shapes: trees.Shapes,
    dtype: str,
    epsilon_hat: bool,
    donate: tuple[int, ...] = (0, 1),
) -> dict[str, int]:
  """Counts a step; no array is made.

  XLA adds up in single precision: beyond 2**24 its flops are rounded.

  Args:
    name: The optimizer.
    shapes: The parameters.
    dtype: Their type, and so the state's.
    epsilon_hat: Whether with the flag.
    donate: Which arguments the step overwrites.

  Returns:
    The counts by name.
  """
  optimizer = steps.make(name, epsilon_hat=epsilon_hat)
  step = jax.jit(steps.step(optimizer), donate_argnums=donate)
  traced = step.trace(*steps.abstract(optimizer, shapes, dtype))
  compiled = traced.lower().compile()
  cost = compiled.cost_analysis()
  return {
      'equations': equations(traced.jaxpr.jaxpr),
      'flops': int(cost['flops']),
      'transcendentals': int(cost['transcendentals']),
      'bytes accessed': int(cost['bytes accessed']),
      'temporary bytes': compiled.memory_analysis().temp_size_in_bytes,
      'fusions': compiled.as_text().count(' fusion('),
  }


def compare(name, shapes, dtype) -> dict[str, tuple[int, int]]:
  """The default's counts, and what the flag adds to each."""
  default, flag = (count(name, shapes, dtype, on) for on in (False, True))
  return {key: (default[key], flag[key] - default[key]) for key in default}
