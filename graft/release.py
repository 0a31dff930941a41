"""Finds the release of optax to graft onto, and checks that it is pristine."""

import base64
from collections.abc import Iterator
import contextlib
import csv
import hashlib
from importlib import metadata
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from packaging import version as versions

from graft import errors
from graft import package

LABEL = 'epsilon.hat'
"""The local version label that tells the fork from a release."""

_CACHE = package.REPOSITORY / 'build' / 'upstream'
_REINSTALL = 'pip install --force-reinstall --no-deps'
_LITERAL = re.compile(r'^__version__ *= *["\']([^"\']+)["\']', re.M)


def pin(repository: pathlib.Path = package.REPOSITORY) -> str:
  """The version of optax that ``pyproject.toml`` pins."""
  text = (repository / 'pyproject.toml').read_text(encoding='utf-8')
  found = re.search(r'^\[tool\.graft\]\nupstream = "([^"]+)"', text, re.M)
  if found is None:
    raise errors.GraftError('pyproject.toml: [tool.graft] has no upstream')
  return found[1]


def distribution(*folders: str | pathlib.Path) -> metadata.Distribution | None:
  """The metadata of the optax in the first of these folders that has one."""
  found = metadata.distributions(name='optax', path=list(map(str, folders)))
  return next(iter(found), None)


def installed() -> metadata.Distribution:
  """The optax that this interpreter would import."""
  found = distribution(*sys.path)
  if found is None:
    raise errors.GraftError(
        f'no optax is installed; pip install optax=={pin()} first, or leave out'
        ' --no-build-isolation'
    )
  return found


def labelled(version: str) -> str:
  """The fork's version on a version of optax."""
  return f'{version}{"." if "+" in version else "+"}{LABEL}'


def is_fork(found: metadata.Distribution) -> bool:
  """Whether a distribution is this fork rather than a release."""
  return LABEL in found.version


def origin(found: metadata.Distribution) -> str:
  """The address that pip installed a distribution from, if from no index."""
  direct = json.loads(found.read_text('direct_url.json') or '{}')
  vcs = f'{direct["vcs_info"]["vcs"]}+' if 'vcs_info' in direct else ''
  return vcs + direct.get('url', '')


def verified(found: metadata.Distribution) -> package.Upstream:
  """The files of ``optax/`` in a distribution, to graft onto.

  Raises:
    GraftError: it is this fork, or a file is not as its RECORD has it.
  """
  version = found.version
  if is_fork(found):
    raise errors.GraftError(
        f'optax {version} is this fork already; {_REINSTALL} optax=={pin()}'
        ' first, or leave out --no-build-isolation'
    )
  root, files = pathlib.Path(found.locate_file('')), []
  # Not found.files, which since Python 3.12 leaves out what is missing.
  record = (found.read_text('RECORD') or '').splitlines()
  for name, recorded, *_ in filter(None, csv.reader(record)):
    file = pathlib.PurePosixPath(name)
    if file.parts[0] != 'optax' or file.suffix == '.pyc':
      continue
    if not (root / file).is_file() or _hash(root / file) != recorded:
      raise errors.GraftError(
          f'{file}: not as optax {version} has it; {_REINSTALL}'
          f' {origin(found) or f"optax=={version}"}'
      )
    files.append(file)
  if not files:
    folder = origin(found).removeprefix('file://') or 'FOLDER'
    raise errors.GraftError(
        f'optax {version} is an editable install; leave out'
        f' --no-build-isolation and set upstream={folder}, or name --onto'
        f' {folder}'
    )
  return package.Upstream(root, version, tuple(sorted(files)))


def _hash(path: pathlib.Path) -> str:
  """A file's hash in the form that a RECORD has it."""
  digest = hashlib.sha256(path.read_bytes()).digest()
  return 'sha256=' + base64.urlsafe_b64encode(digest).rstrip(b'=').decode()


def pinned() -> package.Upstream:
  """The pinned release: the one installed if it is that, else from pip."""
  found = distribution(*sys.path)
  if found is not None and found.version == pin():
    return verified(found)
  return fetched(pin())


def fetched(version: str) -> package.Upstream:
  """A release, downloaded with pip into ``build/`` unless it is there whole."""
  folder = _CACHE / version
  if (found := distribution(folder)) is not None:
    with contextlib.suppress(errors.GraftError):
      return verified(found)
  shutil.rmtree(folder, ignore_errors=True)
  _CACHE.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(dir=_CACHE) as temporary:
    unpacked = pathlib.Path(temporary, 'unpacked')
    _download(version, unpacked)
    try:
      unpacked.rename(folder)
    except OSError:  # Another process was faster.
      if distribution(folder) is None:
        raise
  return verified(distribution(folder))


def _download(version: str, folder: pathlib.Path) -> None:
  command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps']
  command += ['--no-compile', '--only-binary=:all:', f'--target={folder}']
  command += [f'optax=={version}']
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    why = done.stderr.strip().rpartition('\n')[2]
    raise errors.GraftError(
        f'pip cannot download optax {version}: {why}; graft onto a folder with'
        ' --onto'
    )


def in_folder(
    root: pathlib.Path, version: str | None = None
) -> package.Upstream:
  """The files of a checkout of optax, or of an unpacked release.

  Args:
    root: The folder that holds ``optax/``.
    version: Its version, which need not be given where the folder states it.
  """
  if not (root / 'optax' / '__init__.py').is_file():
    raise errors.GraftError(
        f'{root}: holds no optax/__init__.py; name a checkout or an unpacked'
        ' release of optax'
    )
  found = distribution(root)
  if found is not None and found.read_text('RECORD'):
    return verified(found)
  files = (
      pathlib.PurePosixPath(path.relative_to(root).as_posix())
      for path in (root / 'optax').rglob('*')
      if path.is_file() and '__pycache__' not in path.parts
  )
  for stated in [version] if version else _stated(root):
    if re.fullmatch(versions.VERSION_PATTERN, stated, re.VERBOSE | re.I):
      return package.Upstream(root, stated, tuple(sorted(files)))
  raise errors.GraftError(
      f'{root}: states no version of optax; give one with --version'
  )


def _stated(root: pathlib.Path) -> Iterator[str]:
  """What a checkout says that its version is, the surest first."""
  init = root / 'optax' / '__init__.py'
  yield from _LITERAL.findall(init.read_text(encoding='utf-8'))
  if (found := distribution(root)) is not None:
    yield found.version
  if (root / '.git').exists():
    command = ['git', '-C', str(root), 'describe', '--tags', '--abbrev=0']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    yield done.stdout.strip().removeprefix('v')
