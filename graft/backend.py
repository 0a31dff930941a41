"""The build backend: merges the change into optax, and setuptools builds that.

pip and uv call the functions that PEP 517 and PEP 660 name, with the settings
of ``--config-settings``. An archive comes out, or one line that says why not.

  upstream=0.2.4 or upstream=../optax   the release or checkout to build on

That optax, by default the pinned release, is a requirement of the build: pip
installs it, and the change is merged into what it has installed.
"""

from collections.abc import Iterator, Mapping
import contextlib
from importlib import metadata
import os
import pathlib
import shutil
import tempfile
from typing import Any

from graft import errors
from graft import version
from graft.errors import GraftError

_PINNED = f'optax=={version.UPSTREAM}'


def _install_first(upstream: str = _PINNED) -> str:
  """What to do if something that the build needs is not installed."""
  needed = f"'setuptools>=77' -r graft/requirements.txt '{upstream}'"
  return f'pip install {needed} first, or leave out --no-build-isolation'


with errors.exit_on_error(_install_first()):
  from packaging.version import InvalidVersion
  from packaging.version import Version
  import setuptools
  from setuptools import build_meta

  from graft import package
  from graft import release


def _requirement(upstream: Any) -> str:
  """The requirement for the release or the checkout that a setting names."""
  if not isinstance(upstream, str):
    raise GraftError('upstream is set more than once', 'set it once')
  try:
    return f'optax=={Version(upstream)}'
  except InvalidVersion as error:
    folder = pathlib.Path(upstream).expanduser().resolve()
    if (folder / 'optax' / '__init__.py').is_file():
      return f'optax @ {folder.as_uri()}'
    problem = f'upstream={upstream}: not a version, and no folder of optax'
    raise GraftError(problem, 'set a release or a folder') from error


def _read(settings: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
  """The requirement for upstream, if it is set, and setuptools' settings."""
  rest = dict(settings or {})
  upstream = rest.pop('upstream', '')
  for name in rest:
    if not name.startswith('-'):
      remedy = 'set upstream=VERSION or upstream=DIR'
      raise GraftError(f'unknown setting {name}={rest[name]}', remedy)
  return upstream and _requirement(upstream), rest


def _installed(wanted: str) -> metadata.Distribution:
  """The optax to build on: the installed one, which must be what is wanted."""
  found = metadata.distribution('optax')
  number = release.version_of(found)
  if not wanted or wanted == f'optax @ {release.origin(found)}':
    return found
  kind, _, wanted_number = wanted.partition('==')
  if kind == 'optax' and Version(wanted_number) == Version(number):
    return found
  remedy = _install_first(wanted)
  if version.LABEL in number:  # For pip, it satisfies ==0.2.8 too.
    remedy = remedy.replace('install', 'install --force-reinstall', 1)
  raise GraftError(f'{wanted} is set, optax {number} is installed', remedy)


def _write_project(found: metadata.Distribution, folder: pathlib.Path) -> None:
  """Writes the merged package, and the files that setuptools needs for it."""
  upstream = release.verified(found)
  print(package.write_checked_tree(upstream, folder / 'build' / 'src'))
  for name in ('setup.py', 'README.md', 'LICENSE'):
    shutil.copy(package.REPOSITORY / name, folder)
  for file in found.files or ():
    if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
      shutil.copy(str(file.locate()), folder / 'LICENSE.optax')


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
  """Changes the working directory, and back."""
  before = os.getcwd()
  os.chdir(folder)
  try:
    yield
  finally:
    os.chdir(before)


def _check_setuptools() -> None:
  """Raises a GraftError if setuptools cannot build the project."""
  if Version(setuptools.__version__) < Version('77'):
    problem = f'setuptools {setuptools.__version__} is old'
    raise GraftError(problem, _install_first())


def build_wheel(
    wheel_directory, config_settings=None, metadata_directory=None
) -> str:
  """Builds the fork; returns the name of the wheel."""
  del metadata_directory
  with errors.exit_on_error(_install_first()):
    _check_setuptools()
    wanted, rest = _read(config_settings)
  with errors.exit_on_error(_install_first(wanted or _PINNED)):
    found = _installed(wanted)
    out = os.path.abspath(wheel_directory)
    with tempfile.TemporaryDirectory() as folder:
      _write_project(found, pathlib.Path(folder))
      with _working_in(folder):
        return build_meta.build_wheel(out, rest)


def build_sdist(sdist_directory, config_settings=None) -> str:
  """Builds an archive of the sparse files; returns its name."""
  with errors.exit_on_error(_install_first()):
    _check_setuptools()
    rest = _read_for_sdist(config_settings)
    _installed(_PINNED)
    return build_meta.build_sdist(sdist_directory, rest)


def _read_for_sdist(settings: Mapping[str, Any] | None) -> dict[str, Any]:
  """The settings of setuptools; upstream is not for an sdist."""
  upstream, rest = _read(settings)
  if upstream:
    problem = 'a source distribution cannot hold the setting upstream'
    raise GraftError(problem, 'build a wheel, as with pip wheel . --no-deps')
  return rest


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
  """The optax to build on."""
  with errors.exit_on_error(_install_first()):
    upstream, _ = _read(config_settings)
    return [upstream or _PINNED]


def get_requires_for_build_sdist(config_settings=None) -> list[str]:
  """The optax whose metadata the archive repeats."""
  with errors.exit_on_error(_install_first()):
    _read_for_sdist(config_settings)
    return [_PINNED]


# What is merged cannot be edited where the sparse files are: it is a copy.
build_editable = build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
