"""Every row matches within its rounding, and in one setting of the flag only.

By default Keras on JAX, in float64 and with one setting a row; with ALL=1
everything, see `selection`.
"""

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
import numpy as np

from tests.parity import drift
from tests.parity import frameworks
from tests.parity import measure
from tests.parity import rounding
from tests.parity import rows
from tests.parity import selection

# By how much the other setting must miss what rounding allows.
MARGIN = 100


def _named(table, dtypes):
  """Returns the cases of a table, but for what only ALL=1 runs."""
  return [
      (f'{i:02}_{row.framework}_{row.name}_{dtype}', row, dtype)
      for i, row in enumerate(table)
      for dtype in dtypes
  ]


def _require(row):
  if row.framework != 'keras':
    selection.require('torch' if row.framework == 'torch' else 'tensorflow')


class RowsTest(parameterized.TestCase):

  def _check(self, figure):
    self.assertLessEqual(figure.deviation, figure.allowed)
    if figure.other is not None:
      self.assertGreaterEqual(figure.other, MARGIN * figure.allowed)

  @parameterized.named_parameters(*_named(rows.ROWS, selection.dtypes()))
  def test_matches_in_one_setting_of_the_flag_only(self, row, dtype):
    _require(row)
    for setting in selection.settings(row):
      with self.subTest(row.settings[setting]):
        self._check(measure.measure(row, dtype, setting))

  def test_keras_matches_on_its_tensorflow_backend(self):
    selection.require('tensorflow')
    figures = measure.measure_keras_on_tensorflow()
    self.assertEqual({f.backend for f in figures}, {'tensorflow'})
    self.assertCountEqual(
        [(f.name, f.dtype, f.setting) for f in figures],
        [
            (row.name, dtype, 0)
            for row in rows.KERAS
            for dtype in measure.DTYPES
        ],
    )
    for figure in figures:
      with self.subTest(f'{figure.name} {figure.dtype} {figure.setting}'):
        self._check(figure)

  @parameterized.named_parameters(*_named(rows.GAPS, ('float64',)))
  def test_a_gap_does_not_match(self, row, dtype):
    _require(row)
    for setting in selection.settings(row):
      with self.subTest(row.settings[setting]):
        figure = measure.measure(row, dtype, setting)
        self.assertGreaterEqual(figure.deviation, MARGIN * figure.allowed)

  def test_names_are_unique_in_a_framework(self):
    for table in (rows.TENSORFLOW, rows.KERAS, rows.TORCH, rows.GAPS):
      names = [row.name for row in table]
      self.assertLen(set(names), len(names))


class HalvesTest(parameterized.TestCase):

  @parameterized.named_parameters(
      (f'{row.framework}_{dtype}_{setting}', row, dtype, setting)
      for row in rows.HALVES
      for dtype, setting in rows.HALF_SETTINGS
  )
  def test_matches_within_its_rounding(self, row, dtype, setting):
    _require(row)
    figure = measure.measure(row, dtype, setting)
    self.assertLessEqual(figure.deviation, figure.allowed)
    self.assertGreaterEqual(figure.other, 2 * figure.deviation)

  def test_bfloat16_turns_a_b2_of_0999_into_1_and_keras_does_not_move(self):
    names = rows.HALVES[1].settings[0]._asdict()
    params, grads = measure.problem(jnp.dtype('bfloat16'), 1e-2, steps=10)
    history = frameworks.run_keras(
        rows.HALVES[1].theirs, params, grads, **names
    )
    self.assertEqual(measure.travel(history), 0)


class MeasureTest(parameterized.TestCase):

  def test_the_other_setting_is_the_same_call_otherwise(self):
    row = rows.KERAS[0]
    shared = 'optax.adam(lr, b1=b1, b2=b2, eps=eps, tf_style='
    self.assertEqual(row.ours, f'{shared}True)')
    self.assertEqual(row.other, f'{shared}False)')
    self.assertEqual(rows.TORCH[0].other, f'{shared}True)')
    for row in rows.ROWS:
      self.assertEqual(bool(row.other), row.flag, row.name)
      self.assertNotEqual(row.other, row.ours)

  def test_deviation_is_of_the_travel_and_over_the_whole_trajectory(self):
    reference = {'w': np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]])}
    other = {'w': np.array([[1.0, 0.0], [3.0, 0.5], [2.0, 0.0]])}
    self.assertEqual(measure.travel(reference), 2.0)
    self.assertEqual(measure.deviation(reference, other), 0.25)

  def test_refuses_other_dtypes_and_non_finite_values(self):
    ones = {'w': np.ones((2, 1), np.float32)}
    with self.assertRaisesRegex(ValueError, 'float64'):
      measure.deviation(ones, {'w': np.ones((2, 1))})
    with self.assertRaisesRegex(ValueError, 'finite'):
      measure.deviation(ones, {'w': np.full((2, 1), np.nan, np.float32)})

  def test_gradients_span_orders_of_magnitude_and_hold_zeros(self):
    for leaf in measure.stream(measure.STEPS, 'float64').values():
      flat = np.abs(leaf.reshape(len(leaf), -1))
      sizes = np.median(np.where(flat > 0, flat, np.nan), axis=0)
      self.assertGreater(np.nanmax(sizes) / np.nanmin(sizes), 1e10)
      zeros = np.mean(flat == 0, axis=0)
      self.assertEqual(np.max(zeros), 1.0)
      self.assertTrue(np.any((zeros > 0.2) & (zeros < 0.8)))

  def test_clipping_bounds_some_steps_only(self):
    grads = measure.stream(measure.STEPS, 'float64')
    bias, kernel = (
        np.sum(np.square(g.reshape(len(g), -1)), axis=1) for g in grads.values()
    )
    for squares in (bias + kernel, bias):
      clipped = np.mean(np.sqrt(squares) > rows.NAMES['norm'])
      self.assertBetween(clipped, 0.2, 0.9)


class DriftTest(parameterized.TestCase):

  def test_a_large_rate_magnifies_rounding_and_float64_tells(self):
    self.assertGreater(drift.drift('float32', 3e-2), 1e-4)
    self.assertLess(drift.drift('float64', 3e-2), 1e-8)


class RoundingTest(parameterized.TestCase):

  def _spread(self, text, dtype='float32', **kwargs):
    start = np.zeros([], dtype)
    grads = np.full([100], 0.1, dtype)
    return rounding.spread(text, start, grads, dict(lr=0.1), **kwargs)

  def test_sums_round_as_independent_errors_do(self):
    # A hundred steps of 1/100 to 1: each adds half a unit, evenly spread.
    ulp = float(jnp.finfo('float32').eps)
    errors = 0.01 * np.arange(1, 101) * ulp / 2
    deviation = np.sqrt(np.sum(errors**2) / 3)
    spread = self._spread('optax.sgd(lr)')
    self.assertBetween(spread / deviation, 0.5, 4)
    ratio = spread / self._spread('optax.sgd(lr)', 'float64')
    self.assertBetween(ratio / 2.0**29, 0.5, 2)

  def test_whole_numbers_do_not_round(self):
    grads = np.ones([100], 'float32')
    spread = rounding.spread(
        'optax.sgd(1.0)', np.zeros([], 'float32'), grads, {}
    )
    self.assertEqual(spread, 0)

  def test_a_hyperparameter_that_is_held_in_float32(self):
    spread = self._spread('optax.sgd(lr)', 'float64', held=('lr',))
    error = abs(float(np.float32(0.1)) - 0.1) * 0.1 * 100
    self.assertBetween(spread / error, 0.99, 1.01)


if __name__ == '__main__':
  absltest.main()
