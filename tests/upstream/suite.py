"""Runs the tests of the optax in a folder, in a separate process."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

from graft import package

# The modules that the change adds to, each with its tests.
MODULES = ('transform', 'alias', 'utils')


def own_tests() -> str:
  """Returns what selects the tests in the diff, for pytest's ``-k``."""
  names = []
  for module in MODULES:
    sparse = package.REPOSITORY / 'optax' / '_src' / f'{module}_test.py'
    names += re.findall(r'def (test_\w+)', sparse.read_text('utf-8'))
  return ' or '.join(names)


def _read_outcome(case: ElementTree.Element) -> str:
  tags = {child.tag for child in case}
  if 'skipped' in tags:
    return 'skipped'
  return 'failed' if tags & {'failure', 'error'} else 'passed'


def outcomes(
    root: pathlib.Path,
    tests: list[str],
    *options: str,
    python: str = sys.executable,
    xla_flags: str = '',
) -> dict[str, str]:
  """Runs tests, such as ``optax/_src/base_test.py``, of the optax in a folder.

  Args:
    root: The folder that holds ``optax/``.
    tests: Files in it.
    *options: Options of pytest.
    python: The interpreter.
    xla_flags: Flags for XLA, by default none.

  Returns:
    ``passed``, ``skipped`` or ``failed`` for each ``file::test``.
  """
  with tempfile.TemporaryDirectory() as folder:
    report = pathlib.Path(folder, 'outcomes.xml')
    command = [python, '-m', 'pytest', '-q', '--tb=short', f'--rootdir={root}']
    command += ['-c', os.devnull, '--import-mode=importlib']
    command += ['-p', 'no:cacheprovider', f'--junitxml={report}']
    command += ['-o', 'junit_family=xunit1']  # It names the files.
    command += options
    command += [str(root / test) for test in tests]
    env = dict(os.environ, PYTHONPATH=str(root), XLA_FLAGS=xla_flags)
    subprocess.run(command, env=env, check=False)
    found = {}
    for case in ElementTree.parse(report).iter('testcase'):
      test = f'{case.get("file")}::{case.get("classname")}.{case.get("name")}'
      found[test] = _read_outcome(case)
    return found
