"""Grafts the whole of ``optax/``: as a tree, or as a diff."""

import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple

from graft import changelog
from graft import weave
from graft.errors import GraftError
from graft.errors import Misfit

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


class Upstream(NamedTuple):
  """A release or a checkout: the folder that holds ``optax/``, its files."""

  root: pathlib.Path
  version: str
  files: tuple[pathlib.PurePosixPath, ...]


class Change(NamedTuple):
  """What the fork does to one file, and where."""

  path: pathlib.PurePosixPath
  before: str
  after: str


def changes(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> list[Change]:
  """Lays every sparse file over upstream; raises GraftError if one misfits."""
  found = []
  for path in sorted((repository / 'optax').rglob('*.[mp][dy]')):
    name = pathlib.PurePosixPath(path.relative_to(repository).as_posix())
    lay = changelog.lay if name.suffix == '.md' else weave.lay
    there = name in upstream.files
    try:
      before = _read(upstream.root / name) if there else ''
      after = lay(_read(path), before, upstream.version)
    except Misfit as error:
      problem, remedy, *_ = *error.args, 'adapt the sparse file to this release'
      where = f'{name}: {problem} (optax {upstream.version})'
      raise GraftError(f'{where}; {remedy}') from error
    if after != before:
      found.append(Change(name, before, after))
  return found


def _read(path: pathlib.Path) -> str:
  try:
    text = path.read_bytes().decode()
  except (OSError, UnicodeDecodeError) as error:
    raise Misfit(f'{path} cannot be read: {error}', 'mend it') from error
  if '\r' in text:
    raise Misfit(f'{path} has carriage returns', 'check it out without them')
  return text


def _write(texts: dict[pathlib.PurePosixPath, str], root: pathlib.Path) -> None:
  for name, text in texts.items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text.encode())


def write_tree(upstream: Upstream, out: pathlib.Path) -> None:
  """Writes upstream with the fork's changes to ``out/optax``, or nothing."""
  grafted = {x.path: x.after for x in changes(upstream)}
  if (out / 'optax').exists():
    raise GraftError(f'{out / "optax"} is there already; name another folder')
  out.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(dir=out, prefix='.graft-') as folder:
    half = pathlib.Path(folder)
    for name in upstream.files:
      (half / name).parent.mkdir(parents=True, exist_ok=True)
      shutil.copyfile(upstream.root / name, half / name)
    _write(grafted, half)
    (half / 'optax').rename(out / 'optax')


def diff(upstream: Upstream) -> bytes:
  """The diff that takes upstream to the fork, for ``git apply``."""
  found = changes(upstream)
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    _write({x.path: x.before for x in found if x.before}, root / 'a')
    _write({x.path: x.after for x in found}, root / 'b')
    # The settings of a user may ask for another form.
    env = {k: v for k, v in os.environ.items() if not k.startswith('GIT_')}
    env |= {'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_NOSYSTEM': '1'}
    env |= {'GIT_CEILING_DIRECTORIES': str(root.parent)}
    command = 'git diff --no-index --no-prefix --no-ext-diff --no-color a b'
    command = command.split()
    done = subprocess.run(command, cwd=root, env=env, capture_output=True)
  if done.returncode > 1:
    raise GraftError(f'git: {done.stderr.decode().strip()}; mend that')
  return done.stdout
