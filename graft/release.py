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

LABEL = 'epsilon.hat'
"""The local version label that tells the fork from a release."""

_REINSTALL = 'pip install --force-reinstall --no-deps'


def pin() -> str:
  """The version of optax that ``pyproject.toml`` pins."""
  text = (package.REPOSITORY / 'pyproject.toml').read_text(encoding='utf-8')
  return re.search(r'^\[tool\.graft\]\nupstream = "([^"]+)"', text, re.M)[1]


def distribution(*folders: str | pathlib.Path) -> metadata.Distribution | None:
  """The metadata of the optax in the first of these folders that has one."""
  found = metadata.distributions(name='optax', path=list(map(str, folders)))
  return next(iter(found), None)


def installed() -> metadata.Distribution:
  """The optax that this interpreter would import."""
  if found := distribution(*sys.path):
    return found
  raise GraftError(f'no optax is installed; pip install optax=={pin()}')


def is_fork(found: metadata.Distribution) -> bool:
  """Whether a distribution is this fork rather than a release."""
  return LABEL in found.version


def origin(found: metadata.Distribution) -> str:
  """What to give pip for this distribution: an address, if it had one."""
  direct = json.loads(found.read_text('direct_url.json') or '{}')
  return direct.get('url', f'optax=={found.version}')


def verified(found: metadata.Distribution) -> package.Upstream:
  """The files of a release, each as its RECORD has it, or a GraftError."""
  if is_fork(found):
    problem = f'optax {found.version} is this fork already'
    raise GraftError(f'{problem}; {_REINSTALL} optax=={pin()} first')
  root, files = pathlib.Path(found.locate_file('')), []
  record = filter(None, (found.read_text('RECORD') or '').splitlines())
  # Not found.files, which since Python 3.12 leaves out what is missing.
  for name, recorded, _ in csv.reader(record):
    file = pathlib.PurePosixPath(name)
    if file.parts[0] == 'optax' and file.suffix != '.pyc':
      there = (root / file).read_bytes() if (root / file).is_file() else b''
      digest = base64.urlsafe_b64encode(hashlib.sha256(there).digest())
      if recorded != 'sha256=' + digest.rstrip(b'=').decode():
        problem = f'{file}: not as optax {found.version} has it'
        raise GraftError(f'{problem}; {_REINSTALL} {origin(found)}')
      files.append(file)
  if not files:
    problem = f'optax {found.version} is an editable install'
    raise GraftError(f'{problem}; graft onto its folder, {origin(found)}')
  return package.Upstream(root, found.version, tuple(files))


def pinned() -> package.Upstream:
  """The pinned release: the one installed if it is that, else from pip."""
  found = distribution(*sys.path)
  if found is not None and found.version == pin():
    return verified(found)
  return fetched(pin())


def fetched(version: str) -> package.Upstream:
  """A release, unpacked with pip into ``build/upstream`` the first time."""
  folder = package.REPOSITORY / 'build' / 'upstream' / version
  if distribution(folder) is None:
    command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps']
    command += ['--no-compile', f'--target={folder}', f'optax=={version}']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
      why = done.stderr.strip().split('\n')[-1]
      raise GraftError(f'pip has no optax {version}: {why}; name --onto DIR')
    importlib.invalidate_caches()
  return verified(distribution(folder))


def in_folder(root: pathlib.Path, version: str = '') -> package.Upstream:
  """A checkout of optax, or a release that was unpacked, or a GraftError."""
  init = root / 'optax' / '__init__.py'
  if not init.is_file():
    raise GraftError(f'{root}: holds no optax/__init__.py; name a checkout')
  found = distribution(root)
  if found is not None and found.read_text('RECORD'):
    return verified(found)
  pattern = r'^__version__ *= *["\']([^"\']+)["\']'
  stated = re.findall(pattern, init.read_text('utf-8'), re.MULTILINE)
  version = version or next(iter(stated), found.version if found else '')
  if not re.match(r'\d+\.\d+', version):
    raise GraftError(f'{root}: states no version; give one with --version')
  files = (path.relative_to(root) for path in (root / 'optax').rglob('*.*'))
  kept = (file for file in files if '__pycache__' not in file.parts)
  names = tuple(pathlib.PurePosixPath(file.as_posix()) for file in kept)
  return package.Upstream(root, version, names)
