"""Draws the figure of docs/two_epsilons.md: python docs/figures.py."""

import pathlib

import jax.numpy as jnp
from matplotlib import pyplot as plt
import numpy as np
import optax

EPS, B2 = 1e-5, 0.999
STYLE = {
    'axes.grid': True,
    'font.size': 11,
    'grid.color': '0.85',
    'legend.framealpha': 1,
    'savefig.facecolor': 'white',  # Legible on a dark page too.
    'svg.hashsalt': 'optax',  # The same file every time.
}


def draw(axis):
  """Draws the first update over the gradient, for both settings."""
  sizes, marks = np.geomspace(1e-8, 1e-1, 100), jnp.geomspace(1e-8, 1e-1, 15)
  for flag, eps, line, mark, label, eps_label in (
      (False, EPS, 'k-', 'o', 'Algorithm 1', 'eps'),
      (True, EPS / (1 - B2) ** 0.5, 'k--', 'D', 'tf_style=True', '31.6 eps'),
  ):
    axis.loglog(sizes, sizes / (sizes + eps), line)
    solver = optax.scale_by_adam(b2=B2, eps=EPS, epsilon_hat=flag)
    updates, _ = solver.update(marks, solver.init(marks))
    axis.plot(marks, updates, 'k' + mark, markerfacecolor='white')
    axis.plot([], [], line + mark, markerfacecolor='white', label=label)
    axis.axvline(eps, color='0.45', linestyle=':')
    axis.text(eps * 1.2, 2e-4, eps_label, rotation=90, va='bottom')
  axis.set(ylim=(1e-5, 2), xlabel='size of the gradient')
  axis.set_ylabel('first update, in learning rates')
  axis.legend(loc='lower right')


if __name__ == '__main__':
  with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(5.4, 3.6), layout='constrained')
    draw(axes)
    path = pathlib.Path(__file__).parent / '_static' / 'first_update.svg'
    figure.savefig(path, metadata={'Date': None})
