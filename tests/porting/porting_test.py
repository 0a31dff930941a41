"""Every row and recipe of the porting guide does what the page says.

The tests are read from docs/porting/*.md: to add one, add a row or a recipe
there, in a form that `pages.py` describes. Keras on JAX, and what is compared
with NumPy, always run. The other frameworks run with ALL=1.
"""

import os
import re

from absl.testing import absltest
from absl.testing import parameterized

from tests.porting import frameworks
from tests.porting import pages
from tests.porting import problem

MATCHES = 1e-10
MATCHES_ROUNDED = 1e-5
DIFFERS = 1e-3


def _without_flag(code):
  for flag in ('tf_style', 'epsilon_hat'):
    code = code.replace(f'{flag}=True', f'{flag}=False')
  return code


def _process(case):
  """Returns the process that runs the framework's code."""
  if 'import tensorflow' in case.theirs:
    return 'tensorflow'
  if case.framework in ('keras', 'text'):
    return 'jax'
  # The LLVM of TensorFlow and that of PyTorch's Triton clash in one process.
  return 'tensorflow' if case.framework.startswith('tf') else 'torch'


class _PagesTest(parameterized.TestCase):

  def _run_framework(self, case, process):
    """Returns the framework's trajectory, or skips the test."""
    if process != 'jax' and not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    try:
      return frameworks.run_in(process, case)
    except ModuleNotFoundError as error:
      self.skipTest(str(error))

  def _check_agrees(self, case, process):
    """Checks that both codes agree, and that they need the flag they have."""
    theirs = self._run_framework(case, process)
    # Keras on TensorFlow rounds, as the page says.
    on_tensorflow = case.framework == 'keras' and process == 'tensorflow'
    rounded = case.rounded or on_tensorflow
    self.assertLessEqual(
        problem.distance(theirs, frameworks.run_optax(case, case.ours)),
        MATCHES_ROUNDED if rounded else MATCHES,
        f'The two codes disagree.\n{case.describe()}',
    )
    without_flag = _without_flag(case.ours)
    if without_flag != case.ours:
      self.assertGreater(
          problem.distance(theirs, frameworks.run_optax(case, without_flag)),
          DIFFERS,
          f'The two codes agree without the flag too.\n{case.describe()}',
      )


_CASES = pages.read_all()


def _named(cases):
  return [(case.name, case) for case in cases]


class RowsTest(_PagesTest):

  @parameterized.named_parameters(_named(c for c in _CASES if c.kind == 'row'))
  def test_agrees(self, case):
    self._check_agrees(case, _process(case))

  @parameterized.named_parameters(
      _named(c for c in _CASES if c.kind == 'different')
  )
  def test_differs_by_the_printed_distance(self, case):
    theirs = self._run_framework(case, _process(case))
    distance = problem.distance(theirs, frameworks.run_optax(case, case.ours))
    message = f'The two codes agree.\n{case.describe()}'
    self.assertGreater(distance, DIFFERS, message)
    message = f'The last cell is not their distance.\n{case.describe()}'
    self.assertEqual(f'{distance:.0e}', f'{float(case.figure):.0e}', message)


class RecipesTest(_PagesTest):

  @parameterized.named_parameters(
      _named(c for c in _CASES if c.kind == 'recipe')
  )
  def test_agrees(self, case):
    self._check_agrees(case, _process(case))


def _on_tensorflow(case):
  """Returns a case of Keras on JAX for Keras on TensorFlow."""
  # There, Keras searches whole paths, as the page says.
  return case._replace(ours=case.ours.replace('names[-1:]', 'names'))


class KerasOnTensorFlowTest(_PagesTest):

  @parameterized.named_parameters(
      _named(
          _on_tensorflow(case)
          for case in _CASES
          if case.framework == 'keras'
          and case.kind in ('row', 'recipe')
          and _process(case) == 'jax'
          # Compiled by TensorFlow, cycles start early, as the page says.
          and 'cycle=True' not in case.theirs
      )
  )
  def test_agrees(self, case):
    self._check_agrees(case, 'tensorflow')


_SAME_IN_TF_KERAS = re.compile(
    'keras, (Clipping|Learning rate schedules|use_ema|exclude_from)'
)


def _in_tf_keras(case):
  """Returns a case of Keras 3 for tf_keras, changed as the page says."""
  first = 'jnp.where(count == 0, 1.0, 1 - momentum)'
  ours = case.ours.replace('names[-1:]', 'names').replace(first, '1 - momentum')
  theirs = case.theirs.replace('keras', 'tf_keras')
  return case._replace(
      framework='tf_keras', theirs=theirs, ours=ours, rounded=True
  )


class TfKerasTest(_PagesTest):

  @parameterized.named_parameters(
      _named(
          _in_tf_keras(case)
          for case in _CASES
          if _SAME_IN_TF_KERAS.match(case.name)
          and 'accumulation' not in case.name
      )
  )
  def test_agrees(self, case):
    self._check_agrees(case, 'tensorflow')


if __name__ == '__main__':
  absltest.main()
