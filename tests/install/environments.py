"""Checkouts to build, and virtual environments to install into, in seconds.

An environment has its own optax and borrows everything else, jax among it, from
the environment that the tests run in. In a checkout, the check of the formulas
is replaced, since it takes longer than the rest of a build.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

from graft import package

_LEFT_OUT = shutil.ignore_patterns(
    '.git', '.venv', 'build', 'dist', '*.egg-info', '__pycache__', '_build'
)
_CHECK = """
def main():
  print('all functions follow the formulas')
"""
_REFUSING_CHECK = """
import sys

def main():
  sys.exit('adam: 1 is not 2; use a different optax')
"""
_USE = """
import optax, importlib.metadata as metadata
assert optax.adam(1e-3, tf_style=True)
print(metadata.version('optax'), optax.__file__)
"""


def checkout(folder: pathlib.Path) -> pathlib.Path:
  """Returns a copy of the repository whose check passes everything."""
  copy = folder / 'checkout'
  shutil.copytree(package.REPOSITORY, copy, ignore=_LEFT_OUT)
  set_check(copy, passes=True)
  return copy


def set_check(copy: pathlib.Path, passes: bool) -> None:
  """Has the check in a checkout pass or refuse everything."""
  text = _CHECK if passes else _REFUSING_CHECK
  (copy / 'graft' / 'check.py').write_text(text)


def run(
    *command: str | pathlib.Path, cwd: pathlib.Path, path: str = '', **env: str
) -> subprocess.CompletedProcess[str]:
  """Runs a command with a path for Python; the caller looks at the status."""
  env = os.environ | {'PYTHONPATH': path, 'PIP_NO_INPUT': '1'} | env
  return subprocess.run(
      command, cwd=cwd, env=env, capture_output=True, text=True, check=False
  )


def output(done: subprocess.CompletedProcess[str]) -> str:
  """What a command printed, or an AssertionError with that if it failed."""
  if done.returncode:
    raise AssertionError(done.stdout + done.stderr)
  return done.stdout


class Environment:
  """A virtual environment, with a release of optax if one is given."""

  def __init__(
      self, folder: pathlib.Path, upstream: pathlib.Path | None = None
  ):
    venv.create(folder)
    self.folder = folder
    self.python = folder / 'bin' / 'python'
    self.site = next(folder.glob('lib/python*/site-packages'))
    borrowed = [path for path in sys.path if path.endswith('site-packages')]
    (self.site / 'borrowed.pth').write_text('\n'.join(borrowed))
    if upstream is not None:
      shutil.copytree(upstream, self.site, dirs_exist_ok=True)

  def pip_install(self, *arguments: str | pathlib.Path) -> str:
    """Runs ``pip install``; returns what it prints."""
    command = (self.python, '-m', 'pip', 'install', *arguments)
    return output(run(*command, cwd=self.folder))

  def install(self, *arguments: str | pathlib.Path) -> str:
    """Installs one thing on what is installed, without its dependencies."""
    options = ('--no-deps', '--force-reinstall', '--no-build-isolation')
    return self.pip_install(*options, *arguments)

  def use(self, cwd: pathlib.Path | None = None) -> tuple[str, pathlib.Path]:
    """Uses the flag; returns optax's version and the file that it is in."""
    printed = output(run(self.python, '-c', _USE, cwd=cwd or self.folder))
    version, file = printed.split()
    return version, pathlib.Path(file).resolve()


def build(
    repository: pathlib.Path, kind: str, upstream: pathlib.Path
) -> pathlib.Path:
  """Builds an sdist, a wheel or an editable on a release; returns its path."""
  call = f'from graft import backend; print(backend.build_{kind}("dist"))'
  done = run(sys.executable, '-c', call, path=str(upstream), cwd=repository)
  return repository / 'dist' / output(done).split()[-1]
