"""Checks docs/frameworks.md: its table, its self-check and its scaled epsilon.

A row whose last cell begins with `run,` is a test. For a new package, add the
step to `STEPS`; for a name that can't be imported, add it to `IMPORTED`.
"""

import math
import pkgutil
from typing import NamedTuple

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
import numpy as np
import optax
import pytest

from tests.docs import blocks

PAGE = blocks.ROOT / 'docs' / 'frameworks.md'
# Names of the page that can't be imported as they are.
IMPORTED = {
    'tf.compat.v1.train.AdamOptimizer': (
        'tensorflow.compat.v1.train.AdamOptimizer'
    ),
    'sklearn.neural_network.MLPClassifier': (
        'sklearn.neural_network._stochastic_optimizers.AdamOptimizer'
    ),
}


# The factor that turns epsilon into the effective epsilon of the first step.
FACTORS = {'A': 1.0, 'H': 1 / math.sqrt(1 - 0.999)}


class Row(NamedTuple):
  """What the page says of an optimizer."""

  name: str
  form: str
  epsilon: float


def table():
  """Yields the rows of the table of optimizers, each a list of cells."""
  tokens = MarkdownIt().enable('table').parse(PAGE.read_text('utf-8'))
  for node in SyntaxTreeNode(tokens).walk():
    if node.type == 'tr':
      cells = [cell.children[0] for cell in node.children]
      if len(cells) == 4:
        yield cells


def rows():
  """Yields the optimizers that the page says were run."""
  for names, form, epsilon, checked in table():
    if not checked.content.lower().startswith('run,'):
      continue
    letter = form.content.partition(',')[0]  # A note may follow the form.
    for span in names.children:
      if span.type == 'code_inline':
        name = IMPORTED.get(span.content, span.content)
        yield Row(name, letter, float(epsilon.content))


def torch_step(optimizer, gradient, **eps):
  torch = pytest.importorskip('torch')
  param = torch.nn.Parameter(torch.zeros(1))
  grad = torch.full((1,), gradient)
  sparse = optimizer is torch.optim.SparseAdam
  param.grad = grad.to_sparse() if sparse else grad
  optimizer([param], lr=1.0, **eps).step()
  return param.detach().numpy()


def keras_step(optimizer, gradient, **epsilon):
  keras = pytest.importorskip('keras')
  variable = keras.Variable([0.0])
  optimizer(1.0, **epsilon).apply([keras.ops.full([1], gradient)], [variable])
  return keras.ops.convert_to_numpy(variable)


def tensorflow_step(optimizer, gradient, **epsilon):
  tf = pytest.importorskip('tensorflow')
  variable = tf.Variable([0.0])
  pairs = [(tf.constant([gradient]), variable)]
  optimizer(1.0, **epsilon).apply_gradients(pairs)
  return variable.numpy()


def sklearn_step(optimizer, gradient, **epsilon):
  params = [np.zeros(1)]
  grads = [np.full(1, gradient)]
  optimizer(params, 1.0, **epsilon).update_params(params, grads)
  return params[0]


def pennylane_step(optimizer, gradient, **eps):
  pennylane = pytest.importorskip('pennylane')
  param = pennylane.numpy.zeros(1, requires_grad=True)
  solver = optimizer(1.0, beta2=0.999, **eps)
  return solver.apply_grad([np.full(1, gradient)], [param])[0]


def qiskit_step(optimizer, gradient, **noise_factor):
  def gradient_of(params):
    return np.full_like(params, gradient)

  solver = optimizer(maxiter=1, lr=1.0, beta_2=0.999, **noise_factor)
  return solver.minimize(np.sum, np.zeros(1), gradient_of).x


def thinc_step(optimizer, gradient, **eps):
  param = np.zeros(1, np.float32)
  grad = np.full(1, gradient, np.float32)
  param, _ = optimizer(1.0, **eps)((0, 'weights'), param, grad)
  return param


def jax_step(optimizer, gradient, **eps):
  init, update, get_params = optimizer(1.0, **eps)
  state = update(0, jnp.full(1, gradient), init(jnp.zeros(1)))
  return get_params(state)


def numpyro_step(optimizer, gradient, **eps):
  solver = optimizer(1.0, **eps)
  state = solver.init(jnp.zeros(1))
  state = solver.update(jnp.full(1, gradient), state)
  return solver.get_params(state)


def optax_step(optimizer, gradient, **eps):
  solver = optimizer(1.0, **eps)
  params = jnp.zeros(1)
  state = solver.init(params)
  updates, _ = solver.update(jnp.full(1, gradient), state, params)
  return updates


# By package: how to take the step, and what it calls epsilon.
STEPS = {
    'jax': (jax_step, 'eps'),
    'keras': (keras_step, 'epsilon'),
    'numpyro': (numpyro_step, 'eps'),
    'optax': (optax_step, 'eps'),
    'pennylane': (pennylane_step, 'eps'),
    'pyro': (torch_step, 'eps'),
    'qiskit_algorithms': (qiskit_step, 'noise_factor'),
    'sklearn': (sklearn_step, 'epsilon'),
    'tensorflow': (tensorflow_step, 'epsilon'),
    'tf_keras': (tensorflow_step, 'epsilon'),
    'thinc': (thinc_step, 'eps'),
    'torch': (torch_step, 'eps'),
}


