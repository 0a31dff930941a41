"""Breaks each expression of the change, and shows what no test notices.

``python -m tests.mutants`` needs ``pip install cosmic-ray``, and takes about 20
minutes on two cores. It breaks one expression that the diff adds at a time,
runs the tests in the diff, and prints the mutants that survive. Read each: it
is a missing test, or code that computes the same.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

from graft import package
from graft import release
from tests.upstream import suite

_CONFIG = """
[cosmic-ray]
module-path = {modules}
timeout = 300.0
excluded-modules = []
test-command = {command!r}

[cosmic-ray.distributor]
name = 'local'

[cosmic-ray.filters.git-filter]
branch = 'HEAD'
"""


def write_config(path: pathlib.Path) -> None:
  """Writes which modules to break, and how to run the tests in the diff."""
  tests = [f'optax/_src/{module}_test.py' for module in suite.MODULES]
  command = [sys.executable, '-m', 'pytest', '-x', '-q', '-c', os.devnull]
  command += ['-p', 'no:cacheprovider', '--import-mode=importlib']
  command += ['-k', suite.own_tests(), *tests]
  modules = [f'optax/_src/{module}.py' for module in suite.MODULES]
  config = _CONFIG.format(modules=modules, command=shlex.join(command))
  path.write_text(config, 'utf-8')


def main() -> None:
  """Mutates a copy of the fork, and prints the mutants that survive."""
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    env = os.environ | {'PYTHONPATH': folder}

    def run(*command: str, **kwargs) -> None:
      subprocess.run(command, cwd=root, env=env, check=True, **kwargs)

    upstream = release.fetched()
    upstream.copy(root)
    identity = ('-c', 'user.name=tests', '-c', 'user.email=tests@localhost')
    run('git', 'init', '--quiet')
    run('git', 'add', 'optax')
    run('git', *identity, 'commit', '--quiet', '--message', 'Upstream')
    run('git', 'apply', input=package.diff(upstream))
    write_config(root / 'config.toml')
    run('cosmic-ray', 'init', 'config.toml', 'session.sqlite')
    # Only what the diff adds is broken.
    run('cr-filter-git', '--config', 'config.toml', 'session.sqlite')
    run('cosmic-ray', 'baseline', 'config.toml')
    run('cosmic-ray', 'exec', 'config.toml', 'session.sqlite')
    run('cr-report', '--surviving-only', '--show-diff', 'session.sqlite')


if __name__ == '__main__':
  main()
