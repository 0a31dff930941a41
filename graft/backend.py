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


def _wanted(settings: dict[str, str] | None) -> str:
  """The requirement that the settings stand for; empty without them."""
  value = (settings or {}).get('upstream', '')
  if re.fullmatch(r'(\d[\w.+]*)?', str(value)):
    return value and f'optax=={value}'
  folder = pathlib.Path(str(value)).expanduser().resolve()
  if (folder / 'optax' / '__init__.py').is_file():
    return f'optax @ {folder.as_uri()}'
  sys.exit(f'graft: upstream={value}: not a version, and no folder of optax')


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
  """The optax to build on."""
  from graft import release  # pylint: disable=import-outside-toplevel

  return [_wanted(config_settings) or f'optax=={release.pin()}']


get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel


def _hook(name: str, directory, config_settings=None, *arguments) -> str:
  """Runs a hook of setuptools'; what is in its way ends it with one line."""
  # pylint: disable=import-outside-toplevel
  settings = dict(config_settings or {})
  wanted = _wanted(settings)
  settings.pop('upstream', None)
  try:
    from setuptools import __version__
    from setuptools import build_meta

    if int(__version__.split('.')[0]) < 77:
      raise GraftError(f'setuptools is too old; {_NEEDED}')
    from graft import release

    found = release.installed()
    there = f'optax=={found.version}', f'optax @ {release.origin(found)}'
    if wanted and wanted not in there:
      raise GraftError(f'{wanted} is set, {there[0]} is installed; {_NEEDED}')
    hook = getattr(build_meta, name)
    return hook(os.path.abspath(directory), settings, *arguments)
  except GraftError as error:
    sys.exit(f'graft: {error}')
  except ModuleNotFoundError as error:
    sys.exit(f'graft: {error.name} is not installed; {_NEEDED}')
  except OSError as error:
    sys.exit(f'graft: {error.filename or "build"}: {error.strerror or error}')


def __getattr__(name: str):
  """The other hooks: setuptools', by their names."""
  if name.startswith(('build_', 'prepare_metadata_')):
    return functools.partial(_hook, name)
  raise AttributeError(name)
