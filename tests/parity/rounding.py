"""How far rounding may take an optax call, found by rounding it at random.

The call is run in float64 with every operation's result moved by up to half a
unit in the last place of the precision in question, and its constants rounded
or not: that is what another order of the same terms, or another place where a
constant is rounded, does to it. The spread of some such runs follows from the
call, its hyperparameters, the dtype and the number of steps alone, whatever the
call is made of. (Stochastic arithmetic, as in Parker's Monte Carlo arithmetic.)
"""

import itertools

import jax
from jax.extend import core
import jax.numpy as jnp
import numpy as np
from scipy import linalg

from tests.parity import frameworks

SAMPLES = 8
_NOISE = 4096

# Units in the last place that an operation may be off by; others are exact.
_UNITS = {
    **dict.fromkeys(('add', 'add_any', 'sub', 'mul', 'div', 'sqrt'), 0.5),
    **dict.fromkeys(('integer_pow', 'square', 'reduce_sum'), 1.0),
    **dict.fromkeys(('dot_general', 'rsqrt', 'cos', 'exp', 'log'), 2.0),
    'pow': 1.0,
}


class _Rounding:
  """Rounds at random; every operation and constant draws its own numbers."""

  def __init__(self, noise, steady, choices, dtype, constants, coarse):
    self.noise = noise
    self.steady = steady
    self.choices = choices
    self.ulp = float(jnp.finfo(dtype).eps)
    self.short = jnp.float32 if dtype == jnp.float64 else dtype
    self.constants = constants
    self.coarse = coarse
    self.place = itertools.count()
    self.size = 0

  def constant(self, value):
    """Rounds a constant of the program to `constants`, or does not."""
    value = np.asarray(value)
    if value.dtype != np.float64:
      return value
    rounded = value.astype(self.constants).astype(np.float64)
    chosen = self.choices[next(self.place) % (SAMPLES - 1)]
    return jnp.where(chosen, rounded, value)

  def result(self, name, value):
    """Moves the result of an operation by its units in the last place."""
    if name not in _UNITS or not jnp.issubdtype(value.dtype, jnp.floating):
      return value
    ulp = max(self.ulp, float(jnp.finfo(value.dtype).eps))
    if name in self.coarse:
      ulp = max(ulp, float(jnp.finfo(jnp.float32).eps))
    start = self.size % (_NOISE - value.size)
    self.size += value.size
    source = self.steady if name in self.coarse else self.noise
    noise = source[start : start + value.size].reshape(value.shape)
    moved = value + value * (_UNITS[name] * ulp * noise).astype(value.dtype)
    # What fewer digits hold is the result of whole numbers, and exact.
    wide = value.dtype == jnp.float64
    short = value.astype(self.short) if wide else jnp.round(value)
    return jnp.where(value == short, value, moved)

  def evaluate(self, closed, *args):
    """Evaluates a program, rounding at random."""
    jaxpr = closed.jaxpr
    values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(atom):
      if isinstance(atom, core.Literal):
        return self.constant(atom.val)
      return values[atom]

    for eqn in jaxpr.eqns:
      out = self._apply(eqn, [read(atom) for atom in eqn.invars])
      values.update(zip(eqn.outvars, out, strict=True))
    return [read(atom) for atom in jaxpr.outvars]

  def _apply(self, eqn, args):
    """Applies one operation, going into those that hold programs."""
    name, params = eqn.primitive.name, eqn.params
    inner = params.get('jaxpr', params.get('call_jaxpr'))
    if name == 'cond':
      branches = [
          lambda *args, branch=branch: self.evaluate(branch, *args)
          for branch in params['branches']
      ]
      return jax.lax.switch(args[0], branches, *args[1:])
    if name == 'scan':
      consts = args[: params['num_consts']]
      split = params['num_consts'] + params['num_carry']

      def body(carry, x):
        out = self.evaluate(inner, *consts, *carry, *x)
        return out[: params['num_carry']], out[params['num_carry'] :]

      carry, out = jax.lax.scan(
          body, args[len(consts) : split], args[split:], params['length']
      )
      return [*carry, *out]
    if inner is not None:
      return self.evaluate(inner, *args)
    if name == 'while':
      raise NotImplementedError('a loop of unknown length')
    out = eqn.primitive.bind(*args, **params)
    out = out if eqn.primitive.multiple_results else [out]
    return [self.result(name, value) for value in out]


def _runs(text, params, grads, names, rounding_of):
  """Returns trajectories of a call: the first exact, the others rounded."""
  optimizer, step = frameworks.optax_step(text, **names)
  start = params, optimizer.init(params)
  first = jax.tree.map(lambda g: g[0], grads)
  program, shape = jax.make_jaxpr(step, return_shape=True)(start, first)
  steps = len(jax.tree.leaves(grads)[0])
  rng = np.random.default_rng(0)
  noise = rng.uniform(-1, 1, (1 + SAMPLES, steps, _NOISE))
  noise[0] = 0.0
  # Among the rounded runs any two constants are rounded in all four ways,
  # unless they are alike in their place modulo seven.
  plan = np.pad(linalg.hadamard(SAMPLES)[:, 1:] > 0, ((1, 0), (0, 0)))
  leaves = [jnp.asarray(x) for x in jax.tree.leaves(start)]

  @jax.jit
  @jax.vmap
  def run(noise, steady, choices):
    def rounded(carry, x):
      noise, grads = x
      rounding = rounding_of(noise, steady, choices)
      out = rounding.evaluate(program, *carry, *jax.tree.leaves(grads))
      (params, state), _ = jax.tree.unflatten(jax.tree.structure(shape), out)
      carry = [
          jnp.asarray(x, y.dtype)  # As typed as at the start.
          for x, y in zip(jax.tree.leaves((params, state)), leaves, strict=True)
      ]
      return carry, params

    return jax.lax.scan(rounded, leaves, (noise, grads))[1]

  return run(noise, noise[:, 0], plan)


def spread(text, params, grads, names, *, held=(), coarse=()):
  """Returns how far rounding takes the parameters of a call, at most.

  Args:
    text: The optax call.
    params: The start, whose dtype is the precision of the arithmetic.
    grads: The gradients, stacked.
    names: The variables of the call.
    held: Those that the framework rounds, to float32 at best, before it
      computes with them; with the decay rates it then rounds every constant.
    coarse: Names of operations that the framework computes in float32, with
      errors that may be alike in every step.

  Returns:
    The largest distance from the call without rounding.
  """
  dtype = jax.tree.leaves(params)[0].dtype
  low = np.dtype('float32') if dtype == np.float64 else dtype
  constants = low if 'b1' in held else dtype
  wide = jax.tree.map(lambda x: np.asarray(x, np.float64), (params, grads))
  given = {**names, 'dtype': 'float64'}
  rounded = {k: float(np.asarray(given[k], low)) for k in held}

  def rounding_of(*drawn):
    return _Rounding(*drawn, dtype, constants, coarse)

  with jax.enable_x64(True):
    runs = [_runs(text, *wide, given, rounding_of)]
    if held:
      runs.append(_runs(text, *wide, {**given, **rounded}, rounding_of))
    return max(
        float(np.max(np.abs(x - exact[0])))
        for run in runs
        for x, exact in zip(
            jax.tree.leaves(run), jax.tree.leaves(runs[0]), strict=True
        )
    )
