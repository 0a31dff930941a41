"""The build backend: merges the change into optax, and setuptools builds that.

pip and uv call the functions that PEP 517 and PEP 660 name, with the settings
of ``--config-settings``; an archive comes out, or one line that says why not.

  upstream=0.2.4 or upstream=../optax   the release or checkout to build on
  check=off                             install without checking the updates

That optax, by default the pinned release, is a requirement of the build: pip
installs it, and the change is merged into what it has installed.
"""

from collections.abc import Iterator
import contextlib
import functools
from importlib import metadata
import os
import pathlib
import shutil
import tempfile

from graft import errors
from graft import version
from graft.errors import GraftError

_NEEDED = (
    f"pip install 'setuptools>=77' -r graft/requirements.txt"
    f" 'optax=={version.UPSTREAM}' first, or leave out --no-build-isolation"
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
  unknown = [name for name in rest if not name.startswith('-')]
  if unknown or check not in ('on', 'off'):
    problem = f'unknown setting {unknown[0] if unknown else f"check={check}"}'
    raise GraftError(problem, 'set upstream=VERSION, upstream=DIR or check=off')
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
    return [_parse(config_settings)[0] or f'optax=={version.UPSTREAM}']


@contextlib.contextmanager
def _project(found: metadata.Distribution, check: bool) -> Iterator[None]:
  """Works in a folder with the merged package and the facts of the release."""
  here = os.getcwd()
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, 'build', 'src')
    upstream = release.verified(found)
    if check:
      print(package.write_checked_tree(upstream, source))
    else:
      package.write_tree(upstream, source)
      print('check=off: the updates were not checked')
    for name in ('setup.py', 'README.md', 'LICENSE'):
      shutil.copy(name, folder)
    for file in found.files or ():
      if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
        shutil.copy(str(file.locate()), f'{folder}/LICENSE.optax')
    try:
      os.chdir(folder)
      yield
    finally:
      os.chdir(here)


def _build(name: str, directory, config_settings=None, *arguments) -> str:
  """Runs a hook of setuptools; an expected error ends it with one line."""
  with errors.exit_on_error(_NEEDED):
    if int(setuptools.__version__.split('.')[0]) < 77:
      raise GraftError(f'setuptools {setuptools.__version__} is old', _NEEDED)
    wanted, check, rest = _parse(config_settings)
    pinned = f'optax=={version.UPSTREAM}'
    needed = _NEEDED.replace(pinned, wanted or pinned)
  with errors.exit_on_error(needed):
    found = metadata.distribution('optax')
    there = f'optax=={found.version}', f'optax @ {release.origin(found)}'
    if wanted and wanted not in there:
      if version.LABEL in found.version:  # For pip, it satisfies ==0.2.8 too.
        needed = needed.replace('install', 'install --force-reinstall', 1)
      raise GraftError(f'{wanted} is set, {there[0]} is installed', needed)
    out, hook = os.path.abspath(directory), getattr(build_meta, name)
    # A source distribution holds the sparse files, not the merged ones.
    is_source = name == 'build_sdist'
    project = contextlib.nullcontext() if is_source else _project(found, check)
    with project:
      return hook(out, rest, *arguments)


build_wheel = functools.partial(_build, 'build_wheel')
build_sdist = functools.partial(_build, 'build_sdist')
# What is merged cannot be edited where the sparse files are: it is a copy.
build_editable = build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel
