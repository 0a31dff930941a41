"""The pages render on a code host, and their code runs as printed.

Sphinx checks their links when site_test.py builds the site.
"""

import re
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized
import markdown_it

from graft import formula
from tests.docs import blocks

# The table of contents and the pages of functions use Sphinx's syntax.
PLAIN = [x for x in blocks.PAGES if not re.match('docs/(index|api)', x)]
# tests/porting runs the blocks of the porting guide. The fragments of sparse
# files in CONTRIBUTING.md don't run.
RUN_ELSEWHERE = 'docs/porting/(keras|other|pytorch|tensorflow)|CONTRIBUTING'
RUN = [page for page in blocks.PAGES if not re.match(RUN_ELSEWHERE, page)]
SYNTAX = re.compile(r'\{\{ ?\w[\w.]+ ?\}\}|:::|\{[\w:-]+\}$|\]\[')


def read(page):
  return (blocks.ROOT / page).read_text('utf-8')


def parse(text):
  """The tokens of a page, including inline tokens."""
  for token in markdown_it.MarkdownIt().enable('table').parse(text):
    yield token
    yield from token.children or ()


def template_syntax(text):
  """What a code host would print instead of rendering."""
  before = None
  for token in parse(text):
    if token.type == 'fence' and token.info.startswith('{'):
      yield f'```{token.info}'
    elif token.type == 'text':
      yield from SYNTAX.findall(token.content)
    elif token.type == 'link_close' and before.type == 'link_open':
      yield f'[]({before.attrGet("href")})'
    before = token


def run(module, *arguments):
  """Runs a module from the root, and returns its status and output."""
  return subprocess.run(
      (sys.executable, '-m', module, *arguments),
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      cwd=blocks.ROOT,
      text=True,
      check=False,
  )


class PagesTest(parameterized.TestCase):

  @parameterized.named_parameters((page, page) for page in PLAIN)
  def test_page_is_plain_markdown(self, page):
    found = list(template_syntax(read(page)))
    self.assertEmpty(found, 'a code host prints these as they are')

  @parameterized.parameters('README.md', 'docs/api.md')
  def test_page_lists_every_function_with_the_flag(self, page):
    listed = re.findall(r'`optax\.(\w+)`', read(page))
    missing = set(formula.FUNCTIONS).difference(listed)
    self.assertEmpty(missing, f'add these to the list in {page}')

  def test_calls_in_the_readme_are_rows_of_the_guide(self):
    rows = re.findall(r'^\| `.*` \| `optax\..*` \|$', read('README.md'), re.M)
    self.assertNotEmpty(rows)
    guide = [read(x) for x in blocks.PAGES if x.startswith('docs/porting/')]
    # The guide imports Keras's classes, and TensorFlow 1 under its usual name.
    lines = '\n'.join(guide).replace('tf.compat.v1.', 'tf.').splitlines()
    for row in rows:
      row = row.replace('keras.optimizers.', '').replace('tf.compat.v1.', 'tf.')
      with self.subTest(row):
        self.assertTrue(row in lines, 'no page in docs/porting has this row')

  def test_generated_blocks_are_up_to_date(self):
    pages = [page for page in blocks.PAGES if '[[[cog' in read(page)]
    done = run('cogapp', '--check', '--diff', *pages)
    remedy = f'run python -m cogapp -r {" ".join(pages)}'
    self.assertEqual(done.returncode, 0, f'{remedy}\n{done.stdout}')

  def test_python_blocks_run_as_printed(self):
    done = run('tests.docs.blocks', *RUN)
    self.assertEqual(done.returncode, 0, done.stdout)
    left_out = re.findall(r'^\S+ needs flax .*$', done.stdout, re.MULTILINE)
    if left_out:  # All other blocks have run.
      self.skipTest(', '.join(left_out))


if __name__ == '__main__':
  absltest.main()
