"""The build backend: grafts, then has setuptools build the result.

``pip install . --config-settings upstream=0.2.4`` builds on that release, or
``upstream=../optax`` on that checkout; the default is the pinned release. Each
is a requirement of the build, and what is then installed is grafted onto.
"""

from collections.abc import Iterator
import contextlib
import functools
from importlib import metadata
import os
import pathlib
import re
import shutil
import sys
import tempfile

from graft import errors
from graft.errors import GraftError

_NEEDED = (
    "pip install 'setuptools>=77' -r graft/requirements.txt optax first, or"
    ' leave out --no-build-isolation'
)

with errors.told_in_one_line(_NEEDED):
  import setuptools
  from setuptools import build_meta

  from graft import package
  from graft import release


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
  return [_wanted(config_settings) or f'optax=={release.pin()}']


@contextlib.contextmanager
def _grafted_project(found: metadata.Distribution) -> Iterator[None]:
  """Works in a folder with the grafted package, checked, and its facts."""
  here = os.getcwd()
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, 'build', 'src')
    print(package.checked_tree(release.verified(found), source))
    for name in ('setup.py', 'README.md', 'LICENSE'):
      shutil.copy(name, folder)
    for file in found.files:
      if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
        shutil.copy(file.locate(), f'{folder}/LICENSE.optax')
    os.chdir(folder)
    yield
    os.chdir(here)


def _hook(name: str, directory, config_settings=None, *arguments) -> str:
  """Runs a hook of setuptools'; what is in its way ends it with one line."""
  with errors.told_in_one_line(_NEEDED):
    if int(setuptools.__version__.split('.')[0]) < 77:
      raise GraftError('setuptools is too old', _NEEDED)
    found, wanted = metadata.distribution('optax'), _wanted(config_settings)
    there = f'optax=={found.version}', f'optax @ {release.origin(found)}'
    if wanted and wanted not in there:
      problem = f'{wanted} is set, {there[0]} is installed'
      raise GraftError(problem, _NEEDED)
    settings = dict(config_settings or {})
    settings.pop('upstream', None)
    out, hook = os.path.abspath(directory), getattr(build_meta, name)
    # A source distribution is of the sparse files, not of what they become.
    is_source = name == 'build_sdist'
    with contextlib.nullcontext() if is_source else _grafted_project(found):
      return hook(out, settings, *arguments)


build_wheel = functools.partial(_hook, 'build_wheel')
build_sdist = functools.partial(_hook, 'build_sdist')
# What is grafted cannot be edited where the sparse files are: it is a copy.
build_editable = build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel
