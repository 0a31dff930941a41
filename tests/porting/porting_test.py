"""Every row, recipe and block of the porting guide does what the page says.

Keras on JAX, and what is compared with NumPy, always run. The other frameworks
run with ALL=1.
"""

import functools
import importlib.util
import os

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

_MODULES = {'tf': 'tensorflow'}
_QUICK = ('', 'keras', 'text')


def run_optax(case, code):
  """Returns the trajectory of what a case writes, each update under jit."""
  with jax.enable_x64(True):
    row = case.kind != 'recipe'
    imported = dict(jax=jax, jnp=jnp, np=np, optax=optax) if row else {}
    names = frameworks.define(case, code, imported)
    optimizer = names['optimizer']

    def apply(params, state, grads):
      updates, state = optimizer.update(grads, state, params)
      return optax.apply_updates(params, updates), state

    step = jax.jit(names.get('step', apply))
    params = jax.tree.map(jnp.asarray, problem.params())
    state = optimizer.init(params)
    history = [params]
    for grads in frameworks.gradients(case):
      params, state = step(params, state, grads)
      history.append(params)
    leaves = zip(*map(jax.tree.leaves, history), strict=True)
    return [np.stack(list(map(np.asarray, values))) for values in leaves]


def _flipped(code):
  for flag in ('tf_style', 'epsilon_hat'):
    code = code.replace(f'{flag}=True', f'{flag}=False')
  return code


def _process(case):
  return 'jax' if case.framework in _QUICK else 'others'


def _installed(framework):
  if framework in ('', 'text'):
    return True
  return importlib.util.find_spec(_MODULES.get(framework, framework))


def _named(cases):
  return [(case.name, case) for case in cases]


class _PagesTest(parameterized.TestCase):
  """Runs what the cases of a class had in one process for each backend."""

  cases = ()

  @classmethod
  @functools.cache
  def _results(cls, process):
    """Returns what came of the cases that a process runs, by their names."""
    cases = [
        case
        for case in cls.cases
        if process in ('tensorflow', _process(case))
        and _installed(case.framework)
    ]
    results = frameworks.run_all(process, cases)
    return {case.name: result for case, result in zip(cases, results)}

  def _run(self, case, process):
    """Returns the trajectory of what a case had."""
    if process != 'jax' and not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    for framework in ('tf', case.framework):
      needed = framework == case.framework or process == 'tensorflow'
      if needed and not _installed(framework):
        self.skipTest(f'{framework} is not installed')
    result = self._results(process)[case.name]
    if isinstance(result, str):
      self.fail(f'\n{case.name}\n{case.theirs}\n{result}')
    return [np.array(leaf) for leaf in result]

  def _check(self, case, process):
    theirs = self._run(case, process)
    if case.kind == 'block':
      return
    codes = f'\n{case.name}\n{case.theirs}\n{case.ours}\n'
    distance = problem.distance(theirs, run_optax(case, case.ours))
    if case.kind == 'different':
      self.assertGreater(distance, DIFFERS, codes)
      self.assertEqual(float(f'{distance:.0e}'), float(case.figure), codes)
      return
    rounded = case.rounded or process == 'tensorflow'
    self.assertLessEqual(
        distance, MATCHES_ROUNDED if rounded else MATCHES, codes
    )
    other = _flipped(case.ours)
    if other != case.ours:
      distance = problem.distance(theirs, run_optax(case, other))
      self.assertGreater(distance, DIFFERS, f'{codes}with the flag flipped')


_CASES = pages.read_all()
_IN_TABLES = [case for case in _CASES if case.kind in ('row', 'different')]
_IN_BLOCKS = [case for case in _CASES if case not in _IN_TABLES]
# On TensorFlow, Keras searches the whole path for what it doesn't decay.
_KERAS = [
    case._replace(ours=case.ours.replace('path[-1:]', 'path'))
    for case in _CASES
    if case.framework == 'keras' and case.kind in ('row', 'recipe')
]


class TablesTest(_PagesTest):

  cases = _IN_TABLES

  @parameterized.named_parameters(_named(cases))
  def test_calls(self, case):
    self._check(case, _process(case))


class BlocksTest(_PagesTest):

  cases = _IN_BLOCKS

  @parameterized.named_parameters(_named(cases))
  def test_codes(self, case):
    self._check(case, _process(case))


class KerasOnTensorFlowTest(_PagesTest):
  """There Keras rounds its decay rates to float32."""

  cases = _KERAS

  @parameterized.named_parameters(_named(cases))
  def test_codes(self, case):
    self._check(case, 'tensorflow')


if __name__ == '__main__':
  absltest.main()
