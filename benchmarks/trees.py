"""The parameters that are stepped: shapes, and arrays of them.

Plain tuples and NumPy, so that every framework is given the same numbers.
"""

import math

import numpy as np

LEARNING_RATE = 1e-3
Shapes = dict[str, tuple[int, ...]]


def one_array(size: int) -> Shapes:
  """All the parameters in one array."""
  return {'w': (size,)}


def transformer(size: int, layers: int = 24) -> Shapes:
  """The parameters of a decoder-only transformer.

  Args:
    size: Number of parameters to come close to: it is met to within one width.
      Three quarters are in the layers, the rest in the token embedding.
    layers: Number of layers; 24 has the medium-sized GPT-2.

  Returns:
    The shapes of ``12 * layers + 4`` arrays.
  """
  width = max(1, math.isqrt(3 * size // (4 * 12 * layers)))
  layer = {f'norm/{name}': (width,) for name in ('a', 'b', 'c', 'd')}
  for name, inputs, outputs in (
      ('attention/in', width, 3 * width),
      ('attention/out', width, width),
      ('mlp/in', width, 4 * width),
      ('mlp/out', 4 * width, width),
  ):
    layer |= {f'{name}/kernel': (inputs, outputs), f'{name}/bias': (outputs,)}
  shapes = {f'{n}/{name}': layer[name] for n in range(layers) for name in layer}
  shapes |= {'norm/scale': (width,), 'norm/bias': (width,)}
  shapes |= {'embedding/position': (16, width)}
  tokens = max(1, (size - parameters(shapes)) // width)
  return shapes | {'embedding/token': (tokens, width)}


TREES = {'one array': one_array, 'transformer': transformer}


def parameters(shapes: Shapes) -> int:
  """The number of parameters in a tree."""
  return sum(map(math.prod, shapes.values()))


def arrays(shapes: Shapes, seed: int) -> dict[str, np.ndarray]:
  """Float32 numbers around zero, the same for a seed in every process."""
  rng = np.random.default_rng(seed)
  return {k: rng.random(v, np.float32) - 0.5 for k, v in shapes.items()}
