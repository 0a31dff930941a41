"""The linters and the type checker that upstream's continuous integration runs.

Each function takes a folder that holds ``optax/``, some of its files and
upstream's ``pyproject.toml``, and returns one line for each finding.
"""

import json
import os
import pathlib
import subprocess
import sys


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


def flake8(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  del settings
  codes = '--select=E9,F63,F7,F82,E225,E251'
  output = _run(root, 'flake8', codes, '--format=%(code)s %(text)s', *files)
  return output.splitlines()


def ruff(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  options = ['check', '--config', settings, '--output-format', 'json']
  findings = json.loads(_run(root, 'ruff', *options, *files))
  return [f'{found["code"]} {found["message"]}' for found in findings]


def _pylint(root, files, settings, disabled):
  options = ['--rcfile', settings, '--output-format', 'json']
  options += ['--check-quote-consistency=yes', '--disable', disabled]
  findings = json.loads(_run(root, 'pylint', *options, *files))
  return [
      f'{found["symbol"]} {found["obj"]} {found["message"]}'
      for found in findings
  ]


def pylint(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  tests = [file for file in files if file.endswith('_test.py')]
  sources = [file for file in files if file not in tests]
  found = _pylint(root, sources, settings, 'E1102') if sources else []
  if tests:
    found += _pylint(root, tests, settings, 'W0212,E1102')
  return found


def pyrefly(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  """Leaves out tests, as upstream's settings do."""
  del settings
  sources = [file for file in files if not file.endswith('_test.py')]
  options = ['check', '--preset', 'default', '--search-path', '.']
  options += ['--output-format', 'json']
  findings = json.loads(_run(root, 'pyrefly', *options, *sources))['errors']
  return [f'{found["name"]} {found["description"]}' for found in findings]


ALL = (flake8, ruff, pylint, pyrefly)
