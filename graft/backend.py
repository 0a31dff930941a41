"""The build backend: setuptools', with the optax to build on as a setting.

``pip install . --config-settings upstream=0.2.4`` builds on that release, or
``upstream=../optax`` on that checkout; the default is the pinned release. Each
is a requirement of the build, and ``setup.py`` grafts onto what is installed.
"""

import functools
import os
import pathlib
import re
import sys

from graft.errors import GraftError

_NEEDED = (
    "pip install 'setuptools>=77' -r graft/requirements.txt optax first, or"
    ' leave out --no-build-isolation'
)


def _one_line(function):
  """Ends the process with one line where something is in the way."""

  @functools.wraps(function)
  def run(*args):
    try:
      return function(*args)
    except GraftError as error:
      sys.exit(f'graft: {error}')
    except ModuleNotFoundError as error:
      sys.exit(f'graft: {error.name} is not installed; {_NEEDED}')
    except OSError as error:
      sys.exit(f'graft: {error.filename or "build"}: {error.strerror or error}')

  return run


def _wanted(settings: dict[str, str] | None) -> str:
  """The requirement that the settings stand for; empty without them."""
  value = (settings or {}).get('upstream', '')
  if re.fullmatch(r'(\d[\w.+]*)?', str(value)):
    return value and f'optax=={value}'
  folder = pathlib.Path(str(value)).expanduser().resolve()
  if (folder / 'optax' / '__init__.py').is_file():
    return f'optax @ {folder.as_uri()}'
  raise GraftError(f'upstream={value}: not a version, and no folder of optax')


@_one_line
def get_requires_for_build_wheel(config_settings=None) -> list[str]:
  """The optax to build on."""
  from graft import release  # pylint: disable=import-outside-toplevel

  return [_wanted(config_settings) or f'optax=={release.pin()}']


@_one_line
def _hook(name: str, directory, config_settings=None, *arguments) -> str:
  """Runs a hook of setuptools'."""
  # pylint: disable=import-outside-toplevel
  from setuptools import __version__
  from setuptools import build_meta

  if int(__version__.split('.')[0]) < 77:
    raise GraftError(f'setuptools is too old; {_NEEDED}')
  from graft import release

  found = release.installed()
  there = f'optax=={found.version}', f'optax @ {release.origin(found)}'
  if (wanted := _wanted(config_settings)) and wanted not in there:
    raise GraftError(f'{wanted} is set, {there[0]} is installed; {_NEEDED}')
  settings = {**(config_settings or {})}
  settings.pop('upstream', None)
  hook = getattr(build_meta, name)
  return hook(os.path.abspath(directory), settings, *arguments)


get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel
build_wheel = functools.partial(_hook, 'build_wheel')
build_editable = functools.partial(_hook, 'build_editable')
build_sdist = functools.partial(_hook, 'build_sdist')
prepare_metadata_for_build_wheel = functools.partial(
    _hook, 'prepare_metadata_for_build_wheel'
)
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
