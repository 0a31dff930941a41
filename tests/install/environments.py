"""Checkouts to build, and virtual environments to install into, in seconds.

An environment has its own optax and borrows everything else, jax among it, from
the environment that the tests run in.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

from graft import package

_LEFT_OUT = shutil.ignore_patterns(
    '.*', 'build', 'dist', '*.egg-info', '__pycache__', '_build', 'generated'
)
_USE = """
import optax, importlib.metadata as metadata
assert optax.adam(1e-3, tf_style=True)
print(metadata.version('optax'), optax.__file__)
"""


def checkout(folder: pathlib.Path) -> pathlib.Path:
  """A copy of the repository, without what building and testing left."""
  copy = folder / 'checkout'
  shutil.copytree(package.REPOSITORY, copy, ignore=_LEFT_OUT)
  shutil.copytree(package.REPOSITORY / '.ci', copy / '.ci')
  return copy


def run(
    *command: str | pathlib.Path, cwd: pathlib.Path, path: str = '', **env: str
) -> subprocess.CompletedProcess[str]:
  """Runs a command with a path for Python; the caller looks at the status."""
  env = os.environ | {'PYTHONPATH': path, 'PIP_NO_INPUT': '1'} | env
  return subprocess.run(
      command, cwd=cwd, env=env, capture_output=True, text=True, check=False
  )


class Environment:
  """A virtual environment, with a release of optax if one is given."""

  def __init__(
      self,
      folder: pathlib.Path,
      upstream: pathlib.Path | None = None,
      borrow: bool = True,
  ):
    venv.create(folder, with_pip=not borrow)
    self.folder = folder
    self.python = folder / 'bin' / 'python'
    self.site = next(folder.glob('lib/python*/site-packages'))
    if borrow:
      borrowed = [path for path in sys.path if path.endswith('site-packages')]
      (self.site / 'borrowed.pth').write_text('\n'.join(borrowed))
    if upstream is not None:
      shutil.copytree(upstream, self.site, dirs_exist_ok=True)

  def pip(self, *arguments: str | pathlib.Path) -> str:
    """Runs ``pip install``; gives what it says, or raises that."""
    command = (self.python, '-m', 'pip', 'install', *arguments)
    done = run(*command, cwd=self.folder)
    if done.returncode:
      raise AssertionError(done.stdout + done.stderr)
    return done.stdout

  def install(self, *arguments: str | pathlib.Path) -> str:
    """Installs one thing without isolation, unchecked unless it says so."""
    options = ['--no-deps', '--force-reinstall', '--no-build-isolation']
    if '--config-settings' not in arguments:
      options += ['--config-settings', 'check=off']
    return self.pip(*options, *arguments)

  def use(self, cwd: pathlib.Path | None = None) -> tuple[str, pathlib.Path]:
    """Uses the flag; gives optax's version and the file that it is in."""
    done = run(self.python, '-c', _USE, cwd=cwd or self.folder)
    if done.returncode:
      raise AssertionError(done.stderr)
    version, file = done.stdout.split()
    return version, pathlib.Path(file).resolve()


def build(
    repository: pathlib.Path,
    kind: str,
    upstream: pathlib.Path,
    check: bool = False,
) -> pathlib.Path:
  """Builds an sdist, a wheel or an editable on a release; gives its path."""
  settings = {'check': 'on' if check else 'off'}
  call = (
      'from graft import backend;'
      f' print(backend.build_{kind}("dist", {settings}))'
  )
  done = run(sys.executable, '-c', call, path=str(upstream), cwd=repository)
  if done.returncode:
    raise AssertionError(done.stdout + done.stderr)
  return repository / 'dist' / done.stdout.split()[-1]
