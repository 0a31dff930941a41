"""Draws the figure of docs/two_epsilons.md: python docs/figures.py."""

import pathlib

import jax.numpy as jnp
from matplotlib import pyplot as plt
import numpy as np
import optax

EPS = 1e-5
B2 = 0.999
STYLE = {
    'axes.grid': True,
    'font.size': 11,
    'grid.color': '0.85',
    'legend.framealpha': 1,
    'savefig.facecolor': 'white',  # Legible on a dark page too.
    'svg.hashsalt': 'optax',  # The same file every time.
}


def draw_formula(axis, effective_eps, line, marker, label):
  """Draws the first updates of the formula."""
  sizes = np.geomspace(1e-8, 1e-1, 100)
  updates = sizes / (sizes + effective_eps)
  axis.loglog(sizes, updates, f'k{line}')
  # The legend shows the line with the marker of what optax computes.
  axis.plot([], [], f'k{line}{marker}', markerfacecolor='white', label=label)
  axis.axvline(effective_eps, color='0.45', linestyle=':')


def draw_optax(axis, tf_style, marker):
  """Draws the first updates that optax computes."""
  sizes = jnp.geomspace(1e-8, 1e-1, 15)
  adam = optax.scale_by_adam(b2=B2, eps=EPS, epsilon_hat=tf_style)
  state = adam.init(sizes)
  updates, _ = adam.update(sizes, state)
  axis.plot(sizes, updates, f'k{marker}', markerfacecolor='white')


def draw(axis):
  """Draws the first update over the gradient, for both settings."""
  effective_eps = EPS / (1 - B2) ** 0.5
  draw_formula(axis, EPS, '-', 'o', 'Algorithm 1')
  draw_optax(axis, False, 'o')
  draw_formula(axis, effective_eps, '--', 'D', 'tf_style=True')
  draw_optax(axis, True, 'D')
  axis.text(EPS * 1.2, 2e-4, 'eps', rotation=90, va='bottom')
  axis.text(effective_eps * 1.2, 2e-4, '31.6 eps', rotation=90, va='bottom')
  axis.set(ylim=(1e-5, 2), xlabel='size of the gradient')
  axis.set_ylabel('first update, in learning rates')
  axis.legend(loc='lower right')


def main():
  """Writes the figure."""
  with plt.rc_context(STYLE):
    figure, axis = plt.subplots(figsize=(5.4, 3.6), layout='constrained')
    draw(axis)
    path = pathlib.Path(__file__).parent / '_static' / 'first_update.svg'
    figure.savefig(path, metadata={'Date': None})


if __name__ == '__main__':
  main()
