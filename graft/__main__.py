"""The command line: ``python -m graft diff``, ``tree`` and ``check``."""

import argparse
import pathlib
import sys
import tempfile

from graft import errors
from graft import formula
from graft import package
from graft import release


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
      prog='python -m graft',
      description='Lays the sparse files in optax/ over a release of optax.',
  )
  commands = parser.add_subparsers(dest='command', required=True)
  diff = commands.add_parser(
      'diff', help='print the unified diff that takes upstream to the fork'
  )
  tree = commands.add_parser('tree', help='write the grafted package')
  tree.add_argument(
      'out', type=pathlib.Path, metavar='OUT', help='folder to make optax/ in'
  )
  check = commands.add_parser(
      'check', help='hold the grafted package against the formulas'
  )
  for command in (diff, tree, check):
    command.add_argument(
        '--onto',
        type=pathlib.Path,
        metavar='DIR',
        help='folder with an optax/ in it, by default the pinned release',
    )
  return parser


def main(arguments: list[str] | None = None) -> int:
  """Runs the command line; gives the exit status."""
  options = _parser().parse_args(arguments)
  try:
    if options.onto is None:
      upstream = release.pinned()
    else:
      upstream = release.in_folder(options.onto)
    if options.command == 'diff':
      sys.stdout.buffer.write(package.diff(upstream).encode())
    elif options.command == 'tree':
      package.write_tree(upstream, options.out)
    else:
      with tempfile.TemporaryDirectory() as folder:
        grafted = pathlib.Path(folder)
        package.write_tree(upstream, grafted)
        print(f'optax {upstream.version}: {formula.check(grafted, upstream.root)}')
  except errors.GraftError as error:
    print(f'graft: {error}', file=sys.stderr)
    return 1
  return 0


if __name__ == '__main__':
  sys.exit(main())
