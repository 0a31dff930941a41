"""What the site's numbers come from, and what the docstrings have to say."""

import inspect
import json
import pathlib
import re

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from docs import epsilons
from docs import pages

README = pathlib.Path(__file__).parents[1] / 'README.md'
DOCS = README.parent / 'docs'
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


class ReadmeTest(absltest.TestCase):

  def setUp(self):
    super().setUp()
    self.readme = ' '.join(README.read_text('utf-8').split())

  def test_has_the_numbers_of_the_pages(self):
    numbers = epsilons.numbers()
    self.assertIn(f'up to {numbers["magnification"]} times', self.readme)
    self.assertIn(f'at most {numbers["default"]}', self.readme)
    self.assertIn(f'after {numbers["steps_short"]} steps', self.readme)
    finding = json.loads((DOCS / 'finding.json').read_text('utf-8'))['numbers']
    self.assertIn(f'clips {finding["clipped"]}% of', self.readme)
    self.assertIn(f'{finding["clipped_hat"]}% with the flag', self.readme)

  def test_has_the_figures_of_the_guide(self):
    guide = (DOCS / 'porting.md').read_text('utf-8')
    rows = pages.read(guide, 'keras')
    keras = re.findall(r'tf_style=True.* \| (\S+) \|', rows)
    worst = np.log10(max(map(float, keras)))
    self.assertIn(f'within 1e{np.ceil(worst):.0f} of', self.readme)
    self.assertIn(f'all {len(keras)} forms', self.readme)
    left = re.search(r'`Adam\(\)` .*?` \| (\S+) \|', pages.read(guide, 'gaps'))
    self.assertIn(f'1e-8, it ends {float(left[1]):.2f} away', self.readme)

  def test_calls_are_optimizers(self):
    calls = re.findall(r'\| `(optax\..*?)` \|', self.readme)
    self.assertNotEmpty(calls)
    for call in calls:
      optimizer = eval(call, {'optax': optax})  # pylint: disable=eval-used
      self.assertIsInstance(optimizer, optax.GradientTransformation)


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
    forbidden = re.search(r'\b(cannot|not) [^.]*resumed', doc)
    self.assertIn('resumed', doc)
    self.assertEqual(same, not forbidden)


if __name__ == '__main__':
  absltest.main()
