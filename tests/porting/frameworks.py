"""Runs what you had, on the problem, in a process of its own for each backend.

Keras's backend and JAX's precision are fixed once per process. A process reads
cases as JSON from its input and writes what came of each to a file: for each
parameter its value at every step, or a traceback.
"""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback
from unittest import mock

import jax
import numpy as np

from tests.porting import pages
from tests.porting import problem
from tests.porting import rules

# The backend that Keras has in each process.
PROCESSES = {'jax': 'jax', 'tensorflow': 'tensorflow', 'others': 'tensorflow'}

_MODULES = {
    'pyro': 'pyro.optim',
    'sklearn': 'sklearn.neural_network',
    'tf': 'tensorflow',
    'thinc': 'thinc.api',
}


def run_all(process, cases):
  """Returns the trajectories of cases, or tracebacks, in a new process."""
  environment = {
      **os.environ,
      'KERAS_BACKEND': PROCESSES[process],
      'JAX_ENABLE_X64': '1',
      'TF_CPP_MIN_LOG_LEVEL': '3',
      'TF_ENABLE_ONEDNN_OPTS': '0',
  }
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'results.json')
    subprocess.run(
        [sys.executable, '-m', 'tests.porting.frameworks', str(path)],
        input=json.dumps(cases),
        env=environment,
        cwd=pages.FOLDER.parents[1],
        check=True,
        text=True,
    )
    return json.loads(path.read_text('utf-8'))


def define(case, code, names):
  """Returns the names that a code of a case leaves behind."""
  if case.kind in ('row', 'different'):
    code = f'optimizer = {code}'
  names = dict(names, __name__='__page__')
  exec(compile(code, f'{case.page}.md:{case.line}', 'exec'), names)  # pylint: disable=exec-used
  return names


def _imported(case):
  """Returns what a row of a table may name without importing it."""
  if case.kind not in ('row', 'different'):
    return {}
  if case.framework == 'text':
    return rules.NAMES
  module = _MODULES.get(case.framework, case.framework)
  importlib.import_module(module)
  names = {case.framework: sys.modules[module.partition('.')[0]], 'np': np}
  if case.framework == 'pyro':
    names['torch'] = importlib.import_module('torch')
  return names


def _trajectory(step, read, grads):
  """Returns each parameter at every step, the start first."""
  history = [read()]
  for tree in grads:
    step(jax.tree.leaves(tree))
    history.append(read())
  return [np.stack(values) for values in zip(*history, strict=True)]


def _run_keras(case, start, grads):
  import keras  # pylint: disable=import-outside-toplevel

  keras.config.set_floatx('float64')
  variables = []
  for path, value in zip(problem.names(), start, strict=True):
    *scopes, name = path.split('/')
    with keras.name_scope(scopes[0] if scopes else 'model'):
      variables.append(keras.Variable(value, dtype='float64', name=name))
  names = define(case, case.theirs, {**_imported(case), 'params': variables})
  optimizer = names['optimizer']
  optimizer.build(variables)
  values = [v.value for v in variables]
  if 'step' in names or keras.backend.backend() != 'jax':
    def apply(grads):
      optimizer.apply([optimizer.scale_loss(g) for g in grads])

    step = names.get('step', apply)

    def read():
      return [keras.ops.convert_to_numpy(v) for v in variables]

    return _trajectory(step, read, grads)

  @jax.jit
  def compiled(state, grads, values):
    # As Keras's training loop does, for an optimizer that scales the loss.
    scaled = [optimizer.scale_loss(g) for g in grads]
    return optimizer.stateless_apply(state, scaled, values)

  state = [v.value for v in optimizer.variables]

  def stateless(grads):
    nonlocal values, state
    values, state = compiled(state, grads, values)

  return _trajectory(stateless, lambda: list(map(np.asarray, values)), grads)


