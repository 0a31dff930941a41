"""The docstrings of the built package say what they must."""

import doctest
import importlib

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import optax

_ADAM = (
    # The second formula, with its root, after the first.
    r'\hat{v}_t \leftarrow v_t / {(1-\beta_2^t)}',
    r'u_t \leftarrow -\alpha_t \cdot \sqrt{1-\beta_2^t} \cdot \hat{m}_t /'
    r' \left({\sqrt{v_t + \bar{\varepsilon}} + \varepsilon} \right).',
    'its steps are smaller',
    rf':math:`1 / \sqrt{{1-\beta_2}}` times ({(1 - 0.999) ** -0.5:.1f} by',
    'Either can be resumed from a state of the other.',
    'A flag; its value goes in ``eps``.',
    # At the end of the warning that optax differs.
    'for more detail. With ``epsilon_hat=True`` optax follows that',
)
_NADAM = ('TensorFlow', '``use_nesterov``', "Keras's Nadam follows Algorithm 1")


class DocstringsTest(parameterized.TestCase):

  @parameterized.parameters(
      ('adam', *_ADAM),
      ('adamw', 'epsilon_hat: As in :func:`optax.adam`.'),
      ('nadam', *_NADAM),
      ('nadamw', *_NADAM),
      ('amsgrad', 'uncorrected second moment', 'cannot be resumed'),
      ('amsgrad', 'No effect without ``bias_correction_nu``'),
      ('scale_by_adam', 'epsilon hat, see :func:`optax.adam`'),
      ('scale_by_amsgrad', 'epsilon hat, see :func:`optax.amsgrad`'),
  )
  def test_says(self, name, *phrases):
    text = ' '.join(getattr(optax, name).__doc__.replace('&', '').split())
    self.assertIn('epsilon_hat: ', text)
    if not name.startswith('scale'):
      self.assertIn('tf_style: A second name for ``epsilon_hat``', text)
    for phrase in phrases:
      self.assertIn(phrase, text)

  def test_keras_nadam_is_what_they_say(self):
    """The step of Algorithm 1, in numbers: the flag leads away from it."""
    step = lambda **flags: -optax.nadam(1.0, b1=0.0, eps=1e-3, **flags).update(
        np.float32(1e-5), optax.nadam(1.0).init(np.float32(0))
    )[0]
    np.testing.assert_allclose(step(), 9.9e-3, rtol=1e-2)
    np.testing.assert_allclose(step(tf_style=True), 3.2e-4, rtol=2e-2)

  @parameterized.parameters('alias', 'transform', 'utils')
  def test_examples_print_what_they_say(self, name):
    module = importlib.import_module(f'optax._src.{name}')
    failed, tried = doctest.testmod(module)
    self.assertEqual(failed, 0)
    if name == 'alias':
      self.assertGreater(tried, 0)

  def test_an_example_shows_the_flag(self):
    (found,) = doctest.DocTestFinder().find(optax.adam, 'adam')
    examples = ''.join(example.source for example in found.examples)
    self.assertIn('tf_style=tf_style', examples)


if __name__ == '__main__':
  absltest.main()
