"""What docs/install.md says to write without the fork matches Keras."""

import re

from absl.testing import absltest
from absl.testing import parameterized

from tests.docs import blocks
from tests.porting import frameworks
from tests.porting import pages
from tests.porting import porting_test
from tests.porting import problem

_PAGE = (blocks.ROOT / 'docs' / 'install.md').read_text('utf-8')
_SECTION = _PAGE.partition('## Without the fork\n')[2].partition('\n## ')[0]
((_, _FUNCTION),) = blocks.blocks(_SECTION, 'python')
# Keras's call, the call with the fork, and the one without it.
_ROWS = re.findall(r'^\| `(keras.+)` \| `(.+)` \| `(.+)` \|$', _SECTION, re.M)


def _case(keras, ours):
  """A recipe, as on a page of the porting guide."""
  theirs = f'import keras\noptimizer = {keras}'
  ours = f'{_FUNCTION}\noptimizer = {ours}'
  return pages.Case('install', 1, 'recipe', keras, 'keras', theirs, ours)


class WithoutForkTest(parameterized.TestCase):

  @parameterized.named_parameters((row[0], *row) for row in _ROWS)
  def test_matches_keras_and_the_fork(self, keras, with_fork, without_fork):
    self.assertNotRegex(without_fork, 'tf_style|epsilon_hat')
    case = _case(keras, without_fork)
    ours = porting_test.run_optax(case, case.ours)
    theirs = frameworks.run_in('jax', case)
    self.assertLess(problem.distance(theirs, ours), 1e-10)
    forked = porting_test.run_optax(case, _case(keras, with_fork).ours)
    self.assertLess(problem.distance(forked, ours), 1e-13)


if __name__ == '__main__':
  absltest.main()
