"""Finds the optax to graft onto, and checks that it is as it was released."""

import base64
import csv
import hashlib
import importlib
from importlib import metadata
import json
import pathlib
import re
import subprocess
import sys

from graft import package
from graft.errors import GraftError

LABEL = 'epsilon.hat'  # The local version label that a release has not.

_PIP = 'pip install --force-reinstall --no-deps'


def pin() -> str:
  """The version of optax that ``pyproject.toml`` pins."""
  text = (package.REPOSITORY / 'pyproject.toml').read_text(encoding='utf-8')
  return re.search(r'^\[tool\.graft\]\nupstream = "([^"]+)"', text, re.M)[1]


def distribution(*folders: str | pathlib.Path) -> metadata.Distribution | None:
  """The metadata of the optax in the first of these folders that has one."""
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
    raise GraftError(f'{name} is this fork already', f'{_PIP} optax=={pin()}')
  record = csv.reader((found.read_text('RECORD') or '').splitlines())
  # Not found.files, which since Python 3.12 leaves out what is missing.
  files = [x for x in record if x and x[0].startswith('optax/') and x[1]]
  if not files:
    remedy = f'graft onto its folder, {origin(found)}'
    raise GraftError(f'{name} is an editable install', remedy)
  for file, recorded, _ in files:
    path = pathlib.Path(found.locate_file(file))
    there = path.read_bytes() if path.is_file() else b''
    digest = base64.urlsafe_b64encode(hashlib.sha256(there).digest())
    if recorded != f'sha256={digest.decode().rstrip("=")}':
      remedy = f'{_PIP} {origin(found)}'
      raise GraftError(f'{file}: not as {name} has it', remedy)
  return package.Upstream(pathlib.Path(found.locate_file('')), found.version)


def fetched(version: str) -> package.Upstream:
  """A release: as installed, or unpacked with pip into ``build/upstream``."""
  folder = package.REPOSITORY / 'build' / 'upstream' / version
  for found in (distribution(*sys.path), distribution(folder)):
    if found is not None and found.version == version:
      return verified(found)
  command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps']
  command += ['--no-compile', f'--target={folder}', f'optax=={version}']
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    why = done.stderr.strip().split('\n')[-1]
    raise GraftError(f'pip has no optax {version}: {why}', 'name --onto DIR')
  importlib.invalidate_caches()
  return verified(distribution(folder))


def in_folder(root: pathlib.Path, version: str = '') -> package.Upstream:
  """A checkout of optax, or a release that was unpacked, or a GraftError."""
  init = root / 'optax' / '__init__.py'
  if not init.is_file():
    raise GraftError(f'{root}: holds no optax/__init__.py', 'name a checkout')
  pattern = r'^__version__ *= *["\']([^"\']+)["\']'
  stated = re.findall(pattern, init.read_text('utf-8'), re.MULTILINE)
  found = distribution(root)
  version = version or next(iter(stated), found.version if found else '')
  if not re.match(r'\d+\.\d+', version):
    raise GraftError(f'{root}: states no version', 'give one with --version')
  return package.Upstream(root, version)
