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
  """What a tool prints when it runs in a folder, whatever its exit status."""
  scripts = str(pathlib.Path(sys.executable).parent)  # pyrefly is a binary.
  done = subprocess.run(
      [sys.executable, '-m', *command],
      cwd=root,
      env=os.environ | {'PATH': scripts + os.pathsep + os.environ['PATH']},
      capture_output=True,
      text=True,
  )
  if done.returncode and not done.stdout:
    raise RuntimeError(done.stderr)
  return done.stdout


def flake8(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  del settings
  options = ('--select=E9,F63,F7,F82,E225,E251', '--format=%(code)s %(text)s')
  return _run(root, 'flake8', *options, *files).splitlines()


def ruff(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  options = ('check', '--config', settings, '--output-format', 'json')
  found = json.loads(_run(root, 'ruff', *options, *files))
  return [f'{item["code"]} {item["message"]}' for item in found]


def pylint(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  options = ['--rcfile', settings, '--output-format', 'json']
  options += ['--check-quote-consistency=yes']
  found = []
  for disabled, is_test in (('E1102', False), ('W0212,E1102', True)):
    some = [file for file in files if file.endswith('_test.py') == is_test]
    if some:
      found += json.loads(_run(root, 'pylint', *options, '-d', disabled, *some))
  return [f'{item["symbol"]} {item["obj"]} {item["message"]}' for item in found]


def pyrefly(root: pathlib.Path, files: list[str], settings: str) -> list[str]:
  """Leaves out tests, as upstream's settings do."""
  del settings
  options = ['check', '--preset', 'default', '--search-path', '.']
  options += ['--output-format', 'json']
  files = [file for file in files if not file.endswith('_test.py')]
  found = json.loads(_run(root, 'pyrefly', *options, *files))['errors']
  return [f'{item["name"]} {item["description"]}' for item in found]


ALL = (flake8, ruff, pylint, pyrefly)
