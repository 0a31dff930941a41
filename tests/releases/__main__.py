"""Prints the table of releases; with ``--write`` puts it into the docs."""

from collections.abc import Iterable
import sys

import jax

from docs import pages
from graft import package
from tests.releases import survey

PAGE = package.REPOSITORY / 'docs' / 'releases.md'
_BLOCK = 'releases'


def row(found: survey.Finding) -> list[str]:
  """The cells of one row of the table."""
  names = ', '.join(f'`{name}`' for name in found.in_text)
  start = [found.version, found.refusal or 'yes', names]
  if found.probed is None:
    why = found.problem if found.upstream_works else 'nor does upstream'
    return [*start, f'no, {why}', '']
  worst = max(d['relative'] for d in found.probed['deviations'].values())
  return [*start, 'yes', f'{worst:.0e}']


def table(findings: Iterable[survey.Finding]) -> str:
  """The table, in Markdown."""
  head = ['release', 'grafts', 'takes `tf_style`']
  head += [f'runs on jax {jax.__version__}', 'largest deviation']
  return pages.table(head, map(row, findings))


def written() -> str:
  """The table as it stands in the docs."""
  return pages.read(PAGE.read_text(), _BLOCK)


def main() -> None:
  found = table(map(survey.examine, survey.listed()))
  print(found)
  if '--write' in sys.argv:
    PAGE.write_text(pages.fill(PAGE.read_text(), {_BLOCK: found}))


if __name__ == '__main__':
  main()
