"""Runs the two codes of a case, in this process or in one of their own."""

import importlib
import os
import pathlib
import re
import sys
import traceback
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests import processes
from tests.docs import blocks
from tests.porting import problem
from tests.porting import rules
from tests.porting import training

# Pages import port.py as scripts do.
sys.path.append(str(pathlib.Path(__file__).parents[2] / 'porting'))

# The module to import, where it isn't the framework's name.
_MODULES = {
    'numpyro': 'numpyro.optim',
    'pyro': 'pyro.optim',
    'qiskit_algorithms': 'qiskit_algorithms.optimizers',
    'qml': 'pennylane',
    'sklearn': 'sklearn.neural_network',
    'tf': 'tensorflow',
    'thinc': 'thinc.api',
}


class CodeError(Exception):
  """A code of a case raised an error; the message has both."""


def run_in(process, case):
  """Returns the trajectory of the framework's code, run in a process.

  Raises a ModuleNotFoundError if the framework is not installed.
  """
  return processes.call_in(process, _explained, train_theirs, case)


def run_optax(case, code):
  """Returns the trajectory of code for optax on the gradients of a case."""
  return processes.call_in('jax', _explained, train_ours, case, code)


def _explained(run, case, *args):
  """Calls a function of a case. Raises a CodeError if a code raises."""
  try:
    return run(case, *args)
  except ModuleNotFoundError:
    raise
  except Exception:
    # The errors of some frameworks can't be sent to another process.
    error = traceback.format_exc()
    raise CodeError(f'{case.describe()}\n{error}') from None


def train_ours(case, code, **names):
  """Returns the trajectory of code for optax, which may use some names."""
  if case.in_table:
    names |= dict(jax=jax, jnp=jnp, np=np, optax=optax)
  with jax.enable_x64(True):
    names = define(case, code, names)
    return training.train(
        names['optimizer'],
        problem.params(),
        gradients(case),
        step=names.get('step'),
        averages=names.get('averages'),
    )


def define(case, code, names):
  """Runs a code of a case and returns the names that it defines."""
  return blocks.run([(1, code)], case.place, names)


def define_theirs(case, params):
  """Runs the framework's code and returns the names that it defines."""
  known = {'params': params}
  if case.framework == 'text':
    known |= rules.NAMES
    with mock.patch.dict(sys.modules, rules.MODULES):
      return define(case, case.theirs, known)
  if case.in_table:
    module = _MODULES.get(case.framework, case.framework)
    importlib.import_module(module)
    known |= {case.framework: sys.modules[module.partition('.')[0]], 'np': np}
  return define(case, case.theirs, known)


def _trajectory(step, read, grads):
  """Returns each parameter at every step, the start first.

  Args:
    step: Makes an update with a list of gradients.
    read: Returns the parameters, a list of arrays.
    grads: Trees of gradients, one for each step.
  """
  history = [read()]
  for tree in grads:
    step(jax.tree.leaves(tree))
    history.append(read())
  return problem.stack(history)


def keras_step(optimizer, variables):
  """Returns a compiled function that makes an update with a list of gradients.

  It scales the gradients first if the optimizer scales the loss, as Keras's
  training loop does.

  Args:
    optimizer: A Keras 3 optimizer that is built for the variables.
    variables: A list of Keras variables.
  """
  import keras  # pylint: disable=import-outside-toplevel

  def scaled(grads):
    return [optimizer.scale_loss(g) for g in grads]

  if keras.backend.backend() == 'tensorflow':
    import tensorflow as tf  # pylint: disable=import-outside-toplevel

    compiled = tf.function(lambda grads: optimizer.apply(scaled(grads)))
    return lambda grads: compiled([tf.constant(g) for g in grads])

  @jax.jit
  def compute(params, state, grads):
    known = list(zip(optimizer.variables, state, strict=True))
    with keras.StatelessScope(state_mapping=known):
      grads = scaled(grads)
    return optimizer.stateless_apply(state, grads, params)

  def step(grads):
    params = [v.value for v in variables]
    state = [v.value for v in optimizer.variables]
    params, state = compute(params, state, grads)
    assigned = [*variables, *optimizer.variables]
    for variable, value in zip(assigned, params + state, strict=True):
      variable.assign(value)

  return step


def train_keras(optimizer, variables, grads, step=None, averages=list):
  """Returns Keras variables at every step, the start first.

  Args:
    optimizer: A Keras 3 optimizer that is built for the variables.
    variables: A list of Keras variables.
    grads: Trees of gradients, one for each step.
    step: A function of a list of gradients that makes an update. By default,
      it uses the optimizer.
    averages: A function that returns more variables to read at every step.
  """
  import keras  # pylint: disable=import-outside-toplevel

  def read():
    return [keras.ops.convert_to_numpy(v) for v in [*variables, *averages()]]

  return _trajectory(step or keras_step(optimizer, variables), read, grads)


