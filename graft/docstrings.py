"""Adds paragraphs and entries to a docstring, in Google's style."""

import re
import textwrap
from typing import NamedTuple

import libcst as cst

from graft.errors import GraftError

_HEADING = re.compile(r' *([A-Z]\w+( [A-Z]\w+)*:$|\.\. (note|warning)::)')


class _Section(NamedTuple):
  """A heading, or a directive such as a note, and the lines that it covers."""

  heading: str
  begin: int  # The line of the heading.
  end: int  # After its last line that is not blank.


def _margin(lines: list[str]) -> int:
  """The smallest indentation of the lines that are not blank."""
  filled = [line for line in lines if line.strip()]
  return min((len(line) - len(line.lstrip()) for line in filled), default=0)


def _sections(lines: list[str], margin: int) -> list[_Section]:
  """The sections that begin at a margin."""
  is_flush = re.compile(rf' {{{margin}}}\S').match
  begins = [i for i, line in enumerate(lines) if is_flush(line)]
  found = []
  for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
    heading = _HEADING.match(lines[begin].rstrip())
    if heading:
      while not lines[end - 1].strip():
        end -= 1
      found.append(_Section(heading[1], begin, end))
  return found


def _section_named(heading: str, sections: list[_Section]) -> _Section:
  """The only section with a heading."""
  found = [section for section in sections if section.heading == heading]
  if len(found) != 1:
    raise GraftError(f'its docstring has {len(found)} of {heading!r}')
  return found[0]


def merge(ours: cst.SimpleString, theirs: cst.SimpleString) -> cst.SimpleString:
  """Adds paragraphs before upstream's sections, and entries in its sections."""
  if '\\' in ours.raw_value and ours.prefix.lower() != theirs.prefix.lower():
    raise GraftError('of its docstring and ours only one is raw')
  new = textwrap.dedent(ours.raw_value.removeprefix('...')).split('\n')
  text = theirs.prefix + theirs.quote + _merged(new, theirs.raw_value)
  return theirs.with_changes(value=text + theirs.quote)


def _merged(new: list[str], upstream: str) -> str:
  """Upstream's text with the lines of ours, which have no margin."""
  lines = upstream.split('\n')
  margin = _margin(lines[1:])
  theirs, ours = _sections(lines, margin), _sections(new, 0)
  # From the last on, so that the others stay where they are.
  insertions = [_entries(section, new, lines, theirs) for section in ours]
  paragraphs = '\n'.join(new[: ours[0].begin if ours else None]).strip()
  if paragraphs:
    if not theirs:
      raise GraftError('its docstring has no section')
    block = textwrap.indent(paragraphs, ' ' * margin)
    insertions.append((theirs[0].begin, f'{block}\n'))
  for index, block in sorted(insertions, reverse=True):
    lines.insert(index, block)
  return '\n'.join(lines)


def _entries(
    ours: _Section, new: list[str], lines: list[str], theirs: list[_Section]
) -> tuple[int, str]:
  """The entries of a section of ours, and the line of upstream to insert at."""
  place = _section_named(ours.heading, theirs)
  inner = lines[place.begin + 1 : place.end]
  column = _margin(inner) or _margin(lines[place.begin : place.end]) + 2
  entries = textwrap.dedent('\n'.join(new[ours.begin + 1 : ours.end]))
  return place.end, textwrap.indent(entries, ' ' * column)
