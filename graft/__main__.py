"""The command line: ``python -m graft diff``, ``tree OUT`` and ``check``."""

import argparse
import pathlib
import sys
import tempfile

from graft import formula
from graft import package
from graft import release
from graft.errors import GraftError

_COMMANDS = {
    'diff': 'print the diff that takes upstream to the fork, for git apply',
    'tree': 'write the grafted package to OUT/optax',
    'check': 'hold the grafted package against the formulas',
}


def _options() -> argparse.Namespace:
  parser = argparse.ArgumentParser(prog='python -m graft')
  commands = parser.add_subparsers(dest='command', required=True)
  for name, text in _COMMANDS.items():
    command = commands.add_parser(name, help=text)
    if name == 'tree':
      command.add_argument('out', type=pathlib.Path, metavar='OUT')
    command.add_argument(
        '--onto',
        type=pathlib.Path,
        metavar='DIR',
        help='folder with an optax/ in it, by default the pinned release',
    )
    command.add_argument('--version', help='of what is in DIR, if it is not found')
  return parser.parse_args()


def main() -> None:
  """Runs one command; what is refused ends it with one line."""
  options = _options()
  try:
    if options.onto is None:
      upstream = release.pinned()
    else:
      upstream = release.in_folder(options.onto)
    if options.command == 'diff':
      sys.stdout.buffer.write(package.diff(upstream))
    elif options.command == 'tree':
      package.write_tree(upstream, options.out)
    else:
      with tempfile.TemporaryDirectory() as folder:
        package.write_tree(upstream, pathlib.Path(folder))
        found = formula.check(pathlib.Path(folder), upstream.root)
        print(f'optax {upstream.version}: {found}')
  except GraftError as error:
    sys.exit(f'graft: {error}')


if __name__ == '__main__':
  main()