def keras_variables(start):
  """Returns variables with the names of the problem's parameters."""
  import keras  # pylint: disable=import-outside-toplevel

  variables = []
  for path, value in zip(problem.names(), start, strict=True):
    layer, name = os.path.split(path)
    with keras.name_scope(layer or 'model'):
      variables.append(keras.Variable(value, name=name))
  return variables


def _run_keras(case, start, grads):
  import keras  # pylint: disable=import-outside-toplevel

  keras.config.set_floatx('float64')
  names = define_theirs(case, [])
  variables = keras_variables(start)
  optimizer = names['optimizer']
  optimizer.build(variables)
  more = {key: names[key] for key in ('step', 'averages') if key in names}
  return train_keras(optimizer, variables, grads, **more)


def _run_tensorflow(case, start, grads):
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  if case.framework == 'tf_keras':
    import tf_keras  # pylint: disable=import-outside-toplevel

    tf_keras.backend.set_floatx('float64')
  named = zip(start, problem.names(), strict=True)
  variables = [tf.Variable(value, name=name) for value, name in named]
  t = tf.compat.v1.train.get_or_create_global_step()
  t.assign(0)
  names = define_theirs(case, variables)
  optimizer = names['optimizer']

  def apply(grads):
    # TensorFlow 1's optimizers advance the step of a schedule.
    advanced = {} if hasattr(optimizer, 'iterations') else {'global_step': t}
    pairs = zip(grads, variables, strict=True)
    optimizer.apply_gradients(pairs, **advanced)

  step = names.get('step', apply)
  averages = names.get('averages', list)
  return _trajectory(
      lambda grads: step([tf.constant(g) for g in grads]),
      lambda: [v.numpy() for v in [*variables, *averages()]],
      grads,
  )


def _run_torch(case, start, grads):
  import torch  # pylint: disable=import-outside-toplevel

  params = [torch.nn.Parameter(torch.tensor(value)) for value in start]
  names = define_theirs(case, params)
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

  def read():
    tensors = [*params, *averages()]
    return [tensor.detach().numpy().copy() for tensor in tensors]

  averages = names.get('averages', list)
  return _trajectory(step, read, grads)


def _run_numpy(case, start, grads):
  """Runs an optimizer that updates arrays in place."""
  # Thinc's optimizers only accept float32.
  dtype = np.float32 if case.framework == 'thinc' else np.float64
  params = [np.array(value, dtype) for value in start]
  names = define_theirs(case, params)
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
    # The estimator does the same when it is fitted.
    optimizers = names['sklearn'].neural_network._stochastic_optimizers  # pylint: disable=protected-access
    optimizer = optimizers.AdamOptimizer(
        params, optimizer.learning_rate_init, optimizer.beta_1,
        optimizer.beta_2, optimizer.epsilon,
    )
  return _trajectory(
      names.get('step', apply), lambda: [np.array(p) for p in params], grads
  )


def _run_numpyro(case, start, grads):
  optimizer = define_theirs(case, start)['optimizer']
  state = optimizer.init(start)

  def step(grads):
    nonlocal state
    state = optimizer.update(grads, state)

  return _trajectory(step, lambda: optimizer.get_params(state), grads)


def _run_pennylane(case, start, grads):
  import pennylane  # pylint: disable=import-outside-toplevel

  params = [pennylane.numpy.array(v, requires_grad=True) for v in start]
  optimizer = define_theirs(case, params)['optimizer']

  def step(grads):
    params[:] = optimizer.apply_grad(grads, params)

  return _trajectory(step, lambda: list(params), grads)


def _run_qiskit(case, start, grads):
  """Runs an optimizer that has its own loop and moves one flat array."""
  optimizer = define_theirs(case, start)['optimizer']
  remaining = iter(grads)
  history = []

  def flatten(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])

  def gradient(params):
    history.append(params)
    return flatten(next(remaining))

  end = optimizer.minimize(lambda params: 0.0, flatten(start), jac=gradient)
  stacked = np.stack([*history, end.x])
  ends = np.cumsum([value.size for value in start])[:-1]
  columns = np.split(stacked, ends, axis=1)
  return [c.reshape(-1, *v.shape) for c, v in zip(columns, start, strict=True)]


_RUNNERS = {
    'keras': _run_keras,
    'numpyro': _run_numpyro,
    'pyro': _run_torch,
    'qiskit_algorithms': _run_qiskit,
    'qml': _run_pennylane,
    'tf': _run_tensorflow,
    'tf_keras': _run_tensorflow,
    'torch': _run_torch,
}


def gradients(case):
  """Returns the gradients of a case; some overflow or are clipped."""
  is_scaled = re.search(r'(LossScaleOptimizer|GradScaler)\(', case.theirs)
  is_clipped = 'clip_by_global_norm(1.0)' in case.ours
  return problem.gradients(bool(is_scaled), is_clipped)


def train_theirs(case):
  """Returns the trajectory of the framework's code."""
  run = _RUNNERS.get(case.framework, _run_numpy)
  start = jax.tree.leaves(problem.params())
  return run(case, start, gradients(case))
