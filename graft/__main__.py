"""The command line: ``python -m graft diff``, ``tree OUT`` and ``check``."""

import argparse
import pathlib
import sys
import tempfile

from graft import errors

with errors.told_in_one_line('pip install optax -r graft/requirements.txt'):
  from graft import package
  from graft import release


def main() -> None:
  """Runs one command."""
  parser = argparse.ArgumentParser(prog='python -m graft')
  parser.add_argument('command', choices=('diff', 'tree', 'check'))
  add = parser.add_argument
  add('out', nargs='?', type=pathlib.Path, help='of tree: where to make optax/')
  add('--onto', type=pathlib.Path, help='a checkout; else the pinned release')
  add('--version', help='of the checkout, if it does not say')
  options = parser.parse_args()
  if (options.command == 'tree') != (options.out is not None):
    parser.error('tree takes OUT, and the others do not')
  if options.onto is None:
    upstream = release.fetched(release.pin())
  else:
    upstream = release.in_folder(options.onto, options.version)
  if options.command == 'diff':
    sys.stdout.buffer.write(package.diff(upstream))
  elif options.command == 'tree':
    package.write_tree(upstream, options.out)
  else:
    with tempfile.TemporaryDirectory() as folder:
      found = package.checked_tree(upstream, pathlib.Path(folder))
      print(f'optax {upstream.version}: {found}')


if __name__ == '__main__':
  with errors.told_in_one_line('pip install optax'):
    main()
