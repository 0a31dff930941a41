"""Prints the table of releases; with ``--write`` puts it into the docs."""

import sys

from docs import pages
from graft import package
from tests.releases import survey

PAGE = package.REPOSITORY / 'docs' / 'releases.md'
_BLOCK = 'releases'
_HEAD = (
    'release',
    'grafts',
    'imports here',
    'takes `tf_style`',
    'largest deviation from the formulas',
)


def row(finding: survey.Finding) -> list[str]:
  """The cells of one row of the table."""
  start = [finding.version, finding.refusal or 'yes']
  if finding.probed is None:
    why = finding.problem if finding.upstream_imports else 'nor does upstream'
    return [*start, f'no, {why}', '', '']
  aliases = ', '.join(f'`{name}`' for name in finding.probed['aliases'])
  worst = max(map(max, finding.probed['deviations'].values()))
  return [*start, 'yes', aliases, f'{worst:.0e}']


def table(findings: list[survey.Finding]) -> str:
  """The table, in Markdown."""
  return pages.table(_HEAD, map(row, findings))


def written() -> str:
  """The table as it stands in the docs."""
  return pages.read(PAGE.read_text(), _BLOCK)


def main() -> None:
  found = table(list(survey.survey()))
  print(found)
  if '--write' in sys.argv:
    PAGE.write_text(pages.fill(PAGE.read_text(), {_BLOCK: found}))


if __name__ == '__main__':
  main()
