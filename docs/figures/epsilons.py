"""Figures, tables and numbers of the page on the two epsilons.

  python -m docs.figures.epsilons --out docs/_generated

The curves are drawn from the formulas on that page; the marks on them are what
optax computes.
"""

import argparse
from collections.abc import Sequence
import json
import math
import pathlib

import jax.numpy as jnp
from matplotlib import axes as mpl_axes
from matplotlib import pyplot as plt
from matplotlib import ticker
import numpy as np
import optax

from docs import pages

EPS = 1e-5
B2 = 0.999
TOLERANCE = 0.01
DECAYS = (0.9, 0.95, 0.98, 0.99, 0.999, 0.9999)
STYLES = {False: ('k-', 'ko'), True: ('k--', 'kD')}
LABELS = {False: 'Algorithm 1', True: 'epsilon_hat=True'}
RC = {
    'axes.grid': True,
    'grid.color': '0.85',
    'grid.linewidth': 0.6,
    'font.size': 10,
    'legend.framealpha': 1,
    'savefig.facecolor': 'white',
    'svg.hashsalt': 'optax',  # The same figure at every build.
}


def magnification(step: float, b2: float) -> float:
  """Effective epsilon of `epsilon_hat` over `eps`, at a step from 1 on."""
  return 1 / math.sqrt(-math.expm1(step * math.log(b2)))


def steady_update(size, step, b2, eps, *, epsilon_hat: bool):
  """Size of Adam's update at a step, if all gradients so far were alike.

  Args:
    size: Size of an entry of the gradient.
    step: The step, counted from 1.
    b2: Decay rate of the second moment.
    eps: What optax is given as `eps`.
    epsilon_hat: What optax is given as `epsilon_hat`.

  Returns:
    The size of the update in learning rates.
  """
  if epsilon_hat:
    eps = eps * magnification(step, b2)
  return size / (size + eps)


def steps_to_agree(b2: float, tolerance: float, relative_size: float) -> int:
  """First step at which the two updates differ by at most the tolerance.

  The gradients are taken to be alike in all steps. At step 1 and before the
  step returned, Algorithm 1's update is the larger by more than the tolerance.

  Args:
    b2: Decay rate of the second moment.
    tolerance: The relative difference that counts as agreement.
    relative_size: Size of the gradient's entry over `eps`; 0 for the limit of
      gradients much smaller than `eps`, for which it takes longest.

  Returns:
    The step, counted from 1.
  """
  bound = 1 + tolerance * (1 + relative_size)
  return max(1, math.ceil(math.log(1 - bound**-2) / math.log(b2)))


def first_update(sizes, b2: float, eps: float, *, epsilon_hat: bool):
  """Size of optax's own first update, in learning rates."""
  grads = jnp.asarray(sizes)
  solver = optax.scale_by_adam(b2=b2, eps=eps, epsilon_hat=epsilon_hat)
  updates, _ = solver.update(grads, solver.init(grads))
  return np.asarray(updates)


def draw_magnification(axis: mpl_axes.Axes) -> None:
  """The effective epsilon over the steps, for several b2."""
  steps = np.geomspace(1, 1e5, 400)
  for (b2, style), grey in zip(
      {0.9999: '-', 0.999: '--', 0.99: '-.', 0.9: ':'}.items(),
      ('0', '0', '0.25', '0.25'),
      strict=True,
  ):
    values = [magnification(step, b2) for step in steps]
    axis.loglog(steps, values, style, color=grey, label=f'b2 = {b2}')
  axis.axhline(1, color='0.5', linewidth=3, zorder=0, label='Algorithm 1')
  axis.set_xlabel('step')
  axis.set_ylabel('effective epsilon / eps')
  axis.set_yticks([1, 3, 10, 30, 100], ['1', '3', '10', '30', '100'])
  axis.yaxis.set_minor_formatter(ticker.NullFormatter())
  axis.legend()


def draw_first_update(axis: mpl_axes.Axes) -> None:
  """The first update as a function of the gradient, under both settings."""
  sizes = np.geomspace(1e-8, 1e-1, 300)
  marks = np.geomspace(1e-8, 1e-1, 15)
  for flag, (line, mark) in STYLES.items():
    curve = steady_update(sizes, 1, B2, EPS, epsilon_hat=flag)
    axis.loglog(sizes, curve, line)
    axis.loglog(
        marks,
        first_update(marks, B2, EPS, epsilon_hat=flag),
        mark,
        markersize=5,
        markerfacecolor='white',
    )
    axis.plot(
        [], [], line + mark[-1], markerfacecolor='white', label=LABELS[flag]
    )
  for place, name in (
      (EPS, 'eps'),
      (EPS * magnification(1, B2), r'eps / $\sqrt{1 - \mathrm{b2}}$'),
  ):
    axis.axvline(place, color='0.55', linestyle=':', linewidth=1.5)
    axis.text(place * 1.25, 6e-4, name, rotation=90, va='bottom')
  axis.set_ylim(1e-5, 2)
  axis.set_xlabel("size of the gradient's entry (units of the gradient)")
  axis.set_ylabel('size of the first update (learning rates)')
  axis.legend(loc='lower right')


