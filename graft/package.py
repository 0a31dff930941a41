"""Grafts the whole of ``optax/``: as a tree, or as a diff."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

from graft import changelog
from graft import weave
from graft.errors import GraftError

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


class Upstream(NamedTuple):
  """A release or a checkout: its version and the folder that holds optax/."""

  root: pathlib.Path
  version: str

  def copy(self, out: pathlib.Path) -> None:
    """Copies ``optax/`` into another folder."""
    for path in (self.root / 'optax').rglob('*.*'):
      if '__pycache__' not in path.parts:
        there = out / path.relative_to(self.root)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)


def grafted(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> dict[pathlib.PurePath, str]:
  """The files that the fork changes, or a GraftError if one does not fit."""
  found = {}
  for path in sorted((repository / 'optax').rglob('*.[mp][dy]')):
    name = path.relative_to(repository)
    lay = changelog.lay if name.suffix == '.md' else weave.lay
    try:
      there = upstream.root / name
      before = there.read_bytes().decode() if there.exists() else ''
      after = lay(path.read_text('utf-8'), before, upstream.version)
    except UnicodeDecodeError as error:
      raise GraftError(f'{name}: {error}', 'save it as UTF-8') from error
    except GraftError as error:
      problem, remedy = error.args
      where = f'{name}: {problem} (optax {upstream.version})'
      raise GraftError(where, remedy) from error
    if after != before:
      found[name] = after
  return found


def write_tree(upstream: Upstream, out: pathlib.Path) -> None:
  """Writes upstream with the fork's changes to ``out/optax``, or nothing."""
  found = grafted(upstream)
  if (out / 'optax').exists():
    raise GraftError(f'{out / "optax"} is there already', 'name another folder')
  out.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(dir=out, prefix='.graft-') as folder:
    upstream.copy(half := pathlib.Path(folder))
    for name, text in found.items():
      (half / name).parent.mkdir(parents=True, exist_ok=True)
      (half / name).write_bytes(text.encode())
    (half / 'optax').rename(out / 'optax')


def checked_tree(upstream: Upstream, out: pathlib.Path) -> str:
  """Writes the tree, and holds it against the formulas in another process.

  Returns what was held, or that pristine upstream does not import here either;
  raises GraftError if an optimizer does not follow them or the result fails.
  """

  def run(root: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')])
    env = os.environ | {'PYTHONPATH': path, 'JAX_PLATFORMS': 'cpu'}
    command = [sys.executable, '-B', '-W', 'ignore', *arguments]
    where = {'env': env, 'cwd': REPOSITORY}
    return subprocess.run(command, capture_output=True, text=True, **where)

  write_tree(upstream, out)
  done = run(out, '-m', 'graft.formula')
  if not done.returncode:
    return done.stdout.strip()
  problem = done.stderr.strip().split('\n')[-1]
  if run(upstream.root, '-c', 'import optax').returncode:
    return f'nothing was checked, since upstream does not import: {problem}'
  raise GraftError(problem)


def diff(upstream: Upstream) -> bytes:
  """The diff that takes upstream to the fork, for ``git apply``."""
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    upstream.copy(root / 'a')
    write_tree(upstream, root / 'b')
    git = 'git diff --no-index --no-prefix --no-ext-diff --no-color a b'
    # The settings of a user, or of a folder above, may ask for another form.
    env = {'PATH': os.environ['PATH'], 'GIT_CONFIG_NOSYSTEM': '1'}
    env |= {'HOME': folder, 'GIT_CEILING_DIRECTORIES': str(root.parent)}
    done = subprocess.run(git.split(), cwd=root, env=env, capture_output=True)
  if done.returncode > 1:
    raise GraftError(f'git: {done.stderr.decode().strip()}', 'mend that')
  return done.stdout
