"""What the site's numbers come from, and what the docstrings have to say."""

import contextlib
import inspect
import io
import json
import pathlib
import re
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from docs import epsilons
from docs import pages

README = pathlib.Path(__file__).parents[1] / 'README.md'
# How the formulas in the docstring of `adam` read in Python.
SYMBOLS = {
    r'\hat{m}_t': 'm_hat',
    r'\beta_2^t': 'b2',  # At the first step.
    r'\bar{\varepsilon}': 'eps_root',
    r'\varepsilon': 'eps',
    r'\alpha_t': 'lr',
    r'v_t': 'v',
    r'\cdot': '*',
    r'\sqrt{': 'sqrt(',
    r'\left(': '(',
    r'\right)': ')',
    '}': ')',
}


def text(function):
  """A docstring, without line breaks."""
  return ' '.join(inspect.getdoc(function).split())


def updates_of_steady_gradients(size, steps, b2, eps, *, epsilon_hat):
  """Optax's own updates if all gradients are alike."""
  solver = optax.scale_by_adam(b2=b2, eps=eps, epsilon_hat=epsilon_hat)
  grads = jnp.asarray(size)

  def step(state, _):
    updates, state = solver.update(grads, state)
    return state, updates

  _, updates = jax.lax.scan(step, solver.init(grads), length=steps)
  return updates


class PagesTest(parameterized.TestCase):

  def test_filling_replaces_a_block_and_nothing_else(self):
    page = 'a\n<!-- x -->\nold\n<!-- /x -->\nb'
    filled = pages.fill(page, {'x': 'new'})
    self.assertEqual(filled, page.replace('old', 'new'))
    self.assertEqual(pages.read(filled, 'x'), 'new')
    with self.assertRaisesRegex(ValueError, '0 blocks'):
      pages.fill(page, {'y': 'new'})
    with self.assertRaisesRegex(ValueError, '2 blocks'):
      pages.fill(2 * page, {'x': 'new'})


class EpsilonsTest(parameterized.TestCase):

  @parameterized.product(b2=(0.9, 0.99, 0.999), size=(1e-7, 1e-5, 1e-3))
  def test_curves_are_what_optax_computes(self, b2, size):
    for flag in (False, True):
      updates = updates_of_steady_gradients(
          size, 100, b2, 1e-5, epsilon_hat=flag
      )
      expected = [
          epsilons.steady_update(size, step, b2, 1e-5, epsilon_hat=flag)
          for step in range(1, 101)
      ]
      # Rounding b2 to float32 moves 1 - b2 by up to 3e-8 / 1e-3.
      np.testing.assert_allclose(updates, expected, rtol=5e-5)

  @parameterized.product(b2=epsilons.DECAYS, relative_size=(0, 1, 10, 30))
  def test_steps_to_agree_is_the_first_such_step(self, b2, relative_size):
    size = max(relative_size, 1e-9)
    step = epsilons.steps_to_agree(b2, 0.01, relative_size)
    before, then = (
        epsilons.steady_update(size, t, b2, 1.0, epsilon_hat=False)
        / epsilons.steady_update(size, t, b2, 1.0, epsilon_hat=True)
        for t in (step - 1, step)
    )
    self.assertLessEqual(then, 1.01)
    self.assertGreater(before, 1.01)

  def test_readme_has_the_numbers_of_the_page(self):
    with tempfile.TemporaryDirectory() as folder:
      with contextlib.redirect_stdout(io.StringIO()):
        epsilons.main(['--out', folder])
      numbers = json.loads(pathlib.Path(folder, 'epsilons.json').read_text())
    readme = ' '.join(README.read_text('utf-8').split())
    self.assertIn(f'up to {numbers["magnification"]} times', readme)
    self.assertIn(f'at most {numbers["default"]}', readme)
    self.assertIn(f'after {numbers["steps_short"]} steps', readme)


class ReadmeTest(absltest.TestCase):

  def test_calls_are_optimizers(self):
    calls = re.findall(r'\| `(optax\..*?)` \|', README.read_text('utf-8'))
    self.assertNotEmpty(calls)
    for call in calls:
      optimizer = eval(call, {'optax': optax})  # pylint: disable=eval-used
      self.assertIsInstance(optimizer, optax.GradientTransformation)


class DocstringsTest(parameterized.TestCase):

  @parameterized.parameters('adam', 'adamw', 'nadam', 'nadamw', 'amsgrad')
  def test_both_names_have_an_entry(self, name):
    for flag in ('epsilon_hat', 'tf_style'):
      self.assertIn(f' {flag}: ', text(getattr(optax, name)))

  @parameterized.parameters(('Algorithm 1', False), ('epsilon hat', True))
  def test_formulas_are_what_adam_computes(self, name, flag):
    pattern = rf'text{{{name}:}} \\quad u_t &\\leftarrow (.*?)(\\\\|\. \\end)'
    formula = re.search(pattern, text(optax.adam))[1]
    for symbol, python in SYMBOLS.items():
      formula = formula.replace(symbol, python)
    grads = jnp.array([1e-6, 1e-3, 1.0])
    values = dict(lr=0.1, b2=0.99, eps=1e-3, eps_root=1e-4)
    optimizer = optax.adam(
        values['lr'], b2=0.99, eps=1e-3, eps_root=1e-4, epsilon_hat=flag
    )
    updates, _ = optimizer.update(grads, optimizer.init(grads))
    moments = dict(sqrt=np.sqrt, m_hat=grads, v=0.01 * grads**2)
    expected = eval(formula, values | moments)  # pylint: disable=eval-used
    np.testing.assert_allclose(updates, expected, rtol=1e-5)

  def test_adam_says_which_setting_takes_the_smaller_steps(self):
    plain, hat = (
        updates_of_steady_gradients(1e-5, 1, 0.999, 1e-5, epsilon_hat=flag)
        for flag in (False, True)
    )
    right, wrong = ('smaller', 'larger')[:: 1 if hat < plain else -1]
    self.assertIn(f'takes {right} steps', text(optax.adam))
    self.assertNotIn(f'takes {wrong} steps', text(optax.adam))

  @parameterized.parameters('adam', 'amsgrad')
  def test_docstring_says_whether_a_state_may_be_resumed(self, name):
    grads = jnp.ones(2)
    states = []
    for flag in (False, True):
      optimizer = getattr(optax, name)(0.1, epsilon_hat=flag)
      _, state = optimizer.update(grads, optimizer.init(grads))
      states.append(np.concatenate(jax.tree.leaves(jax.tree.map(jnp.ravel, state))))
    forbids = re.search(r'\bnot\b[^.]* resume', text(getattr(optax, name)))
    self.assertEqual(np.array_equal(*states), not forbids)

  def test_nadam_says_that_keras_has_no_epsilon_hat_there(self):
    for name in ('nadam', 'nadamw'):
      self.assertRegex(text(getattr(optax, name)), 'Keras.* Algorithm 1')


if __name__ == '__main__':
  absltest.main()
