"""Merges the sparse files of this repository into a release of optax.

In the order in which a file passes through them:

  release     finds upstream, and checks that it is as it was released
  package     merges the whole of ``optax/``: as a tree, checked, or as a diff
  modules     merges one module: finds where each sparse statement belongs
  notation    reads ``...`` and ``@since``, and says where a statement goes
  additions   adds parameters, keywords and conditions to upstream's code
  docstrings  adds paragraphs and entries to a docstring
  formula     Adam in NumPy, and FUNCTIONS, the functions that have the flag
  check       checks the updates of the result against the formulas
  backend     what pip and uv build the package with
  version     the release, and the number of the build
  since       compares releases
  errors      the error of all of these, and how a command ends with it
"""

import sys

if sys.version_info < (3, 10):
  sys.exit('graft: this Python is too old; use Python 3.10 or later')
