"""The build backend: setuptools', with the optax to build on as a setting.

``pip install . --config-settings upstream=0.2.4`` builds on that release, or
``upstream=../optax`` on that checkout; the default is the pinned release. Each
is a requirement of the build, and ``setup.py`` grafts onto what is installed.
"""

from collections.abc import Iterator
import contextlib
import difflib
import functools
import os
import pathlib
import sys

from graft import errors

_NEEDED = (
    "pip install 'setuptools>=77' -r graft/requirements.txt optax first, or"
    ' leave out --no-build-isolation'
)


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
  """Ends the process with one line where something is in the way."""
  try:
    yield
  except errors.GraftError as error:
    sys.exit(f'graft: {error}')
  except ModuleNotFoundError as error:
    sys.exit(f'graft: {error.name} is not installed; {_NEEDED}')
  except OSError as error:
    sys.exit(f'graft: {error.filename or "build"}: {error.strerror or error}')


def _requirement(settings: dict[str, str]) -> str | None:
  """The optax that the settings ask for, which they then no longer hold."""
  from packaging import version  # pylint: disable=import-outside-toplevel

  value = settings.pop('upstream', None)
  for meant in difflib.get_close_matches('upstream', settings):
    raise errors.GraftError(f'there is no setting {meant}; set upstream')
  if value is None:
    return None
  if not isinstance(value, str):
    raise errors.GraftError('upstream is set twice; set it once')
  with contextlib.suppress(version.InvalidVersion):
    return f'optax=={version.Version(value)}'
  folder = pathlib.Path(value).expanduser().resolve()
  if not (folder / 'optax' / '__init__.py').is_file():
    raise errors.GraftError(
        f'upstream={value}: not a version, and {folder} holds no'
        ' optax/__init__.py; set a release or a checkout of optax'
    )
  return f'optax @ {folder.as_uri()}'


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
  """The optax to build on; setuptools would need it to say what it needs."""
  with _one_line():
    from graft import release  # pylint: disable=import-outside-toplevel

    wanted = _requirement(dict(config_settings or {}))
    return [wanted or f'optax=={release.pin()}']


def _hand_over(hook, directory, config_settings=None, *arguments) -> str:
  """Calls a hook of setuptools, without our setting."""
  with _one_line():
    # pylint: disable=import-outside-toplevel
    import setuptools
    from setuptools import build_meta

    if int(setuptools.__version__.partition('.')[0]) < 77:
      raise errors.GraftError(f'setuptools is too old; {_NEEDED}')
    from graft import release

    settings = dict(config_settings or {})
    wanted, found = _requirement(settings), release.installed()
    is_now = f'optax=={found.version}', f'optax @ {release.origin(found)}'
    if wanted and wanted not in is_now:
      raise errors.GraftError(
          f'{wanted} is set, but optax {found.version} is installed, and'
          ' --no-build-isolation builds on that; leave out one of the two'
      )
    directory = os.path.abspath(directory)
    return getattr(build_meta, hook)(directory, settings, *arguments)


get_requires_for_build_editable = get_requires_for_build_wheel
get_requires_for_build_sdist = get_requires_for_build_wheel
prepare_metadata_for_build_wheel = functools.partial(
    _hand_over, 'prepare_metadata_for_build_wheel'
)
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_wheel = functools.partial(_hand_over, 'build_wheel')
build_editable = functools.partial(_hand_over, 'build_editable')
build_sdist = functools.partial(_hand_over, 'build_sdist')
