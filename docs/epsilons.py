"""Figures, table and numbers of the page on the two epsilons.

  python -m docs.epsilons --out docs/_generated

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
RC = {
    'axes.grid': True,
    'grid.color': '0.85',
    'grid.linewidth': 0.6,
    'font.size': 11,
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

  The gradients are taken to be alike in all steps.

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


def draw_magnification(axis: mpl_axes.Axes) -> None:
  """The effective epsilon over the steps, for several b2."""
  steps = np.geomspace(1, 1e5, 400)
  for b2, style in {0.9999: '-', 0.999: '--', 0.99: '-.', 0.9: ':'}.items():
    values = [magnification(step, b2) for step in steps]
    axis.loglog(steps, values, style, color='black', label=f'b2 = {b2}')
  axis.axhline(1, color='0.6', linewidth=3, zorder=0, label='Algorithm 1')
  axis.set_xlabel('step')
  axis.set_ylabel('effective epsilon / eps')
  axis.set_yticks([1, 3, 10, 30, 100], ['1', '3', '10', '30', '100'])
  axis.yaxis.set_minor_formatter(ticker.NullFormatter())
  axis.legend()


def draw_first_update(axis: mpl_axes.Axes) -> None:
  """The first update as a function of the gradient, under both settings."""
  sizes = np.geomspace(1e-8, 1e-1, 300)
  marks = jnp.geomspace(1e-8, 1e-1, 15)
  for flag, line, mark, label in (
      (False, 'k-', 'o', 'Algorithm 1'),
      (True, 'k--', 'D', 'tf_style=True'),
  ):
    axis.loglog(sizes, steady_update(sizes, 1, B2, EPS, epsilon_hat=flag), line)
    solver = optax.scale_by_adam(b2=B2, eps=EPS, epsilon_hat=flag)
    updates, _ = solver.update(marks, solver.init(marks))
    axis.plot(marks, updates, 'k' + mark, markerfacecolor='white')
    axis.plot([], [], line + mark, markerfacecolor='white', label=label)
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


def steps_table() -> str:
  """How long the difference lasts, for several b2 and gradients."""
  sizes = {r'$\lvert g\rvert \ll$ eps': 0, 'eps': 1, '10 eps': 10, '30 eps': 30}
  rows = [
      [str(b2), f'{magnification(1, b2):.1f}']
      + [f'{steps_to_agree(b2, TOLERANCE, size):,}' for size in sizes.values()]
      for b2 in DECAYS
  ]
  return pages.table(['b2', 'first, in eps', *sizes], rows, '--:')


def numbers() -> dict[str, str]:
  """The numbers that the pages and the README quote."""
  plain, hat = (
      steady_update(1e-5, 1, B2, 1e-8, epsilon_hat=flag)
      for flag in (False, True)
  )
  return {
      'magnification': f'{magnification(1, B2):.1f}',
      'steps': f'{steps_to_agree(B2, TOLERANCE, 0):,}',
      'steps_short': f'{steps_to_agree(0.95, TOLERANCE, 0):,}',
      'default': f'{100 * (plain / hat - 1):.1f}%',
      'half': f'{EPS * magnification(1, B2):.1e}',
  }


def main(argv: Sequence[str] | None = None) -> None:
  """Draws the figures and writes the table and the numbers."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--out', type=pathlib.Path, default='docs/_generated')
  out = parser.parse_args(argv).out
  out.mkdir(parents=True, exist_ok=True)
  with plt.rc_context(RC):
    for draw in (draw_magnification, draw_first_update):
      figure, axis = plt.subplots(figsize=(5.4, 3.6), layout='constrained')
      draw(axis)
      name = draw.__name__.removeprefix('draw_')
      # No date, so that the file depends on the figure alone.
      figure.savefig(out / f'{name}.svg', metadata={'Date': None})
      plt.close(figure)
  (out / 'steps_to_agree.md').write_text(steps_table() + '\n', 'utf-8')
  (out / 'epsilons.json').write_text(json.dumps(numbers(), indent=2), 'utf-8')
  print(steps_table(), json.dumps(numbers(), indent=2), sep='\n\n')


if __name__ == '__main__':
  main()