class TableTest(parameterized.TestCase):

  def assert_moves(self, step, gradient, epsilon, form):
    """Asserts that a first step from zero is that of a form and an epsilon."""
    effective = epsilon * FACTORS[form]
    expected = -gradient / (gradient + effective)
    message = (
        f'docs/frameworks.md says form {form} with an epsilon of {epsilon};'
        ' correct its row'
    )
    np.testing.assert_allclose(step, [expected], rtol=1e-3, err_msg=message)

  @parameterized.named_parameters((row.name, row) for row in rows())
  def test_has_the_form_and_default_epsilon_of_the_page(self, row):
    package = row.name.partition('.')[0]
    pytest.importorskip(package)
    self.assertIn(package, STEPS, 'add its step to STEPS')
    self.assertIn(row.form, FACTORS, 'add its factor to FACTORS')
    take_step, keyword = STEPS[package]
    optimizer = pkgutil.resolve_name(row.name)
    step = take_step(optimizer, 1e-5, **{keyword: 1e-3})
    self.assert_moves(step, 1e-5, 1e-3, row.form)
    step = take_step(optimizer, 1e-8)
    self.assert_moves(step, 1e-8, row.epsilon, row.form)

  def test_every_package_of_the_page_has_a_step(self):
    packages = {row.name.partition('.')[0] for row in rows()}
    message = 'The first set is the page, the second STEPS: make them equal.'
    self.assertSetEqual(packages, set(STEPS), message)


def code_with(name):
  """Runs the page's only block that defines a name, and returns its names."""
  found = [
      (line, code)
      for line, code in blocks.blocks(PAGE.read_text('utf-8'), 'python')
      if f'def {name}(' in code
  ]
  (block,) = found
  return blocks.run([block], PAGE.name)


def updates_of(optimizer, dtype, steps):
  """Returns the last update for gradients of one hundredth."""
  params = jnp.ones(1, dtype)
  state = optimizer.init(params)
  for _ in range(steps):
    updates, state = optimizer.update(params / 100, state, params)
  return updates


class SelfCheckTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    self.page = code_with('find_form')

  def _first_step(self, optimizer):
    """Returns how far the first step of the page's gradient moves."""
    gradient = jnp.full(1, self.page['gradient'])
    state = optimizer.init(jnp.zeros(1))
    updates, _ = optimizer.update(gradient, state, jnp.zeros(1))
    return -float(updates[0])

  def test_finds_each_form_that_optax_has(self):
    eps = self.page['epsilon']
    optimizers = {
        'A': optax.adam(1.0, eps=eps),
        'H': optax.adam(1.0, eps=eps, tf_style=True),
        'root': optax.adam(1.0, eps=0.0, eps_root=eps),
    }
    for form, optimizer in optimizers.items():
      with self.subTest(form):
        step = self._first_step(optimizer)
        self.assertEqual(self.page['find_form'](step), form)

  def test_finds_adam_without_bias_correction(self):
    eps = self.page['epsilon']
    adam = optax.adam(1.0, eps=eps, tf_style=True)
    corrections = np.sqrt(1 - 0.999) / (1 - 0.9)
    step = self._first_step(adam) / corrections
    self.assertEqual(self.page['find_form'](step), 'none')

  @parameterized.named_parameters(
      ('sgd', optax.sgd(1.0)),
      ('lion', optax.lion(1.0)),
      ('adabelief', optax.adabelief(1.0)),
      ('rmsprop', optax.rmsprop(1.0)),
  )
  def test_says_that_no_form_fits(self, optimizer):
    found = self.page['find_form'](self._first_step(optimizer))
    self.assertStartsWith(found, 'none of these forms')


class ScaledEpsilonTest(absltest.TestCase):

  def test_gives_adam_the_form_of_the_flag(self):
    eps = code_with('epsilon_hat')['epsilon_hat'](1e-5, 0.999)
    scaled = optax.inject_hyperparams(optax.adam)(1e-3, b2=0.999, eps=eps)
    flagged = optax.adam(1e-3, eps=1e-5, tf_style=True)
    for steps in (1, 10, 100):
      np.testing.assert_allclose(
          updates_of(scaled, jnp.float32, steps),
          updates_of(flagged, jnp.float32, steps),
          rtol=1e-4,
      )

  def test_needs_hyperparam_dtype_in_bfloat16(self):
    names = code_with('epsilon_hat')
    settings = dict(b2=0.999, eps=names['epsilon_hat'](1e-8, 0.999))
    cast = optax.inject_hyperparams(optax.radam)(1e-3, **settings)
    expected = updates_of(names['optimizer'], jnp.float32, 10)
    right = updates_of(names['optimizer'], jnp.bfloat16, 10)
    wrong = updates_of(cast, jnp.bfloat16, 10)
    np.testing.assert_allclose(right, expected, rtol=2e-2)
    self.assertGreater(np.max(np.abs(wrong / expected - 1)), 0.5)


if __name__ == '__main__':
  absltest.main()
