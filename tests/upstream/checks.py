"""The linters and the type checker that upstream's continuous integration runs.

Each check takes a folder that holds ``optax/``, some of its files, and the path
of upstream's ``pyproject.toml``. It returns what a tool finds in these files.
"""

import collections
from collections.abc import Callable
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple, TypeAlias


class Finding(NamedTuple):
  """What a tool finds, and where."""

  text: str
  file: str
  line: int


Check: TypeAlias = Callable[[pathlib.Path, list[str], str], list[Finding]]


def _run(root: pathlib.Path, *command: str) -> str:
  """Returns what a tool prints in a folder, whatever its exit status."""
  scripts = str(pathlib.Path(sys.executable).parent)  # pyrefly is a binary.
  path = scripts + os.pathsep + os.environ['PATH']
  done = subprocess.run(
      [sys.executable, '-m', *command],
      cwd=root,
      env=os.environ | {'PATH': path},
      capture_output=True,
      text=True,
      check=False,
  )
  if done.returncode and not done.stdout:
    raise RuntimeError(done.stderr)
  return done.stdout


def _run_json(root: pathlib.Path, *command: str) -> Any:
  return json.loads(_run(root, *command))


def flake8(
    root: pathlib.Path, files: list[str], settings: str
) -> list[Finding]:
  """Runs the checks that upstream selects on its command line."""
  del settings
  codes = '--select=E9,F63,F7,F82,E225,E251'
  columns = '--format=%(code)s %(text)s\t%(path)s\t%(row)d'
  lines = _run(root, 'flake8', codes, columns, *files).splitlines()
  found = []
  for line in lines:
    text, file, number = line.split('\t')
    found.append(Finding(text, file, int(number)))
  return found


def ruff(
    root: pathlib.Path, files: list[str], settings: str
) -> list[Finding]:
  """Runs ruff with upstream's settings."""
  options = ['--config', settings, '--output-format', 'json']
  return [
      Finding(
          text=f'{found["code"]} {found["message"]}',
          file=os.path.relpath(found['filename'], root.resolve()),
          line=found['location']['row'],
      )
      for found in _run_json(root, 'ruff', 'check', *options, *files)
  ]


def pylint(
    root: pathlib.Path, files: list[str], settings: str
) -> list[Finding]:
  """Lets tests access private names, as upstream does."""
  options = ['--rcfile', settings, '--output-format', 'json']
  options += ['--check-quote-consistency=yes', '--disable', 'E1102']
  return [
      Finding(
          text=f'{found["symbol"]} {found["obj"]} {found["message"]}',
          file=found['path'],
          line=found['line'],
      )
      for found in _run_json(root, 'pylint', *options, *files)
      if not (
          found['symbol'] == 'protected-access'
          and found['path'].endswith('_test.py')
      )
  ]


def pyrefly(
    root: pathlib.Path, files: list[str], settings: str
) -> list[Finding]:
  """Leaves out tests, as upstream's settings do."""
  del settings
  sources = [file for file in files if not file.endswith('_test.py')]
  options = ['--preset', 'default', '--search-path', '.']
  options += ['--output-format', 'json']
  output = _run_json(root, 'pyrefly', 'check', *options, *sources)
  return [
      Finding(
          text=f'{found["name"]} {found["description"]}',
          file=found['path'],
          line=found['line'],
      )
      for found in output['errors']
  ]


ALL: tuple[Check, ...] = (flake8, ruff, pylint, pyrefly)


def new_findings(before: list[Finding], after: list[Finding]) -> list[Finding]:
  """Returns the findings whose text is more frequent than before.

  The change moves lines, so line numbers can't be compared.
  """
  count_before = collections.Counter(found.text for found in before)
  count_after = collections.Counter(found.text for found in after)
  new_texts = count_after - count_before
  return [found for found in after if found.text in new_texts]