def draw_steps_to_agree(axis: mpl_axes.Axes) -> None:
  """How long the difference lasts, as a function of b2."""
  windows = np.geomspace(10, 1e4, 200)  # That is, 1 / (1 - b2).
  for relative_size, style, label in (
      (0, '-', '|g| ≪ eps'),
      (1, '--', '|g| = eps'),
      (10, '-.', '|g| = 10 eps'),
      (30, ':', '|g| = 30 eps'),
  ):
    steps = [
        steps_to_agree(1 - 1 / window, TOLERANCE, relative_size)
        for window in windows
    ]
    axis.loglog(windows, steps, style, color='black', label=label)
  decays = (0.9, 0.99, 0.999, 0.9999)
  axis.set_xticks([1 / (1 - b2) for b2 in decays], [str(b2) for b2 in decays])
  axis.xaxis.set_minor_locator(ticker.NullLocator())
  axis.set_xlabel('b2')
  axis.set_ylabel(f'steps until within {TOLERANCE:.0%}')
  axis.legend()


FIGURES = {
    'magnification': draw_magnification,
    'first_update': draw_first_update,
    'steps_to_agree': draw_steps_to_agree,
}


def first_update_table() -> str:
  """The first update, as optax computes it, for gradients of several sizes."""
  sizes = [10.0**power for power in range(-7, -1)]
  plain, hat = (
      first_update(sizes, B2, EPS, epsilon_hat=flag) for flag in LABELS
  )
  rows = [
      [f'{size:.0e}', f'{a:.3g}', f'{b:.3g}', f'{a / b:.3g}']
      for size, a, b in zip(sizes, plain, hat, strict=True)
  ]
  head = ['size of the gradient', 'Algorithm 1', '`epsilon_hat=True`', 'ratio']
  return pages.table(head, rows, '--:')


def steps_table() -> str:
  """How long the difference lasts, for several b2 and gradients."""
  sizes = (0, 1, 10, 30)
  names = ('$\\lvert g\\rvert \\ll$ `eps`', '`eps`', '10 `eps`', '30 `eps`')
  rows = [
      [str(b2), f'{magnification(1, b2):.1f}']
      + [f'{steps_to_agree(b2, TOLERANCE, size):,}' for size in sizes]
      for b2 in DECAYS
  ]
  head = ['b2', 'effective epsilon / `eps` at step 1', *names]
  return pages.table(head, rows, '--:')


def excess(size: float, eps: float) -> float:
  """Share by which Algorithm 1's first update is the larger."""
  plain, hat = (
      steady_update(size, 1, B2, eps, epsilon_hat=flag) for flag in LABELS
  )
  return plain / hat - 1


def numbers() -> dict[str, str]:
  """The numbers that the page quotes."""
  return {
      'magnification': f'{magnification(1, B2):.1f}',
      'steps': f'{steps_to_agree(B2, TOLERANCE, 0):,}',
      'steps_short': f'{steps_to_agree(0.95, TOLERANCE, 0):,}',
      'default': f'{excess(1e-5, eps=1e-8):.1%}'.replace('%', ' %'),
      'half': f'{EPS * magnification(1, B2):.1e}',
  }


def main(argv: Sequence[str] | None = None) -> None:
  """Draws the figures and writes tables and numbers."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--out', type=pathlib.Path, default='docs/_generated')
  out = parser.parse_args(argv).out
  out.mkdir(parents=True, exist_ok=True)
  with plt.rc_context(RC):
    for name, draw in FIGURES.items():
      figure, axis = plt.subplots(figsize=(5.4, 3.8), layout='constrained')
      draw(axis)
      # No date, so that the file depends on the figure alone.
      figure.savefig(out / f'{name}.svg', metadata={'Date': None})
      plt.close(figure)
  data = {
      'numbers': numbers(),
      'tables': {
          'first_update': first_update_table(),
          'steps_to_agree': steps_table(),
      },
  }
  (out / 'epsilons.json').write_text(json.dumps(data, indent=2), 'utf-8')
  for name, lines in data['tables'].items():
    print(f'{name}\n\n{lines}\n')


if __name__ == '__main__':
  main()
