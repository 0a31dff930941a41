"""Adds our entry to upstream's changelog, in the form of Keep a Changelog."""

import re

from graft.errors import GraftError

_REMEDY = 'write the entry by hand, or graft onto a release'


def merge(sparse: str, upstream: str) -> str:
  """Upstream's changelog, if it has one, with our entry among the unreleased.

  Ours is a heading, one below it, and the entry; upstream gets the headings
  that it lacks. Raises a GraftError if it is unclear where the entry belongs.
  """
  if not upstream:
    return ''
  heading, kind, entry = sparse.strip('\n').split('\n\n', maxsplit=2)
  begin, *sections = re.split(r'^(?=## )', upstream, flags=re.MULTILINE)
  marked = [bool(re.match(r'## \[?unreleased\b', x, re.I)) for x in sections]
  if 'unreleased' in begin.lower() or '```' in upstream or any(marked[1:]):
    raise GraftError('upstream has not one unreleased section, on top', _REMEDY)
  if not any(marked):
    if not re.match(r'## \[?v?\d', ''.join(sections)):
      raise GraftError('upstream has no release on top', _REMEDY)
    sections.insert(0, f'{heading}\n\n')
  title, *kinds = re.split(r'^(?=### )', sections[0], flags=re.MULTILINE)
  same = [i for i, text in enumerate(kinds) if text.split('\n')[0] == kind]
  if len(same) > 1 or entry in upstream:
    raise GraftError(f'upstream has the entry, or {kind!r} twice', _REMEDY)
  if same:
    kinds[same[0]] = f'{kinds[same[0]].rstrip()}\n{entry}\n\n'
  else:
    kinds.insert(0, f'{kind}\n\n{entry}\n\n')
  return ''.join([begin, title, *kinds, *sections[1:]])
