"""Compares releases, for what upstream has only since one of them."""

from packaging.version import Version


def is_since(version: str, needed: str) -> bool:
  """Whether a release, or one in development, is ``needed`` or later."""
  return Version(version).release >= Version(needed).release
