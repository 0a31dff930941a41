"""The built site in a browser, offline: at three widths, and dark at one."""

import os
import shutil
import subprocess
import sys
import unittest

from absl.testing import absltest
import markdown_it

from tests.docs import blocks

# Widths and themes: a laptop, half of its screen, and a phone. The dark theme
# changes only colors, so one width is enough for it.
SETTINGS = ((1280, 'light'), (1280, 'dark'), (830, 'light'), (390, 'light'))
# What decides the width of a table on a code host, in a column of 830 pixels.
CODE_HOST = """
body { width: 830px; margin: 0; font: 16px sans-serif }
table { display: block; max-width: 100%; width: max-content; overflow: auto }
td, th { padding: 6px 13px; border: 1px solid }
code { padding: 0.2em 0.4em; font: 85% monospace; white-space: break-spaces }
"""
SCROLLING_TABLES = """
() => [...document.querySelectorAll('table')]
    .filter(table => table.scrollWidth > table.clientWidth + 1)
    .map(table => table.rows[1].innerText)
"""
# Everything on a page that a reader can't see or reach.
FAULTS = r"""
async () => {
  await window.MathJax?.startup?.promise;
  const width = document.documentElement.clientWidth;
  const scrolls = node => /auto|scroll/.test(getComputedStyle(node).overflowX);
  const isWide = node => node.scrollWidth > node.clientWidth + 1;
  const inScroller = node =>
      node && (scrolls(node) || inScroller(node.parentElement));
  const isCut = node => {
    const {overflowX, overflowY, display} = getComputedStyle(node);
    const isTall = node.scrollHeight > node.clientHeight + 1;
    return display !== 'inline' && (isWide(node) && overflowX === 'hidden'
        || isTall && overflowY === 'hidden');
  };
  const isTransparent = node =>
      getComputedStyle(node).backgroundColor === 'rgba(0, 0, 0, 0)';
  const found = [];
  const find = (fault, nodes) => found.push(...nodes.map(
      node => `${fault}: ${node.tagName} ${node.textContent.slice(0, 60)}`));
  // On a phone, the sidebars are off screen.
  const part = width < 600 ? '.bd-article-container *' : 'body *';
  const all = [...document.querySelectorAll(part)].filter(
      node => !node.closest('svg *, mjx-assistive-mml'));
  if (isWide(document.documentElement)) found.push('page scrolls sideways');
  find('beyond the edge', all.filter(node =>
      node.getBoundingClientRect().right > width + 1 && !inScroller(node)));
  find('scrolls sideways', all.filter(node => scrolls(node) && isWide(node) &&
      !node.matches('pre, mjx-container')));
  find('cut off', all.filter(isCut));
  find('not drawn', all.filter(node => node.matches(
      '.math:is(:not(:has(svg)), :has([data-mml-node=merror]))')));
  find('no copy button', all.filter(
      node => node.matches('.highlight:not(:has(.copybtn))')));
  find('on a dark page', all.filter(
      node => node.matches('img') && isTransparent(node)));
  if (width < 600) find('does not stack', all.filter(node =>
      node.matches('td + td') && node.offsetTop <
      node.previousElementSibling.offsetTop + 1));
  return found;
}
"""


def build_site(folder):
  """Builds the site, or fails with the warnings of Sphinx."""
  command = [sys.executable, '-m', 'sphinx', '-W', '--keep-going', '-q', '-E']
  command += ['-c', 'docs', '.', str(folder)]
  done = subprocess.run(
      command,
      cwd=blocks.ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      check=False,
  )
  if done.returncode:
    raise AssertionError(f'Sphinx does not build the site:\n{done.stdout}')


@unittest.skipUnless(os.environ.get('ALL'), 'builds the site: bash test.sh all')
class SiteTest(absltest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    from playwright import sync_api  # pylint: disable=g-import-not-at-top

    cls.site = blocks.ROOT / 'docs' / '_build' / 'html'
    shutil.rmtree(cls.site, ignore_errors=True)
    build_site(cls.site)
    cls.files = [*cls.site.glob('*.html'), *cls.site.glob('docs/**/*.html')]
    chromium = cls.enter_context(sync_api.sync_playwright()).chromium
    cls.browser = cls.enter_context(
        chromium.launch(
            executable_path=shutil.which('chromium'), args=['--no-sandbox']
        )
    )

  def test_every_page_is_legible_and_needs_no_network(self):
    page = self.browser.new_page()
    seen = []
    page.on('console', lambda line: seen.append(f'{line.type}: {line.text}'))
    page.on('pageerror', lambda error: seen.append(f'error: {error}'))
    page.on('requestfailed', lambda request: seen.append(f'no {request.url}'))
    page.on('request', lambda request: seen.append(request.url))
    own = (f'{self.site.as_uri()}/', 'data:', 'log:')
    faults = {}
    for file in self.files:
      page.goto(file.as_uri())
      for width, theme in SETTINGS:
        page.set_viewport_size({'width': width, 'height': 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_selector(f'html[data-theme={theme}]')
        seen += page.evaluate(FAULTS)
        found = [line for line in seen if not line.startswith(own)]
        faults[file.name, width, theme] = found[:3]
        seen.clear()
    self.assertEmpty({key: found for key, found in faults.items() if found})

  def test_no_table_scrolls_sideways_on_a_code_host(self):
    page = self.browser.new_page()
    scrolling = {}
    for name in blocks.PAGES:
      markdown = markdown_it.MarkdownIt().enable('table')
      html = markdown.render((blocks.ROOT / name).read_text('utf-8'))
      page.set_content(f'<style>{CODE_HOST}</style>{html}')
      scrolling[name] = page.evaluate(SCROLLING_TABLES)
    self.assertGreater(len(scrolling), 10)
    self.assertEmpty({name: rows for name, rows in scrolling.items() if rows})

  def test_search_finds_the_flag(self):
    page = self.browser.new_page()
    page.goto(f'{self.site.as_uri()}/search.html?q=tf_style')
    page.wait_for_selector('#search-results li:has-text("Keras")')


if __name__ == '__main__':
  absltest.main()
