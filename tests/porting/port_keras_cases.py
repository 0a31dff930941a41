"""The code that port.py prints makes the updates of Keras's optimizers on JAX.

`own_process_test.py` runs these tests, with more random optimizers and
every row of the guide's page if ALL=1.
"""

import os
import re
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax

os.environ['KERAS_BACKEND'] = 'jax'

# pylint: disable=wrong-import-position
import keras

from porting import port
from tests import processes
from tests.porting import keras_draws
from tests.porting import pages
from tests.porting import problem
from tests.porting import runners
from tests.porting import training

# Why a random optimizer may be refused. Add a reason, or translate it.
REFUSED = (
    'weight_decay of Lamb',  # It has no recipe.
    'too short to check',  # PolynomialDecay with a power below 1 is NaN soon.
    'infinite or NaN',  # A decay above 1.
)


def distance(draw, code):
  """Returns how far apart a random optimizer and its code end."""
  steps = max(250, 2 * draw.period + 1)
  nan = re.search(r'NaN from step (\d+)', code.replace('\n# ', ' '))
  if nan:
    steps = min(steps, int(nan[1]))
  gradients = keras_draws.gradients(steps, overflows=draw.scaled)
  start = list(keras_draws.STARTS.values())
  with jax.enable_x64(True), mock.patch.dict(os.environ):
    keras.config.set_floatx('float64')
    params = keras_draws.variables(keras, 'float64')
    by_step = zip(*gradients, strict=True)
    theirs = runners.train_keras(draw.create(params), params, by_step)
    keras.config.set_floatx('float32')
  ours = training.train_optax(code, start, gradients)
  return problem.distance(theirs, ours)


class RandomTest(absltest.TestCase):
  """All settings at once, on gradients that port.py did not see."""

  def test_code_agrees_or_is_refused_for_a_listed_reason(self):
    seeds = range(80 if os.environ.get('ALL') else 50)
    refused = 0
    for seed in seeds:
      draw = keras_draws.Keras(keras, seed)
      with self.subTest(repr(draw)):
        try:
          code = port.to_optax(draw.create(keras_draws.variables(keras)))
        except ValueError as error:
          refused += 1
          self.assertRegex(str(error), '|'.join(REFUSED))
          continue
        # Rounding shows if the parameters hardly move.
        bound = 1e-8 if 'to 1e-10' in code.replace('\n# ', ' ') else 1e-5
        self.assertLess(distance(draw, code), bound, code)
    self.assertLessEqual(refused, len(seeds) / 4)


def _rows():
  """Returns the rows and recipes of Keras on JAX that are one optimizer."""
  cases = [
      case for case in pages.read('keras')
      if case.framework == 'keras' and case.kind != 'different'
      and 'def step' not in case.theirs and 'tensorflow' not in case.theirs
  ]
  return [(case.name, case) for case in cases]


@processes.only_all
class RowsTest(parameterized.TestCase):
  """What the guide translates by hand."""

  def setUp(self):
    super().setUp()
    self.addCleanup(keras.config.set_floatx, keras.config.floatx())

  @parameterized.named_parameters(_rows())
  def test_code_passes_the_check_of_the_page(self, case):
    names = runners.define(case, case.theirs, {'keras': keras})
    optimizer = names['optimizer']
    start = jax.tree.leaves(problem.params())
    optimizer.build(runners.keras_variables(start))
    try:
      code = port.to_optax(optimizer)
    except ValueError as error:
      # The page's own LearningRateSchedule.
      self.assertIn('Transformer', str(error))
      return
    to_params = jax.tree.structure(problem.params()).unflatten
    ours = runners.train_ours(case, code, to_params=to_params)
    with jax.enable_x64(True):
      theirs = runners.train_theirs(case)
    # Some rows compare averages as well.
    theirs = theirs[: len(ours)]
    bound = 1e-5 if case.rounded else 1e-10
    self.assertLessEqual(problem.distance(theirs, ours), bound, code)


if __name__ == '__main__':
  absltest.main()
