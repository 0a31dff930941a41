"""Repeats the steps that `docs/frameworks.md` says were run."""

import itertools
import math
import pathlib
import pkgutil

from absl.testing import absltest
from absl.testing import parameterized
import jax.numpy as jnp
from markdown_it import MarkdownIt
import numpy as np
import pytest

PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'frameworks.md'
# Names of the page that can't be imported as they are.
IMPORTED = {
    'tf.compat.v1.train.AdamOptimizer': (
        'tensorflow.compat.v1.train.AdamOptimizer'
    ),
    'sklearn.neural_network.MLPClassifier': (
        'sklearn.neural_network._stochastic_optimizers.AdamOptimizer'
    ),
}


def rows():
  """Yields the name, form and epsilon of the optimizers that say "run"."""
  tokens = MarkdownIt().enable('table').parse(PAGE.read_text('utf-8'))
  end = [token.type for token in tokens].index('table_close')
  pairs = itertools.pairwise(tokens[:end])
  cells = [cell for opening, cell in pairs if opening.type == 'td_open']
  for names, form, epsilon, checked in zip(*[iter(cells)] * 4, strict=True):
    if checked.content.startswith('run,'):
      for span in names.children:
        if span.type == 'code_inline':
          name = IMPORTED.get(span.content, span.content)
          yield name, form.content, float(epsilon.content)


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
  params, grads = [np.zeros(1)], [np.full(1, gradient)]
  optimizer(params, 1.0, **epsilon).update_params(params, grads)
  return params[0]


def thinc_step(optimizer, gradient, **eps):
  arrays = np.zeros(1, np.float32), np.full(1, gradient, np.float32)
  return optimizer(1.0, **eps)((0, 'weights'), *arrays)[0]


def jax_step(optimizer, gradient, **eps):
  init, update, get_params = optimizer(1.0, **eps)
  return get_params(update(0, jnp.full(1, gradient), init(jnp.zeros(1))))


def optax_step(optimizer, gradient, **eps):
  solver, params = optimizer(1.0, **eps), jnp.zeros(1)
  return solver.update(jnp.full(1, gradient), solver.init(params), params)[0]


# By package: how to take the step, and what it calls epsilon.
STEPS = {
    'jax': (jax_step, 'eps'),
    'keras': (keras_step, 'epsilon'),
    'optax': (optax_step, 'eps'),
    'pyro': (torch_step, 'eps'),
    'sklearn': (sklearn_step, 'epsilon'),
    'tensorflow': (tensorflow_step, 'epsilon'),
    'tf_keras': (tensorflow_step, 'epsilon'),
    'thinc': (thinc_step, 'eps'),
    'torch': (torch_step, 'eps'),
}


class CensusTest(parameterized.TestCase):

  @parameterized.named_parameters((row[0], *row) for row in rows())
  def test_has_the_form_and_default_epsilon(self, name, form, default):
    package = name.partition('.')[0]
    pytest.importorskip(package)
    step, eps = STEPS[package]
    correction = {'A': 1.0, 'H': math.sqrt(1 - 0.999)}[form]
    for gradient, given in ((1e-5, {eps: 1e-3}), (1e-8, {})):
      moved = -step(pkgutil.resolve_name(name), gradient, **given)
      effective = given.get(eps, default) / correction
      expected = gradient / (gradient + effective)
      np.testing.assert_allclose(moved, [expected], rtol=1e-3)

  def test_page_has_every_package(self):
    self.assertEqual({name.partition('.')[0] for name, *_ in rows()}, {*STEPS})


if __name__ == '__main__':
  absltest.main()
