"""What the tests of composition share: to run optax, and to compare.

What a wrapper or a transformation should do is written out in NumPy around
`reference`, for either formulation. Each test asks that optax follows the one
and, by a wide margin, not the other, so that a test which could not tell the
two apart fails.
"""

from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.numerics import reference
from tests.numerics import rounding

RATE = 0.05
# Large next to many of the gradients, so that its place shows.
EPS = 1e-3
_DOUBLE = np.finfo(np.float64).eps

OPTIMIZERS = (
    ('adam', optax.adam, {}),
    ('adamw', optax.adamw, {'weight_decay': 1e-2}),
    ('nadam', optax.nadam, {'nesterov': True}),
    ('nadamw', optax.nadamw, {'nesterov': True, 'weight_decay': 1e-2}),
    ('amsgrad', optax.amsgrad, {'amsgrad': True}),
)


def start(seed=0):
  """Parameters: a small tree."""
  rng = np.random.default_rng(seed)
  return {
      'layer': {'w': rng.normal(size=(4, 3)), 'b': rng.normal(size=(3,))},
      'scale': rng.normal(size=()),
  }


def gradients(steps, seed=1):
  """A list of gradients of `start`, from 1e-5 to 1 and of either sign."""
  rng = np.random.default_rng(seed)

  def draw(p):
    size = 10.0 ** rng.uniform(-5, 0, size=np.shape(p))
    return [size * rng.normal(size=np.shape(p)) for _ in range(steps)]

  leaves, treedef = jax.tree.flatten(start())
  return [treedef.unflatten(g) for g in zip(*map(draw, leaves), strict=True)]


def optimizer(factory, formula, **kwargs):
  """Builds optax's optimizer for what `formula` says to `reference`."""
  kwargs = {'learning_rate': RATE, 'eps': EPS, **kwargs}
  if 'weight_decay' in formula:
    kwargs['weight_decay'] = formula['weight_decay']
  return factory(**kwargs)


def expected(params, grads, formula, epsilon_hat, **kwargs):
  """Returns the parameters that `optimizer` should come by, step by step."""
  kwargs = {'learning_rate': RATE, 'eps': EPS, **formula, **kwargs}
  return reference.trajectory(params, grads, epsilon_hat=epsilon_hat, **kwargs)


def apply(opt):
  """Returns a function that takes one step with `opt`."""

  def step(params, state, grads):
    updates, state = opt.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  return step


def run(opt, params, grads):
  """Returns the parameters after each step, and the last state."""
  step = jax.jit(apply(opt))
  params, state, out = jax.tree.map(jnp.asarray, params), opt.init(params), []
  for g in grads:
    params, state = step(params, state, g)
    out.append(params)
  return out, state


def tolerance(steps, rate=RATE, b1=0.9, b2=0.999):
  """A bound on rounding in float64, for parameters of order 1.

  The correction `1 - b2**t` is least precise at the first step, and no update
  is larger than `(1 - b1) / sqrt(1 - b2)`.
  """
  largest = max(1.0, (1 - b1) / np.sqrt(1 - b2))
  relative = rounding.of_correction(b2, 1, _DOUBLE) + 16 * _DOUBLE
  return steps * (rate * largest * relative + 4 * _DOUBLE)


def _distance(got, expected):
  apart = jax.tree.map(lambda a, b: np.abs(a - b).max(), got, expected)
  return max(jax.tree.leaves(apart))


class Float64TestCase(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.enter_context(jax.enable_x64(True))

  def assert_follows(self, got, expected, tolerance):
    """Asks that `got` is `expected(True)`, and is not `expected(False)`."""
    chex.assert_trees_all_equal_shapes_and_dtypes(
        got, jax.tree.map(jnp.asarray, expected(True))
    )
    self.assertLessEqual(_distance(got, expected(True)), tolerance)
    self.assertGreater(_distance(got, expected(False)), 1000 * tolerance)
