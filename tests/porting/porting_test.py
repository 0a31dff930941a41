"""Every row and recipe of the porting guide does what the page says.

Keras on JAX, and what is compared with NumPy, always run. The other frameworks
run with ALL=1.
"""

import os
import re

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.porting import frameworks
from tests.porting import pages
from tests.porting import problem

MATCHES = 1e-10
MATCHES_ROUNDED = 1e-5
DIFFERS = 1e-3


def run_optax(case, code):
  """Returns the trajectory of what a case writes, each update under jit."""
  with jax.enable_x64(True):
    imported = dict(jax=jax, jnp=jnp, np=np, optax=optax)
    names = frameworks.define(case, code, imported if case.in_table else {})
    optimizer = names['optimizer']

    def apply(params, state, grads):
      updates, state = optimizer.update(grads, state, params)
      return optax.apply_updates(params, updates), state

    step = jax.jit(names.get('step', apply))
    averages = names.get('averages', lambda state: [])
    params = jax.tree.map(jnp.asarray, problem.params())
    state = optimizer.init(params)
    history = [jax.tree.leaves((params, averages(state)))]
    for grads in frameworks.gradients(case):
      params, state = step(params, state, grads)
      history.append(jax.tree.leaves((params, averages(state))))
    return [np.stack(values) for values in zip(*history, strict=True)]


def _flipped(code):
  for flag in ('tf_style', 'epsilon_hat'):
    code = code.replace(f'{flag}=True', f'{flag}=False')
  return code


def _process(case):
  if 'import tensorflow' in case.theirs:
    return 'tensorflow'
  if case.framework in ('keras', 'text'):
    return 'jax'
  # The LLVM of TensorFlow and that of PyTorch's Triton clash in one process.
  return 'tensorflow' if case.framework.startswith('tf') else 'torch'


class _PagesTest(parameterized.TestCase):

  def _check(self, case, process):
    if process != 'jax' and not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    codes = f'\n{case.place}\n{case.theirs}\n{case.ours}\n'
    theirs = frameworks.run_in(process, case)
    if isinstance(theirs, ModuleNotFoundError):
      self.skipTest(str(theirs))
    if isinstance(theirs, str):
      self.fail(f'{codes}{theirs}')
    distance = problem.distance(theirs, run_optax(case, case.ours))
    if case.kind == 'different':
      self.assertGreater(distance, DIFFERS, codes)
      self.assertEqual(float(f'{distance:.0e}'), float(case.figure), codes)
      return
    # Keras on TensorFlow rounds, as the page says.
    on_tensorflow = case.framework == 'keras' and process == 'tensorflow'
    rounded = case.rounded or on_tensorflow
    bound = MATCHES_ROUNDED if rounded else MATCHES
    self.assertLessEqual(distance, bound, codes)
    other = _flipped(case.ours)
    if other != case.ours:
      distance = problem.distance(theirs, run_optax(case, other))
      self.assertGreater(distance, DIFFERS, f'{codes}with the flag flipped')


_CASES = pages.read_all()
# On TensorFlow, Keras searches whole paths, as the page says.
_ON_TENSORFLOW = [
    case._replace(ours=case.ours.replace('names[-1:]', 'names'))
    for case in _CASES
    if case.framework == 'keras' and case.kind in ('row', 'recipe')
    and _process(case) == 'jax'
]


def _for_tf_keras(case):
  """Returns a case of Keras 3 for tf_keras, changed as the page says."""
  first = 'jnp.where(count == 0, 1.0, 1 - momentum)'
  ours = case.ours.replace('names[-1:]', 'names').replace(first, '1 - momentum')
  theirs = case.theirs.replace('keras', 'tf_keras')
  return case._replace(
      framework='tf_keras', theirs=theirs, ours=ours, rounded=True
  )


_SAME_IN_TF_KERAS = re.compile(
    'keras, (Clipping|Learning rate schedules|use_ema|exclude_from)'
)
_IN_TF_KERAS = [
    _for_tf_keras(case)
    for case in _CASES
    if _SAME_IN_TF_KERAS.match(case.name) and 'accumulation' not in case.name
]


def _named(cases):
  return [(case.name, case) for case in cases]


class TablesTest(_PagesTest):

  @parameterized.named_parameters(_named(c for c in _CASES if c.in_table))
  def test_calls(self, case):
    self._check(case, _process(case))


class BlocksTest(_PagesTest):

  @parameterized.named_parameters(_named(c for c in _CASES if not c.in_table))
  def test_codes(self, case):
    self._check(case, _process(case))


class KerasOnTensorFlowTest(_PagesTest):

  @parameterized.named_parameters(_named(_ON_TENSORFLOW))
  def test_codes(self, case):
    self._check(case, 'tensorflow')


class TfKerasTest(_PagesTest):

  @parameterized.named_parameters(_named(_IN_TF_KERAS))
  def test_codes(self, case):
    self._check(case, 'tensorflow')


if __name__ == '__main__':
  absltest.main()
