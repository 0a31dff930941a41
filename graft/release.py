"""Finds the optax to merge with, and checks that it is as it was released.

A version, a folder or an installed package goes in, an ``Upstream`` comes out.
pip downloads a release that is not installed into ``build/upstream``.
"""

import base64
from collections.abc import Iterator
import csv
import hashlib
from importlib import metadata
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Any

from packaging.version import InvalidVersion
from packaging.version import Version

from graft import package
from graft.errors import GraftError
from graft.version import LABEL
from graft.version import UPSTREAM

_PIP = 'pip install --force-reinstall --no-deps'


def distribution(
    *folders: str | pathlib.Path,
) -> metadata.Distribution | None:
  """The metadata of the optax in the first folder that has one."""
  metadata.MetadataPathFinder().invalidate_caches()  # A folder may be new.
  found = metadata.distributions(name='optax', path=[str(x) for x in folders])
  return next(iter(found), None)


def _root(found: metadata.Distribution) -> pathlib.Path:
  """The folder that an optax is installed in."""
  return pathlib.Path(str(found.locate_file('')))


def version_of(found: metadata.Distribution) -> str:
  """The version of an installed optax."""
  stated = found.metadata['Version'] if found.metadata else None
  if stated:
    return stated
  problem = f'the optax in {_root(found)} has no version'
  raise GraftError(
      problem, f'delete its .dist-info there, and pip install optax=={UPSTREAM}'
  )


def _direct_url(found: metadata.Distribution) -> dict[str, Any]:
  """Where pip got an optax from, if not from an index."""
  return json.loads(found.read_text('direct_url.json') or '{}')


def origin(found: metadata.Distribution) -> str:
  """What to give pip for an installed optax."""
  direct = _direct_url(found)
  if 'vcs_info' in direct:
    vcs = direct['vcs_info']
    return f'{vcs["vcs"]}+{direct["url"]}@{vcs["commit_id"]}'
  return direct.get('url', f'optax=={version_of(found)}')


def _recorded(record: str) -> Iterator[tuple[str, str]]:
  """Yields the path and the hash of each file of optax in a RECORD."""
  for path, digest, _ in csv.reader(record.splitlines()):
    if digest and path.startswith('optax/'):
      yield path, digest


def _digest(path: pathlib.Path) -> str:
  """The hash of a file in the form of a RECORD, or '' if it is missing."""
  if not path.is_file():
    return ''
  digest = hashlib.sha256(path.read_bytes()).digest()
  return f'sha256={base64.urlsafe_b64encode(digest).decode().rstrip("=")}'


def verified(found: metadata.Distribution) -> package.Upstream:
  """A release whose files are as its RECORD has them, or a GraftError."""
  number = version_of(found)
  name = f'optax {number}'
  if LABEL in number:
    unforked = re.split(rf'[+.]{re.escape(LABEL)}', number)[0]
    remedy = f'{_PIP} optax=={unforked}'
    raise GraftError(f'{name} is this fork already', remedy)
  if _direct_url(found).get('dir_info', {}).get('editable'):
    problem = f'{name} is an editable install'
    raise GraftError(problem, f"{_PIP} '{origin(found)}'")
  # Not found.files, which omits missing files on Python 3.12 and later.
  files = dict(_recorded(found.read_text('RECORD') or ''))
  root = _root(found)
  if not files:
    problem = f'{name} in {root} has no RECORD of its files'
    remedy = f"pip install --ignore-installed --no-deps '{origin(found)}'"
    raise GraftError(problem, remedy)
  for file, recorded in files.items():
    if _digest(root / file) != recorded:
      problem = f'{file} differs from {name} as released'
      raise GraftError(problem, f"{_PIP} '{origin(found)}'")
  return package.Upstream(root, number)


def _is_intact(folder: pathlib.Path) -> bool:
  """Whether a folder holds a release, complete and as it was released."""
  found = distribution(folder)
  try:
    return found is not None and bool(verified(found))
  except GraftError:
    return False


def _download(number: str, folder: pathlib.Path) -> None:
  """Unpacks a release into a new folder."""
  done = subprocess.run(
      [
          *(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps'),
          *('--no-compile', f'--target={folder}', f'optax=={number}'),
      ],
      capture_output=True,
      text=True,
      check=False,
  )
  if done.returncode:
    why = done.stderr.strip().split('\n')[-1]
    problem = f'pip cannot fetch optax {number}: {why}'
    raise GraftError(problem, f'install optax=={number}, or give --onto')


def fetched(number: str = UPSTREAM) -> package.Upstream:
  """A release: as installed, or unpacked with pip into ``build/upstream``."""
  installed = distribution(*sys.path)
  if installed is not None and version_of(installed) == number:
    return verified(installed)
  folder = package.REPOSITORY / 'build' / 'upstream' / number
  if not _is_intact(folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
      new = pathlib.Path(name, 'new')
      _download(number, new)
      if not _is_intact(folder):  # A different process may have been faster.
        if folder.exists():
          folder.rename(pathlib.Path(name, 'damaged'))
        new.rename(folder)
  found = distribution(folder)
  assert found is not None
  return verified(found)


def in_folder(root: pathlib.Path) -> package.Upstream:
  """A checkout of optax, or an unpacked release, of the version it states."""
  init = root / 'optax' / '__init__.py'
  if not init.is_file():
    raise GraftError(f'{root}: holds no optax/__init__.py', 'name a checkout')
  pattern = r'^__version__\b[^=\n]*= *["\']([^"\']+)["\']'
  text = init.read_text('utf-8-sig', errors='replace')
  found = re.search(pattern, text, re.MULTILINE)
  stated = found[1] if found else ''
  try:
    Version(stated)
  except InvalidVersion as error:
    problem = f'{init}: no valid __version__: {stated!r}'
    raise GraftError(problem, "state one, as in '0.2.9'") from error
  return package.Upstream(root, stated)
