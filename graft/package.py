"""Grafts the whole of ``optax/``: as a tree, or as a diff."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile

from graft import changelog
from graft import errors
from graft import weave

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
_LEFT_OUT = ('__pycache__', '.pytest_cache')


@dataclasses.dataclass(frozen=True)
class Upstream:
  """A release or a checkout of optax.

  Attributes:
    root: The folder that holds ``optax/``.
    version: Its version.
    files: Its files, relative to ``root``.
  """

  root: pathlib.Path
  version: str
  files: tuple[pathlib.PurePosixPath, ...]


@dataclasses.dataclass(frozen=True)
class Change:
  """What the fork does to one file.

  Attributes:
    path: The file, relative to the folder that holds ``optax/``.
    before: Its text upstream, None where upstream lacks it.
    after: Its text in the fork.
  """

  path: pathlib.PurePosixPath
  before: str | None
  after: str


def changes(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> list[Change]:
  """Lays every sparse file of a repository over upstream.

  Args:
    upstream: What to lay them over; it is only read.
    repository: The folder that holds the sparse ``optax/``.

  Returns:
    The files that the fork adds or adds to.

  Raises:
    GraftError: one of them cannot be laid.
  """
  found = []
  for path in sorted((repository / 'optax').rglob('*')):
    if path.is_dir() or set(path.parts) & set(_LEFT_OUT):
      continue
    name = pathlib.PurePosixPath(path.relative_to(repository).as_posix())
    place = errors.Place(str(name), upstream.version)
    sparse, before = _read(path, place), None
    if name in upstream.files:
      before = _read(upstream.root / name, place)
    after = _lay(sparse, before, place)
    if after != before:
      found.append(Change(name, before, after))
  return found


def _read(path: pathlib.Path, place: errors.Place) -> str:
  try:
    text = path.read_bytes().decode()
  except UnicodeDecodeError as error:
    raise place.error(f'{path} is not UTF-8') from error
  if '\r' in text:
    raise place.error(f'{path} has carriage returns', 'check it out with \\n')
  return text


def _lay(sparse: str, before: str | None, place: errors.Place) -> str | None:
  """One file's text in the fork; upstream's where it is too old for ours."""
  if place.file.endswith('.md'):
    if not changelog.is_applicable(sparse, place.version):
      return before
    if before is not None:
      return changelog.lay(sparse, before, place)
  elif before is not None:
    return weave.lay(sparse, before, place)
  elif not weave.has_hole(sparse, place):
    return sparse
  raise place.error('upstream lacks this file', 'graft onto one that has it')


def write_tree(
    upstream: Upstream,
    out: pathlib.Path,
    repository: pathlib.Path = REPOSITORY,
) -> None:
  """Writes upstream with the fork's changes to ``out/optax``, or nothing.

  Args:
    upstream: The release to graft onto.
    out: Folder to make ``optax/`` in.
    repository: The folder that holds the sparse ``optax/``.

  Raises:
    GraftError: a sparse file cannot be laid, or ``out/optax`` is there already
      or cannot be written.
  """
  grafted = changes(upstream, repository)
  if (out / 'optax').exists():
    raise errors.GraftError(f'{out / "optax"} is there already; remove it')
  try:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix='.graft-') as folder:
      half = pathlib.Path(folder)
      for name in upstream.files:
        (half / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(upstream.root / name, half / name)
      for change in grafted:
        (half / change.path).parent.mkdir(parents=True, exist_ok=True)
        (half / change.path).write_bytes(change.after.encode())
      (half / 'optax').rename(out / 'optax')
  except OSError as error:
    problem = f'{error.filename or out}: {error.strerror or error}'
    raise errors.GraftError(f'{problem}; name another OUT') from error


def diff(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> str:
  """The unified diff that takes upstream to the fork, for ``git apply``."""
  with tempfile.TemporaryDirectory() as folder:
    for change in changes(upstream, repository):
      for side, text in (('a', change.before), ('b', change.after)):
        file = pathlib.Path(folder, side, change.path)
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
          file.write_bytes(text.encode())
    command = ['git', 'diff', '--no-index', '--no-prefix', '--no-color', 'a', 'b']
    # The user's own settings may change the form.
    env = os.environ | {'GIT_CONFIG_GLOBAL': os.devnull}
    try:
      done = subprocess.run(command, cwd=folder, env=env, capture_output=True)
    except FileNotFoundError as error:
      raise errors.GraftError('git is missing; install it') from error
    return done.stdout.decode()
