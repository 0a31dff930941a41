"""Merges the whole of ``optax/``.

An upstream, a folder with ``optax/`` and its version, goes in. A new folder
comes out, or the text of a diff; upstream's folder stays as it is.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

from graft import changelog
from graft import modules
from graft.errors import GraftError

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


class Upstream(NamedTuple):
  """A release or a checkout: its version and the folder that holds optax/."""

  root: pathlib.Path
  version: str

  def copy(self, out: pathlib.Path) -> None:
    """Copies every file of ``optax/`` into a different folder."""
    ignore = shutil.ignore_patterns('__pycache__')
    shutil.copytree(self.root / 'optax', out / 'optax', ignore=ignore)


def grafted(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> dict[pathlib.PurePath, str]:
  """The files that the fork changes, or a GraftError if one does not fit."""
  found: dict[pathlib.PurePath, str] = {}
  for path in sorted((repository / 'optax').rglob('*.[mp][dy]')):
    name = path.relative_to(repository)
    try:
      ours, there = path.read_text('utf-8'), upstream.root / name
      before = there.read_bytes().decode() if there.exists() else ''
      lines = before.replace('\r\n', '\n')
      ending = '\r\n' if before != lines else '\n'
      if lines.replace('\n', ending) != before:
        raise GraftError('upstream mixes line endings', 'save it with one kind')
      if name.suffix == '.md':
        after = changelog.merge(ours, lines)
      else:
        after = modules.merge(ours, lines, upstream.version)
    except UnicodeDecodeError as error:
      raise GraftError(f'{name}: {error}', 'save it as UTF-8') from error
    except GraftError as error:
      problem, remedy = error.args
      where = f'{name}: {problem} (optax {upstream.version})'
      raise GraftError(where, remedy) from error
    if after != lines:
      found[name] = after.replace('\n', ending)
  return found


def write_tree(upstream: Upstream, out: pathlib.Path) -> None:
  """Writes upstream with the fork's changes to ``out/optax``, a new folder."""
  found = grafted(upstream)
  upstream.copy(out)
  for name, text in found.items():
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(text.encode())


def write_checked_tree(upstream: Upstream, out: pathlib.Path) -> str:
  """Writes the tree; returns what the check says, or raises a GraftError."""

  def run(root: pathlib.Path, *arguments: str) -> tuple[bool, str]:
    """Whether a process ended well, and the last line that it printed."""
    path = os.pathsep.join([str(root), os.environ.get('PYTHONPATH', '')])
    env = os.environ | {'PYTHONPATH': path, 'JAX_PLATFORMS': 'cpu'}
    command = [sys.executable, '-B', '-W', 'ignore', *arguments]
    done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True)
    text = done.stderr if done.returncode else done.stdout
    last = text.decode(errors='replace').strip().split('\n')[-1]
    return not done.returncode, last or f'exit status {done.returncode}'

  write_tree(upstream, out)
  passed, line = run(out, '-m', 'graft.formula')
  if passed and line.endswith('follow the formulas'):
    return line
  imports, why = run(upstream.root, '-c', 'import optax')
  if imports:
    raise GraftError(line)
  problem = f'optax {upstream.version} does not import here: {why}'
  remedy = 'install what it needs, or build with --config-settings check=off'
  raise GraftError(problem, remedy)


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
