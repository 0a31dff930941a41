"""Merges the change in optax/ into a release of optax, or into a checkout.

  python -m graft diff    prints the change as a diff, for git apply
  python -m graft check   checks the merged package against the formulas
"""

import argparse
import pathlib
import sys
import tempfile

from graft import errors


def main() -> None:
  """Runs one command."""
  # Here, so that a missing requirement ends with one line.
  from graft import package
  from graft import release
  from graft import version

  parser = argparse.ArgumentParser('python -m graft', description=__doc__)
  parser.formatter_class = argparse.RawDescriptionHelpFormatter
  parser.add_argument('command', choices=('diff', 'check'))
  parser.add_argument(
      '--onto',
      metavar='DIR',
      type=pathlib.Path,
      help=f'a checkout, instead of optax {version.UPSTREAM}',
  )
  options = parser.parse_args()
  if options.onto:
    upstream = release.in_folder(options.onto)
  else:
    upstream = release.fetched()
  if options.command == 'diff':
    sys.stdout.buffer.write(package.diff(upstream))
  else:
    with tempfile.TemporaryDirectory() as folder:
      line = package.write_checked_tree(upstream, pathlib.Path(folder))
      print(f'optax {upstream.version}: {line}')


if __name__ == '__main__':
  with errors.exit_on_error('pip install -r graft/requirements.txt'):
    main()
