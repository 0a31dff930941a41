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

ROOT = blocks.ROOT
GLOBS = ('*.md', 'docs/*.md', 'docs/[!_]*/*.md')
PAGES = sorted(page for glob in GLOBS for page in ROOT.glob(glob))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
# The table of contents and the pages of functions use Sphinx's syntax.
PLAIN = [name for name in NAMES if not re.match('docs/(index|api)', name)]
# tests/porting runs the blocks of the porting guide. The fragments of sparse
# files in CONTRIBUTING.md don't run.
RUN_ELSEWHERE = 'docs/porting/(keras|other|pytorch|tensorflow)|CONTRIBUTING'
RUN = [name for name in NAMES if not re.match(RUN_ELSEWHERE, name)]
SYNTAX = re.compile(r'\{\{ ?\w[\w.]+ ?\}\}|:::|\{[\w:-]+\}$|\]\[')


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
      yield token.info
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
      cwd=ROOT,
      text=True,
      check=False,
  )


class PagesTest(parameterized.TestCase):

  @parameterized.named_parameters((name, name) for name in PLAIN)
  def test_page_is_plain_markdown(self, name):
    self.assertEmpty(list(template_syntax((ROOT / name).read_text('utf-8'))))

  @parameterized.parameters('README.md', 'docs/api.md')
  def test_page_lists_every_function_with_the_flag(self, name):
    listed = re.findall(r'`optax\.(\w+)`', (ROOT / name).read_text('utf-8'))
    self.assertEmpty(set(formula.FUNCTIONS).difference(listed))

  def test_calls_in_the_readme_are_rows_of_the_guide(self):
    readme = (ROOT / 'README.md').read_text('utf-8')
    rows = re.findall(r'^\| `.*` \| `optax\..*` \|$', readme, re.MULTILINE)
    self.assertNotEmpty(rows)
    # The guide imports Keras's classes, and TensorFlow 1 under its usual name.
    short = {
        row.replace('keras.optimizers.', '').replace('tf.compat.v1.', 'tf.')
        for row in rows
    }
    guide = [page.read_text('utf-8') for page in ROOT.glob('docs/porting/*.md')]
    lines = '\n'.join(guide).replace('tf.compat.v1.', 'tf.').splitlines()
    self.assertEmpty(short.difference(lines))

  def test_generated_blocks_are_up_to_date(self):
    pages = [name for name in NAMES if '[[[cog' in (ROOT / name).read_text()]
    done = run('cogapp', '--check', '--diff', *pages)
    self.assertEqual(done.returncode, 0, done.stdout)

  def test_python_blocks_run_as_printed(self):
    done = run('tests.docs.blocks', *RUN)
    self.assertEqual(done.returncode, 0, done.stdout)
    left_out = re.findall(r'^\S+ needs flax .*$', done.stdout, re.MULTILINE)
    if left_out:  # All other blocks have run.
      self.skipTest(', '.join(left_out))


if __name__ == '__main__':
  absltest.main()
