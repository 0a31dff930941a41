"""Adds paragraphs and entries to a docstring, in Google's style."""

import re
import textwrap

from graft.errors import Misfit

_HEADING = re.compile(
    r' *((Args|Attributes|Examples?|Notes?|Raises|References|Returns|See Also'
    r'|Warnings?|Yields):$|\.\. (note|seealso|tip|warning)::)'
)
_LITERAL = re.compile(r'([rRuU]*)("""|\'\'\')(.*)\2', re.DOTALL)


def _margin(lines: list[str]) -> int:
  """The smallest indentation of the lines that are not blank."""
  filled = filter(str.strip, lines)
  return min((len(line) - len(line.lstrip()) for line in filled), default=0)


def _sections(lines: list[str], margin: int) -> list[tuple[str, int, int]]:
  """The sections and the admonitions: heading, first line, line after the last.

  A directive that only shows something, as ``.. math::``, is a paragraph.
  """
  filled = (i for i, line in enumerate(lines) if line.strip())
  flush = [i for i in filled if _margin([lines[i]]) == margin]
  found = []
  for begin, end in zip(flush, [*flush, len(lines)][1:], strict=True):
    if heading := _HEADING.match(lines[begin].rstrip()):
      while not lines[end - 1].strip():
        end -= 1
      found.append((heading[1], begin, end))
  return found


def _names(entries: list[str]) -> set[str]:
  """What the entries of a section begin with: the names before the colons."""
  heads = rf'^ {{{_margin(entries)}}}(\w+)(?: \(.*\))?:'
  return set(re.findall(heads, '\n'.join(entries), re.MULTILINE))


def _parse(literal: str) -> tuple[str, str, list[str]]:
  """The prefix, the quotes and the lines of a triple-quoted string."""
  match = _LITERAL.fullmatch(literal)
  if match is None or match[2] in match[3]:
    raise Misfit('a docstring here is not one triple-quoted string')
  return match[1].lower(), match[2], match[3].split('\n')


def merge(ours: str, theirs: str) -> str:
  """Upstream's docstring with what a sparse one adds to it.

  Paragraphs go before upstream's first section, or to the end where it has
  none; what stands under a heading or an admonition goes to the end of the one
  of that name. Both strings are as in the source, quotes included.
  """
  our_prefix, _, (_, *new) = _parse(ours)
  prefix, quotes, lines = _parse(theirs)
  if '\\' in ours and our_prefix != prefix:
    raise Misfit('of its docstring and ours only one is raw')
  margin = _margin(lines[1:]) or _margin(new)
  flush = textwrap.dedent('\n'.join(new))
  new = textwrap.indent(flush, ' ' * margin).split('\n')
  there, here = _sections(lines, margin), _sections(new, margin)
  insertions = []
  paragraphs = '\n'.join(new[: here[0][1] if here else None]).strip('\n')
  if paragraphs.rstrip() and there:
    insertions.append((there[0][1], [paragraphs.rstrip(), '']))
  elif paragraphs.rstrip():
    closing = [] if lines[1:] else [' ' * margin]
    block = ['', paragraphs.rstrip(), *closing]
    insertions.append((len(lines) - 1 or 1, block))
  for heading, begin, end in here:
    places = [place for name, *place in there if name == heading]
    if len(places) != 1:
      raise Misfit(f'its docstring has {len(places)} of {heading!r}')
    ((first, last),) = places
    known, entries = lines[first + 1 : last], new[begin + 1 : end]
    if _margin(known) != _margin(entries):
      raise Misfit(f'its docstring has nothing like ours under {heading!r}')
    if doubled := _names(entries) & _names(known):
      raise Misfit(f'its docstring has {min(doubled)!r} under {heading!r}')
    insertions.append((last, entries))
  for index, block in sorted(insertions, reverse=True):
    lines[index:index] = block
  return ''.join([prefix, quotes, '\n'.join(lines), quotes])
