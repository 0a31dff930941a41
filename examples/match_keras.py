"""Trains the same network with Keras and with optax, side by side.

Both start from the same weights and see the same batches of digits. Prints and
draws how far optax ends up from Keras, with and without ``tf_style=True``.

  python examples/match_keras.py
"""

import argparse
import os

import jax
from matplotlib import pyplot as plt
import numpy as np
import optax
from sklearn import datasets

os.environ['KERAS_BACKEND'] = 'jax'  # Keras reads this when it is imported.
import keras  # pylint: disable=wrong-import-position

HEAD = """\
Distance of optax's parameters from Keras's, over the distance that Keras's have
traveled (Euclidean, over all parameters), and the final loss over all images:

              optax's default       tf_style=True                 loss
 epsilon    step 1  {0:>8}    step 1  {0:>8}     Keras   default  tf_style"""


def make_model() -> keras.Model:
  """A classifier of 8 by 8 images that returns logits."""
  # Smooth activations: at ReLU's kinks, rounding differences can grow.
  hidden = [keras.layers.Dense(64, activation='tanh') for _ in range(2)]
  return keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])


def train_keras(model, epsilon: float, batches) -> list[np.ndarray]:
  """Trains with Keras; returns the parameters after every step."""
  model.compile(
      keras.optimizers.Adam(1e-3, epsilon=epsilon),
      keras.losses.SparseCategoricalCrossentropy(from_logits=True),
  )
  history = []
  for batch in zip(*batches, strict=True):
    model.train_on_batch(*batch)
    history.append(model.get_weights())
  return [np.stack(steps) for steps in zip(*history, strict=True)]


def loss_fn(params, model, images, labels) -> jax.Array:
  """The same loss, with Keras's model as a pure function."""
  logits, _ = model.stateless_call(params, [], images)
  return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def train_optax(model, optimizer, params, batches) -> list[jax.Array]:
  """Trains with optax; returns the parameters after every step."""

  def step(carry, batch):
    params, state = carry
    grads = jax.grad(loss_fn)(params, model, *batch)
    updates, state = optimizer.update(grads, state)
    params = optax.apply_updates(params, updates)
    return (params, state), params

  carry = params, optimizer.init(params)
  return jax.jit(lambda: jax.lax.scan(step, carry, batches)[1])()


def distance(history, reference) -> np.ndarray:
  """Euclidean distance between all parameters, after every step."""
  difference = jax.tree.map(np.subtract, history, reference)
  flat = [np.reshape(x, (len(x), -1)) for x in difference]
  return np.linalg.norm(np.concatenate(flat, axis=1), axis=1)


def draw(found: dict[bool, dict[str, np.ndarray]], path: str) -> None:
  """Draws the distances by flag and epsilon, with labels at the lines."""
  plt.rcParams.update({'font.size': 13, 'svg.hashsalt': 'match_keras'})
  figure, axes = plt.subplots(figsize=(5.6, 4), layout='constrained')
  dtype = keras.config.floatx()
  precision, height = np.finfo(dtype).eps, 0.0
  names = {False: "optax's default", True: 'tf_style=True, every eps'}
  for flag, color in {False: '#a33b00', True: '#1f5fa8'}.items():
    for eps, values in sorted(found[flag].items(), key=lambda i: i[1][-1]):
      # Few points, dense where the lines bend, keep the file small.
      steps = np.unique(np.geomspace(1, len(values), 60).astype(int))
      axes.plot(steps, values[steps - 1], color=color, lw=2)
      if not flag:
        # Labels at lines that end close together must not overlap.
        height = max(values[-1], height * precision**-0.075)
        axes.text(steps[-1], height, f' eps={eps}', color=color, va='center')
    place = steps[-1], values[-1] * precision**-0.04
    axes.text(*place, names[flag], color=color, ha='right', size=15)
  axes.plot([1, steps[-1]], [precision] * 2, color='0.4', ls=':')
  axes.text(steps[-1], precision, f' {dtype}', color='0.4', va='center')
  axes.set_title('Distance from Keras / distance traveled', size=13, loc='left')
  axes.set(xlabel='steps', yscale='log')
  axes.yaxis.set_major_locator(plt.LogLocator(base=100))
  axes.minorticks_off()
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(axis='y', color='0.9')
  figure.savefig(path, metadata={'Date': None})


def main(argv: list[str] | None = None) -> None:
  """Runs the example."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  option = parser.add_argument
  option('--epsilons', type=float, nargs='+', default=[1e-7, 1e-5, 1e-3])
  option('--float64', action='store_true', help='train in double precision')
  option('--out', default='match_keras.svg', help='the figure, an SVG file')
  option('--seed', type=int, default=0, help='of the weights and the batches')
  option('--steps', type=int, default=500)
  args = parser.parse_args(argv)
  jax.config.update('jax_default_matmul_precision', 'highest')  # On GPUs too.
  if args.float64:
    jax.config.update('jax_enable_x64', True)
    keras.config.set_floatx('float64')

  images, labels = datasets.load_digits(return_X_y=True)
  images = (images / 16).astype(keras.config.floatx())
  rng = np.random.default_rng(args.seed)
  picks = rng.integers(len(images), size=(args.steps, 64))
  batches = images[picks], labels[picks]
  keras.utils.set_random_seed(args.seed)
  model = make_model()
  start = model.get_weights()

  print(HEAD.format(f'step {args.steps}'), flush=True)
  found = {False: {}, True: {}}
  for epsilon in args.epsilons:
    model.set_weights(start)
    runs = [train_keras(model, epsilon, batches)]
    row = [np.format_float_scientific(epsilon, trim='-', exp_digits=1)]
    for flag in found:
      optimizer = optax.adam(1e-3, eps=epsilon, tf_style=flag)
      runs.append(train_optax(model, optimizer, start, batches))
      apart = distance(runs[-1], runs[0]) / distance(runs[0], start)
      found[flag][row[0]] = apart
      row += [f'{apart[0]:.1e}', f'{apart[-1]:.1e}']
    for run in runs:
      loss = loss_fn([steps[-1] for steps in run], model, images, labels)
      row.append(f'{loss:.6f}')
    print('  '.join(map('{:>8}'.format, row)), flush=True)
  draw(found, args.out)
  print(f'Figure: {args.out}')


if __name__ == '__main__':
  main()
