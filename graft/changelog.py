"""Lays our entry over a changelog in the form of Keep a Changelog."""

import re

from graft import notation
from graft.errors import Misfit

_SINCE = re.compile(r"<!-- since\('([\d.]+)'\) -->\s*")
_RELEASE = re.compile(r'## \[?v?\d')
_UNRELEASED = re.compile(r'## \[?unreleased\b', re.IGNORECASE)
_REMEDY = 'write the entry by hand, or graft onto a release'


def lay(sparse: str, upstream: str, version: str) -> str:
  """Upstream's changelog with our entry under what is unreleased.

  Args:
    sparse: A heading ``## [Unreleased]``, one below it, and the entry; a first
      line ``<!-- since('0.2.7') -->`` says which release it needs.
    upstream: Upstream's changelog.
    version: Version of upstream.

  Returns:
    The changelog with the entry, and with the headings if it lacked them.

  Raises:
    Misfit: it is not clear where the entry belongs.
  """
  if (needed := _SINCE.match(sparse)) and not notation.is_since(
      version, needed[1]
  ):
    return upstream
  ours = _SINCE.sub('', sparse, count=1).strip('\n')
  heading, kind, entry = ours.split('\n\n', maxsplit=2)
  begin, *sections = re.split(r'^(?=## )', upstream, flags=re.MULTILINE)
  marked = [i for i, text in enumerate(sections) if _UNRELEASED.match(text)]
  has_another = 'unreleased' in begin.lower() or '```' in upstream
  if has_another or marked not in ([], [0]):
    raise Misfit('upstream has not one unreleased section, on top', _REMEDY)
  if not marked:
    if not sections or not _RELEASE.match(sections[0]):
      raise Misfit('upstream has no release on top', _REMEDY)
    sections.insert(0, f'{heading}\n\n')
  title, *kinds = re.split(r'^(?=### )', sections[0], flags=re.MULTILINE)
  same = [i for i, text in enumerate(kinds) if text.split('\n')[0] == kind]
  if len(same) > 1 or entry in upstream:
    raise Misfit(f'upstream has the entry, or {kind!r} twice', _REMEDY)
  if same:
    kinds[same[0]] = f'{kinds[same[0]].rstrip()}\n{entry}\n\n'
  else:
    kinds.insert(0, f'{kind}\n\n{entry}\n\n')
  return ''.join([begin, title, *kinds, *sections[1:]])
