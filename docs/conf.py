"""Sphinx configuration, in the manner of optax's own site."""

from importlib import metadata
import json
import pathlib

from docutils import nodes
from sphinxcontrib import katex

DOCS = pathlib.Path(__file__).resolve().parent
GENERATED = DOCS / '_generated'

project = "optax with TensorFlow's Adam"
author = 'the authors of this fork of optax'
version = release = metadata.version('optax')

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.doctest',
    'sphinx.ext.napoleon',
    'sphinxcontrib.katex',
]
exclude_patterns = ['_build', '_generated', 'requirements.txt']

autodoc_typehints = 'none'
autosummary_generate = False
napoleon_google_docstring = True
doctest_global_setup = 'import jax, jax.numpy as jnp, optax'

myst_enable_extensions = ['dollarmath', 'substitution', 'colon_fence']
myst_heading_anchors = 3
# `finding.json` and `_static/finding.svg` are of one run of the example.
_FINDING = json.loads((DOCS / 'finding.json').read_text('utf-8'))
myst_substitutions = {
    'epsilons': json.loads((GENERATED / 'epsilons.json').read_text('utf-8')),
    'finding': _FINDING['numbers'] | _FINDING['tables'],
}

html_theme = 'sphinx_book_theme'
html_title = project
html_static_path = ['_static']
html_css_files = ['site.css']
html_context = {'default_mode': 'auto'}
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    'navbar_persistent': [],  # The sidebar has the search.
    'show_toc_level': 2,
    'use_download_button': False,
    'use_fullscreen_button': False,
}

# The browser draws the formulas, with the script that the extension ships and
# the fonts that `docs.build` fetched; without those it draws MathML.
if (GENERATED / 'katex').exists():
  html_static_path.append('_generated/katex')
  katex_css_path = 'katex.min.css'
else:
  katex_css_path = katex.filename_css
  katex_options = "output: 'mathml'"


def _link_upstream(app, env, node, contnode):
  """Links pages that upstream's docstrings name and this site does not have."""
  del app, env
  if node.get('reftype') != 'doc' or '_collections/' not in node['reftarget']:
    return None
  page = node['reftarget'].split('_collections/')[1]
  return nodes.reference(
      '',
      '',
      contnode,
      refuri='https://optax.readthedocs.io/en/latest/_collections/'
      f'{page}.html',
  )


def setup(app):
  app.connect('missing-reference', _link_upstream)
