"""The command line: ``python -m graft diff``, ``tree OUT`` and ``check``.

Arguments go in; a diff, a folder or a line that says what was checked comes
out. Asking for help needs nothing but Python.
"""

import argparse
import pathlib
import sys
import tempfile

from graft import errors
from graft import version

_USAGE = f"""python -m graft COMMAND [--onto DIR [--version VERSION]]

Merges the change in optax/ into optax {version.UPSTREAM}, or into a checkout
in DIR, whose version can be given if it states none.

  diff      prints the change as a diff, for git apply
  tree OUT  writes the merged package to OUT/optax
  check     checks the updates of the merged package against the formulas"""


def main() -> None:
  """Runs one command."""
  parser = argparse.ArgumentParser(prog='python -m graft', usage=_USAGE)
  add = parser.add_argument
  add('command', nargs='?', choices=('diff', 'tree', 'check'))
  add('out', nargs='?', type=pathlib.Path)
  add('--onto', type=pathlib.Path)
  add('--version')
  options = parser.parse_args()
  if not options.command:
    return print('usage:', _USAGE)
  if (options.command == 'tree') != (options.out is not None):
    parser.error('tree takes OUT, and the others do not')

  from graft import package  # pylint: disable=import-outside-toplevel
  from graft import release  # pylint: disable=import-outside-toplevel

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
