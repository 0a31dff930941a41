"""Lays our entry over a changelog in the form of Keep a Changelog."""

import re

from graft import errors
from graft import notation

_SINCE = re.compile(r"<!-- since\('([\d.]+)'\) -->\s*")
_RELEASE = re.compile(r'## \[?v?\d')
_UNRELEASED = re.compile(r'## \[?unreleased\b', re.IGNORECASE)


def is_applicable(sparse: str, version: str) -> bool:
  """Whether a release has what the file's first line says it needs."""
  needed = _SINCE.match(sparse)
  return needed is None or notation.is_since(version, needed[1])


def lay(sparse: str, upstream: str, place: errors.Place) -> str:
  """Upstream's changelog with our entry under its unreleased changes.

  Args:
    sparse: A heading ``## [Unreleased]``, one below it, and the entry.
    upstream: Upstream's changelog.
    place: The file and upstream's version, for errors.

  Returns:
    The changelog with the entry; the headings are added if they are missing.

  Raises:
    GraftError: it is not clear where the entry belongs.
  """
  parts = _SINCE.sub('', sparse, count=1).strip('\n').split('\n\n', 2)
  heading, kind, entry = parts
  remedy = 'give it one section for what is unreleased, before the releases'
  if entry in upstream:
    raise place.error('upstream has the entry already', remedy)
  begin, *sections = re.split(r'^(?=## )', upstream, flags=re.MULTILINE)
  open_ = [i for i, x in enumerate(sections) if _UNRELEASED.match(x)]
  if not sections or '```' in upstream or len(open_) > 1 or open_ > [0]:
    raise place.error('upstream has another form of changelog', remedy)
  if not open_:
    if not _RELEASE.match(sections[0]):
      raise place.error('upstream begins with no release', remedy)
    sections.insert(0, f'{heading}\n\n')
  title, *kinds = re.split(r'^(?=### )', sections[0], flags=re.MULTILINE)
  same = [i for i, x in enumerate(kinds) if x.splitlines()[0].strip() == kind]
  if len(same) > 1:
    raise place.error(f'upstream has {kind!r} {len(same)} times', remedy)
  if same:
    kinds[same[0]] = f'{kinds[same[0]].rstrip()}\n{entry}\n\n'
  else:
    kinds.insert(0, f'{kind}\n\n{entry}\n\n')
  return ''.join([begin, title, *kinds, *sections[1:]])
