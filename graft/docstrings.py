"""Adds paragraphs and entries to a docstring, in Google's style."""

import re
import textwrap

from graft.errors import Misfit

_HEADING = re.compile(
    r'(Args|Attributes|Examples?|Notes?|Raises|References|Returns|See Also'
    r'|Warnings?|Yields):\s*$|\.\. (note|seealso|tip|warning)::'
)
_LITERAL = re.compile(r'([rRuU]*)("""|\'\'\')(.*)\2', re.DOTALL)


def _margin(lines: list[str]) -> str:
  """The smallest indentation of the lines that are not blank."""
  margins = (line[: -len(line.lstrip())] for line in lines if line.strip())
  return min(margins, key=len, default='')


def _dedent(lines: list[str]) -> list[str]:
  return textwrap.dedent('\n'.join(lines)).split('\n')


def _indent(lines: list[str], margin: str) -> list[str]:
  return [margin + line if line else '' for line in lines]


def _sections(lines: list[str]) -> list[tuple[str, int, int]]:
  """Heading or directive, its line and the line after its last, in order.

  Args:
    lines: Lines of a docstring, dedented.

  Returns:
    The sections and the admonitions; a directive that only shows something, as
    ``.. math::``, is a paragraph like any other.
  """
  flush = [i for i, line in enumerate(lines) if line and line[0] != ' ']
  found = []
  for begin, after in zip(flush, [*flush, len(lines)][1:], strict=True):
    if heading := _HEADING.match(lines[begin]):
      while not lines[after - 1]:
        after -= 1
      found.append((heading[0].strip(), begin, after))
  return found


def _names(entries: list[str]) -> set[str]:
  """What the entries of a section begin with: the names before the colons."""
  heads = '\n'.join(_dedent(entries))
  return set(re.findall(r'^(\w+)(?: \(.*\))?:', heads, re.MULTILINE))


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
  of that name.

  Args:
    ours: The sparse string as it stands in the source, which begins with
      ``...`` after its quotes.
    theirs: Upstream's string as it stands in the source.

  Returns:
    Upstream's string with ours in it.

  Raises:
    Misfit: upstream's docstring is not one triple-quoted string, or lacks a
      section that is added to, or has it twice, or has what is added.
  """
  our_prefix, _, (_, *added) = _parse(ours)
  prefix, quotes, lines = _parse(theirs)
  if '\\' in ours and our_prefix != prefix:
    raise Misfit('of its docstring and ours only one is raw')
  closing = [lines.pop()] if lines[1:] and not lines[-1].strip() else []
  margin = _margin(lines[1:]) or _margin(added)
  text, new = [lines[0], *_dedent(lines[1:])], _dedent(added)
  there, here = _sections(text), _sections(new)
  insertions = []
  if paragraphs := '\n'.join(new[: here[0][1] if here else None]).strip('\n'):
    paragraphs = paragraphs.split('\n')
    if there:
      insertions.append((there[0][1], [*paragraphs, '']))
    else:
      insertions.append((len(lines), ['', *paragraphs]))
      closing = closing or [margin]
  for heading, begin, end in here:
    matching = [section for section in there if section[0] == heading]
    if len(matching) != 1:
      raise Misfit(f'its docstring has {len(matching)} of {heading!r}')
    ((_, first, last),) = matching
    known, entries = text[first + 1 : last], new[begin + 1 : end]
    if not known:
      raise Misfit(f'its docstring has nothing under {heading!r}')
    if doubled := _names(entries) & _names(known):
      raise Misfit(f'its docstring has {min(doubled)!r} under {heading!r}')
    insertions.append((last, _indent(_dedent(entries), _margin(known))))
  for index, block in sorted(insertions, reverse=True):
    lines[index:index] = _indent(block, margin)
  return ''.join([prefix, quotes, '\n'.join([*lines, *closing]), quotes])
