"""Adds paragraphs and entries to a docstring, in Google's style."""

import re

_HEADING = re.compile(
    r'(?P<heading>(Args|Attributes|Examples?|Notes?|Raises|References|Returns'
    r'|See Also|Warnings?|Yields):)\s*$'
    r'|(?P<directive>\.\. (note|seealso|tip|warning)::)'
)
_LITERAL = re.compile(r'([rRuU]*)("""|\'\'\')(.*)\2', re.DOTALL)


class Misfit(ValueError):
  """A docstring that cannot be added to; the message says why."""


def _indentation(line: str) -> int:
  return len(line) - len(line.lstrip(' '))


def _margin(lines: list[str]) -> int:
  """The smallest indentation of the lines that are not blank."""
  return min(map(_indentation, filter(str.strip, lines)), default=0)


def _dedent(lines: list[str], margin: int | None = None) -> list[str]:
  margin = _margin(lines) if margin is None else margin
  return [line[margin:] if line.strip() else '' for line in lines]


def _indent(lines: list[str], margin: int) -> list[str]:
  return [' ' * margin + line if line else '' for line in lines]


def _trimmed(lines: list[str]) -> list[str]:
  """Lines without the blank ones at either end."""
  filled = [index for index, line in enumerate(lines) if line.strip()]
  return lines[filled[0] : filled[-1] + 1] if filled else []


def _sections(lines: list[str]) -> list[tuple[str, int, int]]:
  """Heading or directive, its line and the line after its last, in order.

  Args:
    lines: Lines of a docstring, dedented.

  Returns:
    The sections and the admonitions; a directive that only shows something, as
    ``.. math::``, is a paragraph like any other.
  """
  flush = [i for i, x in enumerate(lines) if x and not x.startswith(' ')]
  found = []
  for begin, after in zip(flush, [*flush, len(lines)][1:], strict=True):
    if match := _HEADING.match(lines[begin]):
      while not lines[after - 1]:
        after -= 1
      found.append((match[0].strip(), begin, after))
  return found


def _names(entries: list[str]) -> set[str]:
  """What the entries of a section begin with: the names before the colons."""
  heads = '\n'.join(_dedent(entries))
  return set(re.findall(r'^(\w+)(?: \(.*\))?:', heads, re.MULTILINE))


def _parse(literal: str) -> tuple[str, str, list[str]]:
  """The prefix, the quotes and the lines of a triple-quoted string."""
  match = _LITERAL.fullmatch(literal)
  if match is None or match[2] in match[3]:
    raise Misfit('its docstring is not one triple-quoted string')
  return match[1], match[2], match[3].split('\n')


def merge(ours: str, theirs: str, margin: int) -> str:
  """Upstream's docstring with what a sparse one adds to it.

  Paragraphs go before upstream's first section, or to the end where it has
  none; what stands under a heading or an admonition goes to the end of the one
  of that name.

  Args:
    ours: The sparse string as it stands in the source, which begins with
      ``...`` after its quotes.
    theirs: Upstream's string as it stands in the source.
    margin: Indentation of the statement that upstream's stands in.

  Returns:
    Upstream's string with ours in it.

  Raises:
    Misfit: upstream's docstring is not one triple-quoted string, or lacks a
      section that is added to, or has it twice, or has what is added.
  """
  our_prefix, _, (_, *added) = _parse(ours)
  prefix, quotes, lines = _parse(theirs)
  if '\\' in ours and our_prefix.lower() != prefix.lower():
    raise Misfit('of its docstring and ours only one is raw')
  closing = [lines.pop()] if len(lines) > 1 and not lines[-1].strip() else []
  margin = _margin(lines[1:]) or margin
  text, new = [lines[0], *_dedent(lines[1:], margin)], _dedent(added)
  there, here = _sections(text), _sections(new)
  insertions = []
  if paragraphs := _trimmed(new[: here[0][1] if here else None]):
    if there:
      insertions.append((there[0][1], [*paragraphs, '']))
    else:
      insertions.append((len(lines), ['', *paragraphs]))
      closing = closing or [' ' * margin]
  for heading, begin, end in here:
    matching = [section for section in there if section[0] == heading]
    if len(matching) != 1:
      number = 'more than one' if matching else 'no'
      raise Misfit(f'its docstring has {number} {heading!r}')
    _, first, last = matching[0]
    known = text[first + 1 : last]
    if not known:
      raise Misfit(f'its docstring has nothing under {heading!r}')
    entries = new[begin + 1 : end]
    if doubled := _names(entries) & _names(known):
      raise Misfit(f'its docstring has {min(doubled)!r} under {heading!r}')
    insertions.append((last, _indent(_dedent(entries), _margin(known))))
  for index, block in sorted(insertions, key=lambda x: x[0], reverse=True):
    lines[index:index] = _indent(block, margin)
  return ''.join([prefix, quotes, '\n'.join([*lines, *closing]), quotes])
