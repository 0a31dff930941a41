"""The build backend: merges the change into optax, and setuptools builds that.

pip and uv call the functions that PEP 517 and PEP 660 name, with the settings
of ``--config-settings``. An archive comes out, or one line that says why not.

  upstream=0.2.4 or upstream=../optax   the release or checkout to build on
  check=off                             install without checking the updates

That optax, by default the pinned release, is a requirement of the build: pip
installs it, and the change is merged into what it has installed.
"""

import functools
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
_NEEDED = (
    f"pip install 'setuptools>=77' -r graft/requirements.txt '{_PINNED}' first,"
    ' or leave out --no-build-isolation'
)

with errors.exit_on_error(_NEEDED):
  from packaging.version import InvalidVersion
  from packaging.version import Version
  import setuptools
  from setuptools import build_meta

  from graft import package
  from graft import release


def _parse(settings: dict | None) -> tuple[str, bool, dict]:
  """The requirement for upstream, if set; whether to check; the rest."""
  rest = dict(settings or {})
  upstream, check = rest.pop('upstream', ''), rest.pop('check', 'on')
  if check not in ('on', 'off') or not all(x.startswith('-') for x in rest):
    remedy = 'set upstream=VERSION, upstream=DIR or check=off'
    raise GraftError(f'unknown setting in {settings}', remedy)
  try:
    wanted = upstream and f'optax=={Version(upstream)}'
  except (InvalidVersion, TypeError) as error:
    folder = pathlib.Path(str(upstream)).expanduser().resolve()
    if not (folder / 'optax' / '__init__.py').is_file():
      problem = f'upstream={upstream}: not a version, and no folder of optax'
      raise GraftError(problem, 'set a release or a folder') from error
    wanted = f'optax @ {folder.as_uri()}'
  return wanted, check == 'on', rest


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
  """The optax to build on."""
  with errors.exit_on_error(_NEEDED):
    return [_parse(config_settings)[0] or _PINNED]


def _write_project(found: Any, check: bool, folder: pathlib.Path) -> None:
  """Writes the merged package, and the files that setuptools needs for it."""
  upstream = release.verified(found)
  if check:
    print(package.write_checked_tree(upstream, folder / 'build' / 'src'))
  else:
    package.write_tree(upstream, folder / 'build' / 'src')
    print('check=off: the updates were not checked')
  for name in ('setup.py', 'README.md', 'LICENSE'):
    shutil.copy(name, folder)
  for file in found.files or ():
    if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
      shutil.copy(str(file.locate()), folder / 'LICENSE.optax')


def _build(name: str, directory, config_settings=None, *arguments) -> str:
  """Runs a hook of setuptools; an expected error ends it with one line."""
  with errors.exit_on_error(_NEEDED):
    if int(setuptools.__version__.split('.')[0]) < 77:
      raise GraftError(f'setuptools {setuptools.__version__} is old', _NEEDED)
    wanted, check, rest = _parse(config_settings)
    needed = _NEEDED.replace(_PINNED, wanted or _PINNED)
  with errors.exit_on_error(needed):
    found = metadata.distribution('optax')
    there = f'optax=={found.version}', f'optax @ {release.origin(found)}'
    if wanted and wanted not in there:
      if version.LABEL in found.version:  # For pip, it satisfies ==0.2.8 too.
        needed = needed.replace('install', 'install --force-reinstall', 1)
      raise GraftError(f'{wanted} is set, {there[0]} is installed', needed)
    out, hook = os.path.abspath(directory), getattr(build_meta, name)
    if name == 'build_sdist':  # It holds the sparse files, not the merged ones.
      return hook(out, rest)
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
      _write_project(found, check, pathlib.Path(folder))
      try:
        os.chdir(folder)
        return hook(out, rest, *arguments)
      finally:
        os.chdir(here)


build_wheel = functools.partial(_build, 'build_wheel')
build_sdist = functools.partial(_build, 'build_sdist')
# What is merged cannot be edited where the sparse files are: it is a copy.
build_editable = build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel
