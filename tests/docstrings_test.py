"""The docstrings of the built package say what they must."""

import doctest
import importlib

from absl.testing import absltest
from absl.testing import parameterized
import optax

_NADAM = ('TensorFlow', '``use_nesterov``', "Keras's Nadam follows Algorithm 1")
_SAYS = {
    'adam': (
        r'u_t \leftarrow -\alpha_t \cdot \sqrt{1-\beta_2^t} \cdot \hat{m}_t /'
        r' \left({\sqrt{v_t + \bar{\varepsilon}} + \varepsilon} \right).',
        'its steps are smaller',
        rf':math:`1 / \sqrt{{1-\beta_2}}` times ({(1 - 0.999) ** -0.5:.1f} by',
        'Either can be resumed from a state of the other.',
        'A flag; its value goes in ``eps``.',
        '>>> for tf_style in (False, True):',
        # At the end of the warning that optax differs.
        'for more detail. With ``epsilon_hat=True`` optax follows that',
    ),
    'adamw': ('epsilon_hat: As in :func:`optax.adam`.',),
    'nadam': _NADAM,
    'nadamw': _NADAM,
    'amsgrad': (
        'maximum of the uncorrected second moment',
        'a state cannot be resumed in the other setting',
        'No effect without ``bias_correction_nu``',
    ),
}


class DocstringsTest(parameterized.TestCase):

  @parameterized.parameters(*_SAYS.items())
  def test_says(self, name, phrases):
    text = ' '.join(getattr(optax, name).__doc__.split())
    for phrase in ('epsilon_hat: ', 'tf_style: A second name', *phrases):
      self.assertIn(phrase, text)

  @parameterized.parameters('alias', 'transform', 'utils')
  def test_examples_print_what_they_say(self, name):
    module = importlib.import_module(f'optax._src.{name}')
    self.assertEqual(doctest.testmod(module).failed, 0)


if __name__ == '__main__':
  absltest.main()
