"""Merges the sparse files of this repository into a release of optax.

In the order in which a file passes through them:

  release     finds upstream, and checks that it is as it was released
  package     merges the whole of ``optax/``: as a tree, checked, or as a diff
  modules     merges one module: places each of our statements
  notation    reads ``...``, and adds to upstream's code
  since       compares releases
  docstrings  adds paragraphs and entries to a docstring
  formula     Adam in NumPy, and FUNCTIONS, the functions that have the flag
  check       checks the updates of the result against the formulas
  backend     what pip and uv build the package with
  version     the release, and the number of the build
"""
