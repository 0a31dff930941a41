"""Trains the same network with Keras and with optax, side by side.

Both start from the same weights and see the same batches of digits. Prints and
draws how far optax ends up from Keras, with and without ``tf_style=True``.

  pip install -r examples/requirements.txt
  python examples/match_keras.py
"""

import argparse
import os

import jax
from jax import flatten_util
from matplotlib import pyplot as plt
import numpy as np
import optax
from sklearn import datasets

os.environ['KERAS_BACKEND'] = 'jax'  # Keras reads this when it is imported.
import keras  # pylint: disable=wrong-import-position

LEARNING_RATE = 1e-3
BATCH_SIZE = 64

HEADER = """\
Distance of optax's parameters from Keras's: the largest difference of any
parameter, divided by the largest distance that any parameter has traveled.
Loss: over all batches, after the last step.

         default   default   tf_style  tf_style  loss of  loss of  loss of
epsilon  step 1    end       step 1    end       Keras    default  tf_style"""
ROW = '{:>7}  {:.1e}   {:.1e}   {:.1e}   {:.1e}   {:.5f}  {:.5f}  {:.5f}'


def make_batches(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns random batches of 8 by 8 images, and of their labels."""
  images, labels = datasets.load_digits(return_X_y=True)
  images = (images / 16).astype(keras.config.floatx())
  rng = np.random.default_rng(seed)
  picks = rng.integers(len(images), size=(steps, BATCH_SIZE))
  return images[picks], labels[picks]


def make_model() -> keras.Model:
  """Returns a classifier of images that outputs logits."""
  # Smooth activations: at ReLU's kinks, rounding differences can grow.
  return keras.Sequential([
      keras.Input((64,)),
      keras.layers.Dense(64, activation='tanh'),
      keras.layers.Dense(64, activation='tanh'),
      keras.layers.Dense(10),
  ])


def train_keras(model, epsilon: float, batches) -> np.ndarray:
  """Trains with Keras; returns all parameters after every step, in rows."""
  model.compile(
      keras.optimizers.Adam(LEARNING_RATE, epsilon=epsilon),
      keras.losses.SparseCategoricalCrossentropy(from_logits=True),
  )
  history = []
  for images, labels in zip(*batches, strict=True):
    model.train_on_batch(images, labels)
    params, _ = flatten_util.ravel_pytree(model.get_weights())
    history.append(params)
  return np.stack(history)


def loss_fn(params, model, images, labels) -> jax.Array:
  """The same loss, with Keras's model as a pure function."""
  logits, _ = model.stateless_call(params, [], images)
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
  return losses.mean()


def train_optax(model, optimizer, params, batches) -> np.ndarray:
  """Trains with optax; returns all parameters after every step, in rows."""

  def step(carry, batch):
    params, state = carry
    grads = jax.grad(loss_fn)(params, model, *batch)
    updates, state = optimizer.update(grads, state)
    params = optax.apply_updates(params, updates)
    row, _ = flatten_util.ravel_pytree(params)
    return (params, state), row

  @jax.jit
  def train(params):
    carry = params, optimizer.init(params)
    _, history = jax.lax.scan(step, carry, batches)
    return history

  return np.asarray(train(params))


def distance(ours, theirs, start) -> np.ndarray:
  """Returns how far apart two runs are at each step.

  It is a share of the distance traveled up to that step.
  """
  apart = np.abs(ours - theirs).max(axis=1)
  traveled = np.abs(theirs - start).max(axis=1)
  return apart / traveled


def draw(found: dict[float, list[np.ndarray]], path: str) -> None:
  """Draws the distances by epsilon, without the flag and with it."""
  plt.rcParams.update({'font.size': 13, 'svg.hashsalt': 'match_keras'})
  figure, axes = plt.subplots(figsize=(5.6, 4), layout='constrained')
  for number, epsilon in enumerate(found):
    default, flag = found[epsilon]
    color = f'C{number}'
    # Few points, dense where the lines bend, keep the file small.
    steps = np.unique(np.geomspace(1, len(default), 60).astype(int))
    label = f'eps={name(epsilon)}'
    axes.plot(steps, default[steps - 1], color=color, lw=2, label=label)
    axes.plot(steps, flag[steps - 1], color=color, lw=2)
  middle = steps[-1] / 2
  axes.text(middle, 1, "optax's default", ha='center', size=15)
  axes.text(middle, 1e-5, 'tf_style=True', ha='center', size=15)
  axes.set_title('Distance from Keras / distance traveled', size=13, loc='left')
  axes.set(xlabel='steps', yscale='log', ylim=(None, 5))
  axes.legend(loc='center right', frameon=False, reverse=True)
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(axis='y', color='0.9')
  figure.savefig(path, metadata={'Date': None})


def name(epsilon: float) -> str:
  """Returns a number as one writes it, such as 1e-7."""
  return np.format_float_scientific(epsilon, trim='-', exp_digits=1)


def parse(argv: list[str] | None) -> argparse.Namespace:
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  option = parser.add_argument
  option('--epsilons', type=float, nargs='+', default=[1e-7, 1e-5, 1e-3])
  option('--float64', action='store_true', help='train in double precision')
  option('--out', default='match_keras.svg', help='the figure, an SVG file')
  option('--seed', type=int, default=0, help='of the weights and the batches')
  option('--steps', type=int, default=500)
  return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
  """Runs the example."""
  args = parse(argv)
  jax.config.update('jax_default_matmul_precision', 'highest')  # On GPUs too.
  if args.float64:
    jax.config.update('jax_enable_x64', True)
    keras.config.set_floatx('float64')

  batches = make_batches(args.steps, args.seed)
  keras.utils.set_random_seed(args.seed)
  model = make_model()
  weights = model.get_weights()
  start, unravel = flatten_util.ravel_pytree(weights)
  images, labels = map(np.concatenate, batches)

  def end_loss(history):
    return loss_fn(unravel(history[-1]), model, images, labels)

  print(HEADER, flush=True)
  found = {}
  for epsilon in args.epsilons:
    model.set_weights(weights)
    theirs = train_keras(model, epsilon, batches)
    adam = optax.adam(LEARNING_RATE, eps=epsilon)
    default = train_optax(model, adam, weights, batches)
    tf_adam = optax.adam(LEARNING_RATE, eps=epsilon, tf_style=True)
    flag = train_optax(model, tf_adam, weights, batches)

    default_apart = distance(default, theirs, start)
    flag_apart = distance(flag, theirs, start)
    found[epsilon] = [default_apart, flag_apart]
    row = ROW.format(
        name(epsilon),
        default_apart[0],
        default_apart[-1],
        flag_apart[0],
        flag_apart[-1],
        end_loss(theirs),
        end_loss(default),
        end_loss(flag),
    )
    print(row, flush=True)
  draw(found, args.out)
  print(f'Figure: {args.out}')


if __name__ == '__main__':
  main()
