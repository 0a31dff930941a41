"""Merges the change in optax/ into a release of optax, or into a checkout.

  python -m graft diff       prints the change as a diff, for git apply
  python -m graft tree OUT   writes the merged package to OUT/optax
  python -m graft check      checks the merged package against the formulas
"""

import argparse
import pathlib
import sys
import tempfile

from graft import errors
from graft import version


def main() -> None:
  """Runs one command."""
  parser = argparse.ArgumentParser('python -m graft', description=__doc__)
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  add = parser.add_argument
  add('command', nargs='?', choices=('diff', 'tree', 'check'))
  add('out', nargs='?', type=pathlib.Path)
  what = f'a checkout, instead of optax {version.UPSTREAM}'
  add('--onto', metavar='DIR', type=pathlib.Path, help=what)
  add('--version', help='the version of the checkout, if it states none')
  options = parser.parse_args()
  if not options.command:
    return parser.print_help()
  if (options.command == 'tree') != (options.out is not None):
    parser.error('tree takes OUT, and the others do not')

  from graft import package  # Needs libcst, and help does not.
  from graft import release

  if options.onto is None:
    upstream = release.fetched()
  else:
    upstream = release.in_folder(options.onto, options.version)
  if options.command == 'diff':
    sys.stdout.buffer.write(package.diff(upstream))
  elif options.command == 'tree':
    package.write_tree(upstream, options.out)
  else:
    with tempfile.TemporaryDirectory() as folder:
      line = package.write_checked_tree(upstream, pathlib.Path(folder))
      print(f'optax {upstream.version}: {line}')


if __name__ == '__main__':
  with errors.exit_on_error('pip install -r graft/requirements.txt'):
    main()
