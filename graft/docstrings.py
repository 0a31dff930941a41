"""Adds paragraphs and entries to a docstring, in Google's style."""

import re
import textwrap

import libcst as cst

from graft.errors import GraftError

_HEADING = re.compile(r' *([A-Z]\w+( [A-Z]\w+)*:$|\.\. (note|warning)::)')


def _margin(lines: list[str]) -> int:
  """The smallest indentation of the lines that are not blank."""
  filled = filter(str.strip, lines)
  return min((len(line) - len(line.lstrip()) for line in filled), default=0)


def _sections(lines: list[str], margin: int) -> list[tuple[str, int, int]]:
  """The heading, first line and end of each section, notes and warnings too."""
  begins = re.compile(rf' {{{margin}}}\S').match
  flush = [i for i, line in enumerate(lines) if begins(line)]
  found = []
  for begin, end in zip(flush, [*flush, len(lines)][1:], strict=True):
    if heading := _HEADING.match(lines[begin].rstrip()):
      while not lines[end - 1].strip():
        end -= 1
      found.append((heading[1], begin, end))
  return found


def merge(ours: cst.SimpleString, theirs: cst.SimpleString) -> cst.SimpleString:
  """Adds paragraphs before upstream's sections, and entries in its sections."""
  if '\\' in ours.raw_value and ours.prefix.lower() != theirs.prefix.lower():
    raise GraftError('of its docstring and ours only one is raw')
  lines = theirs.raw_value.split('\n')
  margin = _margin(lines[1:])
  new = textwrap.dedent(ours.raw_value.removeprefix('...')).split('\n')
  there, here = _sections(lines, margin), _sections(new, 0)
  insertions = []
  if paragraphs := '\n'.join(new[: here[0][1] if here else None]).strip():
    if not there:
      raise GraftError('its docstring has no section')
    block = textwrap.indent(paragraphs, ' ' * margin)
    insertions.append((there[0][1], [block, '']))
  for heading, begin, end in here:
    places = [place for name, *place in there if name == heading]
    if len(places) != 1:
      raise GraftError(f'its docstring has {len(places)} of {heading!r}')
    ((first, last),) = places
    entries = textwrap.dedent('\n'.join(new[begin + 1 : end]))
    column = _margin(lines[first + 1 : last]) or margin + 2
    insertions.append((last, [textwrap.indent(entries, ' ' * column)]))
  for index, block in sorted(insertions, reverse=True):
    lines[index:index] = block
  value = theirs.prefix + theirs.quote + '\n'.join(lines) + theirs.quote
  return theirs.with_changes(value=value)
