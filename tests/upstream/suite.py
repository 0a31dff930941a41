"""Runs tests of an optax in a folder, in a process of their own."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
MODULES = ('transform', 'alias', 'utils')
"""The modules that the change adds to, each with its tests."""


def own_tests() -> str:
  """What selects the tests in the diff, for pytest's ``-k``."""
  sparse = REPOSITORY / 'optax' / '_src'
  texts = [(sparse / f'{module}_test.py').read_text() for module in MODULES]
  return ' or '.join(re.findall(r'def (test_\w+)', ''.join(texts)))


def outcomes(
    root: pathlib.Path,
    tests: list[str],
    *options: str,
    python: str = sys.executable,
) -> dict[str, str]:
  """The outcomes of tests, ``optax/_src/base_test.py``, of a folder's optax."""
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, 'outcomes.json')
    environment = dict(os.environ, RECORD=str(file))
    environment['PYTHONPATH'] = f'{root}{os.pathsep}{REPOSITORY}'
    command = [python, '-m', 'pytest', '-q', '--tb=short', f'--rootdir={root}']
    command += ['-c', os.devnull, '--import-mode=importlib']
    command += ['-p', 'no:cacheprovider', '-p', 'tests.upstream.record']
    command += [*options, *(str(root / test) for test in tests)]
    subprocess.run(command, env=environment, check=False)
    return json.loads(file.read_text())
