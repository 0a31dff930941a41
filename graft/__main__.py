"""The command line: ``python -m graft diff``, ``tree OUT`` and ``check``.

Arguments go in; a diff, a folder or a line that says what was checked comes
out. Asking for help needs nothing that is not in Python.
"""

import argparse
import pathlib
import sys
import tempfile

from graft import errors
from graft import version


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
      prog='python -m graft',
      description='Merges the change in optax/ into a release of optax.',
  )
  commands = parser.add_subparsers(dest='command', metavar='COMMAND')
  for name, does in (
      ('diff', 'print the change as a diff, for git apply'),
      ('tree', 'write the merged package to OUT/optax'),
      ('check', "check the merged package's updates against the formulas"),
  ):
    command = commands.add_parser(name, help=does, description=does)
    if name == 'tree':
      command.add_argument('out', type=pathlib.Path, metavar='OUT')
    command.add_argument(
        '--onto',
        type=pathlib.Path,
        metavar='DIR',
        help=f'a checkout of optax; by default optax {version.UPSTREAM}',
    )
    command.add_argument('--version', help='of the checkout, if it states none')
  return parser


def main() -> None:
  """Runs one command."""
  parser = _parser()
  options = parser.parse_args()
  if not options.command:
    parser.print_help()
    return
  # Imported here since they need libcst.
  from graft import package  # pylint: disable=import-outside-toplevel
  from graft import release  # pylint: disable=import-outside-toplevel

  if options.onto is None:
    upstream = release.fetched(version.UPSTREAM)
  else:
    upstream = release.in_folder(options.onto, options.version)
  if options.command == 'diff':
    sys.stdout.buffer.write(package.diff(upstream))
  elif options.command == 'tree':
    package.write_tree(upstream, options.out)
  else:
    with tempfile.TemporaryDirectory() as folder:
      checked = package.write_checked_tree(upstream, pathlib.Path(folder))
      print(f'optax {upstream.version}: {checked}')


if __name__ == '__main__':
  with errors.exit_on_error('pip install -r graft/requirements.txt'):
    main()
