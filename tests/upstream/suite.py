"""Runs the tests of the optax in a folder, in a separate process."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# The modules that the change adds to, each with its tests.
MODULES = ('transform', 'alias', 'utils')


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
    stdout: int | None = None,
) -> dict[str, str]:
  """Whether tests, such as ``optax/_src/base_test.py``, passed in a folder.

  Returns ``passed``, ``skipped`` or ``failed`` for each ``file::test``.
  """
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, 'outcomes.xml')
    command = [python, '-m', 'pytest', '-q', '--tb=short', f'--rootdir={root}']
    command += ['-c', os.devnull, '--import-mode=importlib']
    command += ['-p', 'no:cacheprovider', f'--junitxml={file}']
    command += ['-o', 'junit_family=xunit1']  # It names the files.
    command += [*options, *(str(root / test) for test in tests)]
    env = dict(os.environ, PYTHONPATH=str(root))
    subprocess.run(command, env=env, check=False, stdout=stdout)
    found = {}
    for case in ElementTree.parse(file).iter('testcase'):
      tags = {child.tag for child in case}
      failed = 'failed' if tags & {'failure', 'error'} else 'passed'
      test = f'{case.get("file")}::{case.get("classname")}.{case.get("name")}'
      found[test] = 'skipped' if 'skipped' in tags else failed
    return found
