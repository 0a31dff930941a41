"""What the numbers of the site and the README come from."""

import json
import pathlib
import re

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import optax

from docs import pages

README = pathlib.Path(__file__).parents[1] / 'README.md'
DOCS = README.parent / 'docs'


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


class ReadmeTest(absltest.TestCase):

  def setUp(self):
    super().setUp()
    self.readme = ' '.join(README.read_text('utf-8').split())

  def test_has_the_numbers_of_the_pages(self):
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


if __name__ == '__main__':
  absltest.main()
