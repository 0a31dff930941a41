"""The built site in a browser, on a screen and on a telephone."""

import pathlib
import shutil
import tempfile
import unittest

from absl.testing import absltest
from absl.testing import parameterized

try:
  from playwright import sync_api as playwright
except ImportError:
  playwright = None

SITE = pathlib.Path(__file__).parents[1] / 'docs' / '_build' / 'html'
CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
SCREEN, TELEPHONE = 1280, 390

# The faults of the page that is shown. One that says that it is for specialists
# may have tables that scroll.
FAULTS = r"""
() => {
  const found = [];
  const find = (fault, node) => found.push(
      `${fault}: ${node.textContent.trim().replace(/\s+/g, ' ').slice(0, 60)}`);
  const scrolls = node => node.scrollWidth > node.clientWidth;
  if (scrolls(document.documentElement)) found.push('the page scrolls');
  const end = node => node.getBoundingClientRect().right;
  for (const table of document.querySelectorAll('table')) {
    const column = table.closest('article, body');
    if ((end(table) > end(column) + 1 || scrolls(table.parentElement))
        && !column.textContent.includes('Data for a specialist'))
      find('a wide table', table);
  }
  for (const formula of document.querySelectorAll('.math'))
    if (!formula.querySelector('.katex')) find('a formula as text', formula);
  return found;
}
"""


@unittest.skipIf(playwright is None, 'needs Playwright: pip install playwright')
@unittest.skipIf(CHROMIUM is None, 'needs a browser: apt-get install chromium')
class SiteTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    chromium = cls.enter_context(playwright.sync_playwright()).chromium
    cls.browser = cls.enter_context(
        chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )
    )

  def write(self, body):
    """A site of one page."""
    folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    (folder / 'page.html').write_text(f'<!doctype html>{body}', 'utf-8')
    return folder

  def faults(self, folder, width):
    """What is wrong with a site on a screen of some pixels, by page."""
    page = self.browser.new_page(viewport={'width': width, 'height': 900})
    self.addCleanup(page.close)
    seen = []
    page.on('console', lambda line: seen.append(f'{line.type}: {line.text}'))
    page.on('pageerror', lambda error: seen.append(f'error: {error}'))
    page.on('request', lambda request: seen.append(f'asks: {request.url}'))
    own = (f'asks: {folder.as_uri()}/', 'asks: data:', 'log:')
    found = {}
    for file in sorted(folder.glob('*.html')):
      page.goto(file.as_uri(), wait_until='networkidle')
      seen += page.evaluate(FAULTS)
      found[file.name] = [line for line in seen if not line.startswith(own)]
      seen.clear()
    self.assertNotEmpty(found)
    return {name: lines for name, lines in found.items() if lines}

  @parameterized.parameters(SCREEN, TELEPHONE)
  def test_every_page_fits_and_asks_nobody_else(self, width):
    if not SITE.exists():
      self.skipTest('needs the site: bash docs/build.sh')
    self.assertEmpty(self.faults(SITE, width))

  @parameterized.parameters(
      ('<p style="width: 2000px">x', 'the page scrolls'),
      ('<div style="overflow: auto"><table width=2000><td>', 'a wide table'),
      ('<article style="width: 300px"><table width=350><td>', 'a wide table'),
      ('<p class="math">x^2', 'a formula as text'),
      ('<img src="https://example.com/a.png">', 'asks: https://example.com/'),
      ('<img src="../a.png">', 'asks: file:'),
      ('<script>console.error("no")</script>', 'error: no'),
      ('<script>throw Error("no")</script>', 'error: no'),
  )
  def test_a_fault_is_seen(self, body, fault):
    for width in (SCREEN, TELEPHONE):
      (lines,) = self.faults(self.write(body), width).values()
      self.assertStartsWith(lines[0], fault)

  def test_data_for_a_specialist_may_scroll(self):
    folder = self.write(
        'Data for a specialist: <div style="overflow: auto"><table width=2000>'
    )
    self.assertEmpty(self.faults(folder, TELEPHONE))


if __name__ == '__main__':
  absltest.main()
