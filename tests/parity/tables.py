"""Renders the tables of the porting guide, and reads them back."""

import importlib.metadata
import inspect
import pathlib
import re

import optax

from docs import pages
from tests.parity import frameworks
from tests.parity import rows

PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'porting.md'


def number(value):
  """Formats a figure: two digits and a short exponent."""
  mantissa, exponent = f'{value:.1e}'.split('e')
  return f'{mantissa}e{int(exponent)}'


def _code(text):
  return '<br>'.join(f'`{line}`' for line in text.splitlines())


def calls(row):
  """Returns the two cells that hold a row's calls."""
  call = _code(row.call)
  if row.each_step:
    call += f'<br>and before each step<br>{_code(row.each_step)}'
  return call, _code(row.optax)


def _worst(figures, **keys):
  return max(
      f.deviation
      for f in figures
      if all(getattr(f, key) == value for key, value in keys.items())
  )


def _least_other(figures, name):
  return min(f.other for f in figures if f.name == name)


def matches(head, table, figures):
  """Renders a table of calls that match.

  Args:
    head: Of the first column.
    table: The rows.
    figures: Of those rows, possibly on several backends.

  Returns:
    A Markdown table; a column for every backend and dtype, then one for the
    least that the other setting of the flag is off by.
  """
  backends = sorted({f.backend for f in figures})
  columns = [(b, d) for b in backends for d in ('float64', 'float32')]
  names = {'': '', 'jax': ', on JAX', 'tensorflow': ', on TensorFlow'}
  lines = [
      [
          *calls(row),
          *(
              number(_worst(figures, name=row.name, backend=b, dtype=d))
              for b, d in columns
          ),
          number(_least_other(figures, row.name)),
      ]
      for row in table
  ]
  heads = [d + names[b] for b, d in columns]
  return pages.table([head, 'optax', *heads, 'other setting'], lines)


def gaps(figures):
  """Renders the table of calls that do not match."""
  lines = [
      [*calls(row), number(_worst(figures, name=row.name))] for row in rows.GAPS
  ]
  return pages.table(['framework', 'optax', 'apart by'], lines)


def halves(figures):
  """Renders the table of half precision."""
  named = {row.name: row for row in rows.HALVES}
  lines = []
  for figure in figures:
    row = named[figure.name]
    setting = row.settings[figure.setting]
    betas = f'{setting.b1:g}, {setting.b2:.8g}'
    measured = number(figure.deviation), number(figure.other)
    lines.append([*calls(row), figure.dtype, betas, *measured])
  head = ['framework', 'optax', 'dtype', 'b1, b2', 'apart by', 'other setting']
  return pages.table(head, lines)


def _default(function, *names):
  parameters = inspect.signature(function).parameters
  for name in names:
    if name in parameters:
      value = parameters[name].default
      return '' if value in (None, inspect.Parameter.empty) else f'{value:g}'
  return ''


def defaults():
  """Renders the defaults, as the installed frameworks' signatures have them."""
  import tensorflow as tf  # pylint: disable=import-outside-toplevel
  import torch  # pylint: disable=import-outside-toplevel

  keras = frameworks.import_keras()
  named = {
      'tf.compat.v1.train.AdamOptimizer': tf.compat.v1.train.AdamOptimizer,
      'keras.optimizers.Adam': keras.optimizers.Adam,
      'keras.optimizers.AdamW': keras.optimizers.AdamW,
      'keras.optimizers.Nadam': keras.optimizers.Nadam,
      'keras.optimizers.Lamb': keras.optimizers.Lamb,
      'torch.optim.Adam': torch.optim.Adam,
      'torch.optim.AdamW': torch.optim.AdamW,
      'torch.optim.NAdam': torch.optim.NAdam,
      'optax.adam': optax.adam,
      'optax.adamw': optax.adamw,
      'optax.amsgrad': optax.amsgrad,
      'optax.lamb': optax.lamb,
  }
  lines = [
      [
          f'`{name}`',
          _default(function, 'learning_rate', 'lr') or 'none, must be given',
          _default(function, 'epsilon', 'eps'),
          _default(function, 'weight_decay') or 'none',
      ]
      for name, function in named.items()
  ]
  head = ['optimizer', 'learning rate', 'epsilon', 'weight decay']
  return pages.table(head, lines)


def versions():
  """Names the releases that the figures were measured with."""
  names = ('jax', 'keras', 'optax', 'tensorflow', 'torch')
  found = [f'{name} {importlib.metadata.version(name)}' for name in names]
  return f'Measured with {", ".join(found)}.'


def read_calls(page, name):
  """Returns the first two cells of every line of a table of the page."""
  text = pages.read(page, name)
  lines = [line.strip('| ').split(' | ') for line in text.splitlines()]
  return [tuple(cells[:2]) for cells in lines[2:]]


def read_code(page, name):
  """Returns the text of a code block of the page that a comment names."""
  pattern = f'<!-- code:{name} -->\n```python\n(.*?)```'
  (text,) = re.findall(pattern, page, flags=re.DOTALL)
  return text
