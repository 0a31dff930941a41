"""Sphinx configuration of the site, which opens with README.md.

  python -m sphinx -W -c docs . docs/_build/html

The root is the source directory, so relative links work as on a code host.
"""

import html
from importlib import util
import pathlib
import re
import shutil

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import post_transforms

DOCS = pathlib.Path(__file__).resolve().parent
# A number in scientific notation, which browsers break at the hyphen.
FIGURE = re.compile(r'(\d[\d.]*e-\d+[,)]*)')
MATHJAX = pathlib.Path(util.find_spec('sphinx-mathjax-offline').origin).parent

project = html_title = "optax with TensorFlow's Adam"

extensions = [
    'myst_parser',
    'sphinx.ext.autosummary',
    'sphinx.ext.mathjax',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
]
root_doc = 'README'
include_patterns = ['*.md', 'docs/**.md', 'docs/generated/*.rst']
templates_path = [str(DOCS / '_templates')]
exclude_patterns = ['.*', 'docs/_*', 'docs/index.md']

myst_enable_extensions = ['alert', 'dollarmath']
myst_fence_as_directive = ['math']
myst_heading_anchors = 6
myst_heading_slug_func = 'github'
autodoc_typehints = 'none'
copybutton_exclude = '.gp, .go'  # Prompts and output.

html_theme = 'sphinx_book_theme'
# This build of MathJax draws SVG, so it needs neither fonts nor a network.
mathjax_path = 'tex-svg-full.js'
html_static_path = ['_static', str(MATHJAX / 'static/mathjax' / mathjax_path)]
html_css_files = ['site.css']
html_context = {'default_mode': 'auto'}
html_use_index = html_copy_source = html_show_copyright = False
html_theme_options = {
    'footer_content_items': '',
    'navbar_persistent': [],  # The sidebar has the search.
    'show_prev_next': False,
    'use_download_button': False,
    'use_fullscreen_button': False,
}


class CellLabels(post_transforms.SphinxPostTransform):
  """Repeats a column's heading in its cells, for tables that stack."""

  default_priority = 500

  def run(self, **kwargs):
    for table in self.document.findall(nodes.tgroup):
      head, *body = table.findall(nodes.row)
      for row in body:
        for title, cell in zip(head, row, strict=True):
          if cell.children and title.astext():
            label = nodes.inline('', title.astext(), classes=['cell-label'])
            cell[0].insert(0, label)


class LineBreaks(post_transforms.SphinxPostTransform):
  """Breaks calls in tables between their parts, and figures nowhere."""

  default_priority = 500

  def run(self, **kwargs):
    for entry in self.document.findall(nodes.entry):
      for literal in list(entry.findall(nodes.literal)):
        code = html.escape(literal.astext(), quote=False)
        code = FIGURE.sub(r'<span class="unbroken">\1</span>', code)
        code = re.sub(r'\(|\.(?=[A-Z])', r'\g<0><wbr>', code)
        code = f'<code class="literal">{code}</code>'
        literal.replace_self(nodes.raw('', code, format='html'))
    for text in list(self.document.findall(nodes.Text)):
      parts = FIGURE.split(text)
      if len(parts) > 1 and isinstance(text.parent, nodes.paragraph):
        new = [nodes.Text(part) for part in parts]
        for i in range(1, len(parts), 2):
          new[i] = nodes.inline('', parts[i], classes=['unbroken'])
        text.parent.replace(text, new)


def add_contents(app, docname, source):
  """Appends the table of contents, which a code host would not render."""
  if docname == app.config.root_doc:
    source[0] += (DOCS / 'index.md').read_text('utf-8')


def drop_links_to_folders(app, doctree):
  """Keeps only the text of a link to a folder, which has no page."""
  page = DOCS.parent / app.env.docname
  for link in list(doctree.findall(addnodes.pending_xref)):
    if (page.parent / link['reftarget']).is_dir():
      link.replace_self(link.children)


def link_upstream(app, env, node, contnode):
  """Links the pages of upstream's site that its docstrings name."""
  _, _, page = node['reftarget'].partition('_collections/')
  if not page:
    return None
  url = f'https://optax.readthedocs.io/en/latest/_collections/{page}.html'
  return nodes.reference('', page.rpartition('/')[2], refuri=url)


def copy_landing_page(app, exception):
  """Makes the first page index.html too."""
  if exception is None and app.builder.name == 'html':
    shutil.copy(app.outdir / 'README.html', app.outdir / 'index.html')


def setup(app):
  app.add_post_transform(CellLabels)
  app.add_post_transform(LineBreaks)
  app.connect('source-read', add_contents)
  app.connect('doctree-read', drop_links_to_folders)
  app.connect('missing-reference', link_upstream)
  app.connect('build-finished', copy_landing_page)
