"""Lays the sparse files of this repository over a release of optax.

In the order in which a file passes through them:

  notation    what ``...`` means where, and what is added to upstream's
  docstrings  paragraphs and entries; changelog, the same for the changelog
  weave       one sparse module over upstream's: which statement is which
  package     the whole of ``optax/``: as a tree, checked, or as a diff
  release     where upstream is found, and that it is as released
  formula     the result follows Adam's formulas
  backend     what pip and uv build the package with
"""
