"""Renders what the porting guide and the page of figures show."""

import importlib.metadata
import inspect
import re

import optax

from docs import pages
from tests.parity import drift
from tests.parity import frameworks
from tests.parity import rows

GUIDE = rows.GUIDE
FIGURES = rows.ROOT / 'docs' / 'deviations.md'


def number(value):
  """Formats a figure: two digits and a short exponent."""
  if not value:
    return 'exact'
  mantissa, exponent = f'{value:.1e}'.split('e')
  return f'{mantissa}e{int(exponent)}'


def blank(text):
  """Returns the text with its figures left out."""
  return re.sub(r'(?<![\w.])(\d\.\de-?\d+|exact)(?!\w)', '#', text)


def _of(figures, row, **keys):
  """Returns the figures of a row that have the given properties."""
  return [
      f
      for f in figures
      if f.name == row.name
      and all(getattr(f, key) == value for key, value in keys.items())
  ]


def _worst(figures, row, **keys):
  return max(_of(figures, row, **keys), key=lambda f: f.deviation)


def _in_guide(figures, row):
  """Returns a row's deviation as the guide gives it."""
  backend = 'jax' if row.framework == 'keras' else ''
  worst = _worst(figures, row, dtype='float64', backend=backend)
  return number(worst.deviation)


def _had(row):
  had = f'`{row.had}`'
  return f'{had} after `{row.each_step}`' if row.each_step else had


def matches(head, table, figures):
  """Renders a table of the guide: the rows that are no recipes."""
  lines = [
      [_had(row), f'`{row.write}`', _in_guide(figures, row)]
      for row in table
      if row.shown and not row.title
  ]
  return pages.table([head, 'what you write', 'apart by'], lines)


def with_recipes(page, table, figures):
  """Returns the guide with the deviations of its recipes put in."""
  for row in table:
    if row.title and row.shown:
      head, tail = page.split(f'\n### {row.title}\n')
      now = f'deviation of {_in_guide(figures, row)},'
      tail = re.sub(r'deviation of \S+,', now, tail, count=1)
      page = f'{head}\n### {row.title}\n{tail}'
  return page


def gaps(figures):
  """Renders the guide's table of calls that do not match."""
  named = dict(keras='Keras', kernel='TensorFlow', torch='PyTorch')
  lines = []
  for row in rows.GAPS:
    worst = _worst(figures, row)
    other = number(worst.other) if worst.other else ''
    had = f'{named[row.framework]} {_had(row)}'
    lines.append([had, f'`{row.write}`', number(worst.deviation), other])
  head = ['what you had', 'what does not match', 'apart by', 'other setting']
  return pages.table(head, lines)


def deviations(table, figures):
  """Renders a table of the page of figures, with what is allowed."""
  columns = list(dict.fromkeys((f.backend, f.dtype) for f in figures))
  lines = []
  for row in table:
    cells = [row.name]
    for backend, dtype in columns:
      worst = _worst(figures, row, backend=backend, dtype=dtype)
      cells.append(f'{number(worst.deviation)} of {number(worst.allowed)}')
    others = [f.other for f in _of(figures, row) if f.other is not None]
    cells.append(number(min(others)) if others else '')
    lines.append(cells)
  heads = [' on '.join(filter(None, column[::-1])) for column in columns]
  return pages.table(['row', *heads, 'other setting'], lines)


def halves(figures):
  """Renders the table of half precision."""
  named = {row.name: row for row in rows.HALVES}
  lines = []
  for figure in figures:
    setting = named[figure.name].settings[figure.setting]
    lines.append(
        [
            figure.name,
            figure.dtype,
            f'{setting.b1:g}, {setting.b2:.8g}',
            f'{number(figure.deviation)} of {number(figure.allowed)}',
            number(figure.other),
        ]
    )
  head = ['row', 'dtype', 'b1, b2', 'apart by', 'other setting']
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

  modules = {
      'tf.compat.v1.train.AdamOptimizer': tf.compat.v1.train,
      'keras Adam Nadam AdamW Lamb Lion': frameworks.import_keras().optimizers,
      'torch Adam NAdam AdamW': torch.optim,
      'optax adam amsgrad nadam adamw nadamw lamb lion': optax,
  }
  lines = []
  for names, module in modules.items():
    prefix, *names = names.replace('train.', 'train ').split()
    for name in names:
      function = getattr(module, name)
      decay = _default(function, 'weight_decay')
      lines.append(
          [
              f'`{prefix.removeprefix("tf.compat.v1.")}.{name}`',
              _default(function, 'learning_rate', 'lr'),
              _default(function, 'epsilon', 'eps'),
              decay if decay != '0' else '',
          ]
      )
  head = ['optimizer', 'learning rate', 'epsilon', 'weight decay']
  return pages.table(head, lines)


def versions():
  """Names the releases that the figures were measured with."""
  names = ('jax', 'keras', 'optax', 'tensorflow', 'torch')
  found = [f'{name} {importlib.metadata.version(name)}' for name in names]
  return f'Measured with {", ".join(found)}.'


def read_code(page, name):
  """Returns the text of a code block of the page that a comment names."""
  pattern = f'<!-- code:{name} -->\n```python\n(.*?)```'
  (text,) = re.findall(pattern, page, flags=re.DOTALL)
  return text


def drifts():
  """Renders how far two correct programs drift apart."""
  lines = [
      [f'{lr:g}', *(number(drift.drift(d, lr)) for d in ('float32', 'float64'))]
      for lr in drift.RATES
  ]
  return pages.table(['learning rate', 'float32', 'float64'], lines)


def fill_guide(page, tensorflow, keras, torch, gap_figures):
  """Returns the guide with its figures put in."""
  figures = {'TensorFlow': tensorflow, 'Keras': keras, 'PyTorch': torch}
  blocks = {
      'tensorflow': ('TensorFlow', rows.TENSORFLOW),
      'keras': ('Keras', rows.KERAS_ADAM),
      'keras-schedules': ('Keras', rows.KERAS_SCHEDULES),
      'keras-others': ('Keras', rows.KERAS_OTHERS),
      'torch': ('PyTorch', rows.TORCH_ADAM),
      'torch-schedules': ('PyTorch', rows.TORCH_SCHEDULES),
  }
  texts = {
      name: matches(head, table, figures[head])
      for name, (head, table) in blocks.items()
  }
  page = pages.fill(page, {**texts, 'gaps': gaps(gap_figures)})
  for table, measured in zip(
      (rows.TENSORFLOW, rows.KERAS, rows.TORCH), figures.values(), strict=True
  ):
    page = with_recipes(page, table, measured)
  return page


def fill_figures(page, tensorflow, keras, torch, half_figures):
  """Returns the page of figures with its figures put in."""
  blocks = {
      'tensorflow': deviations(rows.TENSORFLOW, tensorflow),
      'keras': deviations(rows.KERAS, keras),
      'torch': deviations(rows.TORCH, torch),
      'halves': halves(half_figures),
  }
  return pages.fill(page, blocks)
