"""What docs/install.md says to write without the fork matches Keras."""

from absl.testing import absltest
from absl.testing import parameterized

from tests.docs import blocks
from tests.porting import pages
from tests.porting import problem
from tests.porting import runners

_PAGE = (blocks.ROOT / 'docs' / 'install.md').read_text('utf-8')
_SECTION = _PAGE.partition('## Without the fork\n')[2].partition('\n## ')[0]


def _rows():
  """Returns Keras's call, the call with the fork, and the one without it."""
  rows = []
  for line in _SECTION.splitlines():
    if line.startswith('| `'):
      cells = line.strip('| ').split(' | ')
      keras, with_fork, without_fork = [cell.strip('`') for cell in cells]
      rows.append((keras, with_fork, without_fork))
  return rows


class WithoutForkTest(parameterized.TestCase):

  @parameterized.named_parameters((row[0], *row) for row in _rows())
  def test_matches_keras_and_the_fork(self, keras, with_fork, without_fork):
    self.assertNotRegex(without_fork, 'tf_style|epsilon_hat')
    ((_, function),) = blocks.blocks(_SECTION, 'python')
    case = pages.Case(
        place='docs/install.md',
        kind='recipe',
        name=keras,
        framework='keras',
        theirs=f'import keras\noptimizer = {keras}\n',
        ours=f'{function}\noptimizer = {without_fork}\n',
    )
    theirs = runners.run_in('jax', case)
    ours = runners.run_optax(case, case.ours)
    distance = problem.distance(theirs, ours)
    self.assertLess(distance, 1e-10, f'Keras differs.\n{case.describe()}')
    code = f'import optax\noptimizer = {with_fork}\n'
    forked = runners.run_optax(case, code)
    distance = problem.distance(forked, ours)
    self.assertLess(distance, 1e-13, f'{code}differs.\n{case.describe()}')


if __name__ == '__main__':
  absltest.main()
