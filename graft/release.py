"""Finds the optax to merge with, and checks that it is as it was released.

A version, a folder or an installed package goes in, an ``Upstream`` comes out.
pip downloads a release that is not installed into ``build/upstream``.
"""

import base64
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


def distribution(*folders: str | pathlib.Path) -> Any:
  """The metadata of the optax in the first folder that has one, or None."""
  metadata.MetadataPathFinder().invalidate_caches()  # A folder may be new.
  found = metadata.distributions(name='optax', path=list(map(str, folders)))
  return next(iter(found), None)


def origin(found: metadata.Distribution) -> str:
  """What to give pip for this distribution: an address, if it had one."""
  direct = json.loads(found.read_text('direct_url.json') or '{}')
  return direct.get('url', f'optax=={found.version}')


def verified(found: metadata.Distribution) -> package.Upstream:
  """A release whose files are as its RECORD has them, or a GraftError."""
  name = f'optax {found.version}'
  if LABEL in found.version:
    release = re.split(rf'[+.]{re.escape(LABEL)}', found.version)[0]
    raise GraftError(f'{name} is this fork already', f'{_PIP} optax=={release}')
  # On Python 3.12 and later, found.files omits missing files.
  lines = (found.read_text('RECORD') or '').splitlines()
  files = [x.rsplit(',', 2) for x in lines if re.match('optax/.*,.+,', x)]
  if not files:
    remedy = f'set upstream to its folder, {origin(found)}'
    raise GraftError(f'{name} is an editable install', remedy)
  for file, recorded, _ in files:
    path = pathlib.Path(str(found.locate_file(file)))
    digest = hashlib.sha256(path.read_bytes() if path.is_file() else b'-')
    actual = base64.urlsafe_b64encode(digest.digest()).decode().rstrip('=')
    if recorded != f'sha256={actual}':
      remedy = f"{_PIP} '{origin(found)}'"
      raise GraftError(f'{file} differs from {name} as released', remedy)
  root = pathlib.Path(str(found.locate_file('')))
  return package.Upstream(root, found.version)


def _is_intact(folder: pathlib.Path) -> bool:
  """Whether a folder holds a release, complete and as it was released."""
  found = distribution(folder)
  try:
    return found is not None and bool(verified(found))
  except GraftError:
    return False


def fetched(version: str = UPSTREAM) -> package.Upstream:
  """A release: as installed, or unpacked with pip into ``build/upstream``."""
  installed = distribution(*sys.path)
  if installed is not None and installed.version == version:
    return verified(installed)
  folder = package.REPOSITORY / 'build' / 'upstream' / version
  if not _is_intact(folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as new:
      command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps']
      command += ['--no-compile', f'--target={new}/new', f'optax=={version}']
      done = subprocess.run(command, capture_output=True, text=True)
      if done.returncode:
        why = done.stderr.strip().split('\n')[-1]
        problem = f'pip cannot fetch optax {version}: {why}'
        raise GraftError(problem, f'install optax=={version}, or give --onto')
      if not _is_intact(folder):  # A different process may have been faster.
        if folder.exists():
          folder.rename(f'{new}/damaged')
        pathlib.Path(new, 'new').rename(folder)
  return verified(distribution(folder))


def in_folder(root: pathlib.Path) -> package.Upstream:
  """A checkout of optax, or an unpacked release, of the version it states."""
  init = root / 'optax' / '__init__.py'
  if not init.is_file():
    raise GraftError(f'{root}: holds no optax/__init__.py', 'name a checkout')
  pattern = r'^__version__\b[^=\n]*= *["\']([^"\']+)["\']'
  stated = re.search(pattern, init.read_text('latin-1'), re.MULTILINE)
  try:
    Version(version := stated[1] if stated else '')
  except InvalidVersion as error:
    problem = f'{init}: no valid __version__: {version!r}'
    raise GraftError(problem, "state one, as in '0.2.9'") from error
  return package.Upstream(root, version)
