"""Lays our entry over a changelog in the form of Keep a Changelog."""

import re

from graft import notation
from graft.errors import Misfit

_SINCE = re.compile(r"<!-- since\('([\d.]+)'\) -->\s*")
_UNRELEASED = re.compile(r'## \[?unreleased\b', re.IGNORECASE)
_REMEDY = 'write the entry by hand, or graft onto a release'


def lay(sparse: str, upstream: str, version: str) -> str:
  """Upstream's changelog with our entry under what is unreleased.

  Ours is a heading, one below it, and the entry; upstream gets the headings
  that it lacks. If it is not clear where the entry belongs, it is a Misfit.
  """
  needed = _SINCE.match(sparse)
  if needed and not notation.is_since(version, needed[1]):
    return upstream
  ours = _SINCE.sub('', sparse).strip('\n')
  heading, kind, entry = ours.split('\n\n', maxsplit=2)
  begin, *sections = re.split(r'^(?=## )', upstream, flags=re.MULTILINE)
  marked = [_UNRELEASED.match(text) is not None for text in sections]
  if 'unreleased' in begin.lower() or '```' in upstream or any(marked[1:]):
    raise Misfit('upstream has not one unreleased section, on top', _REMEDY)
  if not any(marked):
    if not sections or not re.match(r'## \[?v?\d', sections[0]):
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
