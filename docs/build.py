"""Builds the site into ``docs/_build/html``: warnings are errors, doctests run.

  python -m docs.build

Figures, a table, numbers and the diff are made first, into ``docs/_generated``.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

from sphinxcontrib import katex

DOCS = pathlib.Path(__file__).resolve().parent
GENERATED = DOCS / '_generated'


def run(*command: str, stdout=None) -> None:
  """Runs a command from the repository's root, and prints it."""
  print('+', *command, flush=True)
  # On a machine without a screen or an accelerator there is nothing to ask.
  env = os.environ | {'MPLBACKEND': 'agg', 'JAX_PLATFORMS': 'cpu'}
  subprocess.run(command, check=True, cwd=DOCS.parent, env=env, stdout=stdout)


def fetch_katex() -> None:
  """Fetches KaTeX's style sheet and fonts, of the script's version.

  Without npm this leaves nothing, and `conf.py` then has the browser draw
  formulas as MathML.
  """
  if shutil.which('npm') is None:
    print('npm is missing: formulas will be MathML')
    return
  package = f'katex@{katex.katex_version}'
  with tempfile.TemporaryDirectory() as folder:
    run('npm', 'pack', '--silent', package, '--pack-destination', folder)
    (archive,) = pathlib.Path(folder).glob('*.tgz')
    with tarfile.open(archive) as tar:
      tar.extractall(folder, filter='data')
    dist = pathlib.Path(folder, 'package', 'dist')
    shutil.copytree(dist / 'fonts', GENERATED / 'katex' / 'fonts')
    shutil.copy(dist / 'katex.min.css', GENERATED / 'katex')


def main() -> None:
  """Builds the site."""
  python = sys.executable
  for folder in (GENERATED, DOCS / '_build'):
    shutil.rmtree(folder, ignore_errors=True)
  GENERATED.mkdir()
  fetch_katex()
  run(python, '-m', 'docs.epsilons', '--out', str(GENERATED))
  with open(GENERATED / 'pull_request.diff', 'wb') as file:
    run(python, '-m', 'graft', 'diff', stdout=file)
  # -E: anew, since what is included is not known to be newer.
  sphinx = (python, '-m', 'sphinx', '-W', '--keep-going', '-q', '-E')
  for builder in ('html', 'doctest'):
    run(*sphinx, '-b', builder, str(DOCS), str(DOCS / '_build' / builder))
  print(f'The site: {DOCS / "_build" / "html" / "index.html"}')


if __name__ == '__main__':
  main()
