"""Parameter trees: the shapes, and the arrays that every framework is given.

Shapes are plain tuples and arrays come from NumPy, so that a process that has
another framework loaded builds the same tree without JAX.
"""

from collections.abc import Callable
import math

import numpy as np

Shapes = dict[str, tuple[int, ...]]

TYPICAL = 10**6
"""The number of parameters where one size has to do."""

LAYERS = 24
"""Layers of the transformer, as in the medium-sized GPT-2: 292 arrays."""


def one_array(size: int) -> Shapes:
  """All the parameters in one array."""
  return {'w': (size,)}


def transformer(size: int, layers: int = LAYERS) -> Shapes:
  """The parameter tree of a decoder-only transformer.

  Three quarters of the parameters are in the layers, as far as whole widths
  allow, and the rest in the token embedding.

  Args:
    size: Number of parameters to come close to: it is met to within one width.
    layers: Number of layers, each of twelve arrays.

  Returns:
    The shapes of ``12 * layers + 4`` arrays.
  """
  width = max(1, math.isqrt(3 * size // (4 * 12 * layers)))
  shapes = {'position/embedding': (16, width)}
  for layer in range(layers):
    block = {
        'ln_1/scale': (width,),
        'ln_1/bias': (width,),
        'attention/in/kernel': (width, 3 * width),
        'attention/in/bias': (3 * width,),
        'attention/out/kernel': (width, width),
        'attention/out/bias': (width,),
        'ln_2/scale': (width,),
        'ln_2/bias': (width,),
        'mlp/in/kernel': (width, 4 * width),
        'mlp/in/bias': (4 * width,),
        'mlp/out/kernel': (4 * width, width),
        'mlp/out/bias': (width,),
    }
    shapes |= {f'layer_{layer:02}/{name}': block[name] for name in block}
  shapes |= {'ln_f/scale': (width,), 'ln_f/bias': (width,)}
  tokens = max(1, (size - parameters(shapes)) // width)
  return shapes | {'token/embedding': (tokens, width)}


TREES: dict[str, Callable[[int], Shapes]] = {
    'one array': one_array,
    'transformer': transformer,
}


def parameters(shapes: Shapes) -> int:
  """The number of parameters in a tree."""
  return sum(math.prod(shape) for shape in shapes.values())


def arrays(shapes: Shapes, seed: int) -> dict[str, np.ndarray]:
  """A tree of normal float32 numbers, the same for a seed in every process."""
  rng = np.random.default_rng(seed)
  return {
      name: rng.standard_normal(shape, dtype=np.float32)
      for name, shape in shapes.items()
  }
