"""Adds paragraphs and entries to a docstring, in Google's style."""

import re
import textwrap
from typing import NamedTuple

import libcst as cst

from graft.errors import GraftError

_HEADING = re.compile(r' *([A-Z]\w+( [A-Z]\w+)*:$|\.\. (note|warning)::)')


class _Section(NamedTuple):
  """A heading, or a directive such as a note, and the text under it."""

  heading: str
  begin: int  # The line of the heading.
  body: list[str]  # The lines below it, up to the last that is not blank.

  @property
  def end(self) -> int:
    return self.begin + 1 + len(self.body)


def _margin(lines: list[str]) -> int:
  """The smallest indentation of the lines that are not blank."""
  filled = [line for line in lines if line.strip()]
  indents = [len(line) - len(line.lstrip()) for line in filled]
  return min(indents, default=0)


def _sections(lines: list[str], margin: int) -> list[_Section]:
  """The sections whose headings begin at a margin."""
  is_flush = re.compile(rf' {{{margin}}}\S').match
  begins = [i for i, line in enumerate(lines) if is_flush(line)]
  ends = [*begins[1:], len(lines)]
  found = []
  for begin, end in zip(begins, ends, strict=True):
    heading = _HEADING.match(lines[begin].rstrip())
    if heading:
      body = lines[begin + 1 : end]
      while body and not body[-1].strip():
        body.pop()
      found.append(_Section(heading[1], begin, body))
  return found


def _section_named(heading: str, sections: list[_Section]) -> _Section:
  """The only section with a heading."""
  found = [section for section in sections if section.heading == heading]
  if len(found) != 1:
    raise GraftError(f'its docstring has {len(found)} of {heading!r}')
  return found[0]


def _merged(new: list[str], lines: list[str]) -> list[str]:
  """Adds our lines, which have no margin, to upstream's lines."""
  margin = _margin(lines[1:])
  theirs = _sections(lines, margin)
  ours = _sections(new, 0)
  insertions = []
  introduction = new[: ours[0].begin] if ours else new
  paragraphs = '\n'.join(introduction).strip()
  if paragraphs:
    if not theirs:
      raise GraftError('its docstring has no section')
    block = textwrap.indent(paragraphs, ' ' * margin)
    insertions.append((theirs[0].begin, f'{block}\n'))
  for section in ours:
    place = _section_named(section.heading, theirs)
    column = _margin(place.body) or margin + 2
    entries = textwrap.dedent('\n'.join(section.body))
    insertions.append((place.end, textwrap.indent(entries, ' ' * column)))
  merged = list(lines)
  # From the last one on, so that the others stay where they are.
  for index, block in sorted(insertions, reverse=True):
    merged.insert(index, block)
  return merged


def merge(ours: cst.SimpleString, theirs: cst.SimpleString) -> cst.SimpleString:
  """Adds paragraphs before upstream's sections, and entries in its sections."""
  if '\\' in ours.raw_value and ours.prefix.lower() != theirs.prefix.lower():
    raise GraftError('of its docstring and ours only one is raw')
  new = textwrap.dedent(ours.raw_value.removeprefix('...'))
  lines = _merged(new.split('\n'), theirs.raw_value.split('\n'))
  text = '\n'.join(lines)
  value = f'{theirs.prefix}{theirs.quote}{text}{theirs.quote}'
  return theirs.with_changes(value=value)
