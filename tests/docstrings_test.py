"""The docstrings of the built package say what they must, and it is true."""

import doctest
import importlib
import inspect
import re

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

# How the formula in the docstring of `adam` reads in Python.
SYMBOLS = {
    r'\hat{m}_t': 'm_hat',
    r'\beta_2^t': 'b2',  # At the first step.
    r'\bar{\varepsilon}': 'eps_root',
    r'\varepsilon': 'eps',
    r'\alpha_t': 'lr',
    'v_t': 'v',
    r'\cdot': '*',
    r'\sqrt': 'sqrt',
    r'\left': '',
    r'\right': '',
    '{': '(',
    '}': ')',
}


def text(function):
  """A docstring, without line breaks."""
  return ' '.join(inspect.getdoc(function).split())


class DocstringsTest(parameterized.TestCase):

  @parameterized.parameters('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
  def test_both_names_have_an_entry(self, name):
    for flag in ('epsilon_hat', 'tf_style'):
      self.assertIn(f' {flag}: ', text(getattr(optax, name)))
    if name.startswith('nadam'):
      self.assertRegex(text(getattr(optax, name)), 'Keras[^.]* Algorithm 1')

  def test_formula_is_what_adam_computes(self):
    formula = re.search(r'u_t \\leftarrow (.*?)\. ', text(optax.adam))[1]
    for symbol, python in SYMBOLS.items():
      formula = formula.replace(symbol, python)
    grads = jnp.array([1e-6, 1e-3, 1.0])
    given = dict(b2=0.99, eps=1e-3, eps_root=1e-4)
    names = given | dict(sqrt=np.sqrt, lr=0.1, m_hat=grads, v=0.01 * grads**2)
    optimizer = optax.adam(0.1, **given, tf_style=True)
    updates, _ = optimizer.update(grads, optimizer.init(grads))
    expected = eval(formula, names)  # pylint: disable=eval-used
    np.testing.assert_allclose(updates, expected, rtol=1e-5)

  def test_adam_says_which_steps_are_smaller(self):
    grads = jnp.array(1e-5)
    plain, hat = (
        abs(optimizer.update(grads, optimizer.init(grads))[0])
        for optimizer in (optax.adam(1), optax.adam(1, tf_style=True))
    )
    word = 'smaller' if hat < plain else 'larger'
    self.assertIn(f'its steps are {word}', text(optax.adam))

  @parameterized.parameters('adam', 'amsgrad')
  def test_docstring_says_whether_a_state_may_be_resumed(self, name):
    states = []
    for flag in (False, True):
      optimizer = getattr(optax, name)(0.1, tf_style=flag)
      _, state = optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
      states.append(state)
    same = jax.tree.all(jax.tree.map(np.array_equal, *states))
    doc = text(getattr(optax, name))
    self.assertIn('resumed', doc)
    self.assertEqual(same, not re.search(r'\b(cannot|not) [^.]*resumed', doc))

  @parameterized.parameters('alias', 'transform', 'utils')
  def test_examples_print_what_they_say(self, name):
    module = importlib.import_module(f'optax._src.{name}')
    self.assertEqual(doctest.testmod(module).failed, 0)


if __name__ == '__main__':
  absltest.main()
