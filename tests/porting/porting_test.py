"""Every row and recipe of the porting guide does what the page says.

The tests are read from docs/porting/*.md: to add one, add a row or a recipe
there, in a form that `pages.py` describes. Keras on JAX, and what is compared
with NumPy, always run. The other frameworks run with ALL=1.
"""

import os
import re

from absl.testing import absltest
from absl.testing import parameterized

from tests.porting import pages
from tests.porting import problem
from tests.porting import runners

MATCHES = 1e-10
MATCHES_ROUNDED = 1e-5
DIFFERS = 1e-3


def _without_flag(code):
  for flag in ('tf_style', 'epsilon_hat'):
    code = code.replace(f'{flag}=True', f'{flag}=False')
  return code


def _printed(distance):
  """Returns a distance as the pages print it, such as 5e-2 or 1."""
  digit, exponent = f'{distance:.0e}'.split('e')
  return digit if int(exponent) == 0 else f'{digit}e{int(exponent)}'


def _process(case):
  """Returns the process that runs the framework's code."""
  if 'import tensorflow' in case.theirs:
    return 'tensorflow'
  if case.framework in ('keras', 'text'):
    return 'jax'
  # The LLVM of TensorFlow and that of PyTorch's Triton clash in one process.
  return 'tensorflow' if case.framework.startswith('tf') else 'torch'


class _PagesTest(parameterized.TestCase):

  def _distances(self, case, process, *codes):
    """Returns how far codes for optax end from the framework's code."""
    if process != 'jax' and not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    try:
      theirs = runners.run_in(process, case)
      ours = [runners.run_optax(case, code) for code in codes]
    except ModuleNotFoundError as error:
      self.skipTest(str(error))
    except runners.CodeError as error:
      failure = str(error)
    else:
      return [problem.distance(theirs, trajectory) for trajectory in ours]
    self.fail(f'One of the two codes fails.\n{failure}')

  def _check_agrees(self, case, process):
    """Checks that both codes agree, and that they need the flag they have."""
    codes = [case.ours]
    if _without_flag(case.ours) != case.ours:
      codes.append(_without_flag(case.ours))
    distance, *distances_without_flag = self._distances(case, process, *codes)
    # Keras on TensorFlow rounds, as the page says.
    on_tensorflow = case.framework == 'keras' and process == 'tensorflow'
    rounded = case.rounded or on_tensorflow
    self.assertLessEqual(
        distance,
        MATCHES_ROUNDED if rounded else MATCHES,
        'The two codes end this share of the distance traveled apart. Correct'
        ' one of them. If the framework rounds to float32, say so in the'
        f' paragraph above.\n{case.describe()}',
    )
    for distance_without_flag in distances_without_flag:
      self.assertGreater(
          distance_without_flag,
          DIFFERS,
          'The two codes agree without the flag too. Give both a larger'
          f' epsilon, such as 1e-5, or leave out the flag.\n{case.describe()}',
      )


_CASES = pages.read_all()


def _named(cases):
  return [(case.name, case) for case in cases]


class RowsAndRecipesTest(_PagesTest):

  @parameterized.named_parameters(
      _named(c for c in _CASES if c.kind in ('row', 'recipe'))
  )
  def test_agrees(self, case):
    self._check_agrees(case, _process(case))

  @parameterized.named_parameters(
      _named(c for c in _CASES if c.kind == 'different')
  )
  def test_differs_by_the_printed_distance(self, case):
    (distance,) = self._distances(case, _process(case), case.ours)
    message = 'The last cell is not the distance between the two codes.'
    self.assertEqual(
        case.figure, _printed(distance), f'{message}\n{case.describe()}'
    )
    message = 'The two codes agree, so this is not the table for them.'
    self.assertGreater(distance, DIFFERS, f'{message}\n{case.describe()}')


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