def _run_tensorflow(case, start, grads):
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  if case.framework == 'tf_keras':
    import tf_keras  # pylint: disable=import-outside-toplevel

    tf_keras.backend.set_floatx('float64')
  variables = [
      tf.Variable(value, name=path.split('/')[-1])
      for path, value in zip(problem.names(), start, strict=True)
  ]
  t = tf.compat.v1.train.get_or_create_global_step()
  t.assign(0)
  names = define(case, case.theirs, {**_imported(case), 'params': variables})
  optimizer = names['optimizer']

  def apply(grads):
    pairs = zip(grads, variables, strict=True)
    # TensorFlow 1's optimizers advance the step of a schedule.
    advanced = {} if hasattr(optimizer, 'iterations') else {'global_step': t}
    optimizer.apply_gradients(pairs, **advanced)

  step = names.get('step', apply)
  return _trajectory(
      lambda grads: step([tf.constant(g) for g in grads]),
      lambda: [v.numpy() for v in variables],
      grads,
  )


def _run_torch(case, start, grads):
  import torch  # pylint: disable=import-outside-toplevel

  params = [torch.nn.Parameter(torch.tensor(value)) for value in start]
  names = define(case, case.theirs, {**_imported(case), 'params': params})
  optimizer = names['optimizer']
  # A row may be a scheduler, around its optimizer.
  scheduler = names.get('scheduler')
  if isinstance(optimizer, torch.optim.lr_scheduler.LRScheduler):
    optimizer, scheduler = optimizer.optimizer, optimizer

  def apply(grads):
    del grads
    # Pyro's optimizers are functions of parameters.
    optimizer(params) if case.framework == 'pyro' else optimizer.step()
    if scheduler:
      scheduler.step()

  def step(grads):
    grads = [torch.tensor(g) for g in grads]
    for param, grad in zip(params, grads, strict=True):
      param.grad = grad.clone()
    names.get('step', apply)(grads)

  return _trajectory(
      step, lambda: [p.detach().numpy().copy() for p in params], grads
  )


def _run_numpy(case, start, grads):
  """Runs an optimizer that updates arrays in place."""
  # Thinc's optimizers only accept float32.
  dtype = np.float32 if case.framework == 'thinc' else np.float64
  params = [np.array(value, dtype) for value in start]
  imported = {**_imported(case), 'params': params}
  with mock.patch.dict(sys.modules, rules.MODULES):
    names = define(case, case.theirs, imported)
  optimizer = names['optimizer']

  def apply(grads):
    if case.framework == 'sklearn':
      optimizer.update_params(params, grads)
    elif case.framework == 'thinc':
      for i, grad in enumerate(grads):
        weights, grad = np.atleast_1d(params[i], np.float32(grad))
        weights, _ = optimizer((0, str(i)), weights, grad)
        params[i] = weights.reshape(params[i].shape)
    else:
      optimizer.update(params, grads, problem.names())

  if case.framework == 'sklearn':
    optimizer = _sklearn_solver(optimizer, params)
  return _trajectory(
      names.get('step', apply), lambda: [np.array(p) for p in params], grads
  )


def _sklearn_solver(estimator, params):
  """Returns the optimizer that an estimator makes when it is fitted."""
  # pylint: disable=import-outside-toplevel
  from sklearn.neural_network import _stochastic_optimizers

  return _stochastic_optimizers.AdamOptimizer(
      params,
      estimator.learning_rate_init,
      estimator.beta_1,
      estimator.beta_2,
      estimator.epsilon,
  )


_RUNNERS = {
    'keras': _run_keras,
    'pyro': _run_torch,
    'sklearn': _run_numpy,
    'text': _run_numpy,
    'tf': _run_tensorflow,
    'tf_keras': _run_tensorflow,
    'thinc': _run_numpy,
    'torch': _run_torch,
}


def gradients(case):
  """Returns the gradients of a case; those of loss scaling overflow."""
  return problem.gradients(overflows='apply_if_finite' in case.ours)


def run(case):
  """Returns the trajectory of what a case had; an empty one of a block."""
  if case.kind == 'block':
    define(case, case.theirs, {})
    return []
  start = jax.tree.leaves(problem.params())
  return _RUNNERS[case.framework](case, start, gradients(case))


def _result(case):
  try:
    return [leaf.tolist() for leaf in run(case)]
  except Exception:  # pylint: disable=broad-exception-caught
    return traceback.format_exc()


if __name__ == '__main__':
  results = [_result(pages.Case(*case)) for case in json.load(sys.stdin)]
  pathlib.Path(sys.argv[1]).write_text(json.dumps(results), 'utf-8')
