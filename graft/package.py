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

from graft import modules
from graft import since
from graft import version
from graft.errors import GraftError

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
_CHECK = 'from graft import check; check.main()'
_IMPORT = 'import optax'


class Upstream(NamedTuple):
  """A release or a checkout: its version and the folder that holds optax/."""

  root: pathlib.Path
  version: str

  def copy(self, out: pathlib.Path) -> None:
    """Copies every file of ``optax/`` into a different folder."""
    ignore = shutil.ignore_patterns('__pycache__')
    shutil.copytree(self.root / 'optax', out / 'optax', ignore=ignore)


def _merged(sparse: str, before: str, release: str) -> str:
  """Upstream's file, in its line endings, with what a sparse file adds."""
  if before.startswith('\ufeff'):
    problem = 'upstream begins with a byte order mark'
    raise GraftError(problem, 'save it without')
  lines = before.replace('\r\n', '\n')
  ending = '\r\n' if before != lines else '\n'
  if lines.replace('\n', ending) != before:
    raise GraftError('upstream mixes line endings', 'save it with one kind')
  after = modules.merge(sparse, lines, release)
  return after.replace('\n', ending)


def grafted(
    upstream: Upstream, repository: pathlib.Path = REPOSITORY
) -> dict[pathlib.PurePath, str]:
  """The files that the fork changes, or a GraftError if one does not fit."""
  if not since.is_since(upstream.version, version.OLDEST):
    problem = f'optax {upstream.version} is older than {version.OLDEST}'
    remedy = 'copy the function of docs/install.md, under Without the fork'
    raise GraftError(problem, remedy)
  found: dict[pathlib.PurePath, str] = {}
  for path in sorted((repository / 'optax').rglob('*.py')):
    name = path.relative_to(repository)
    there = upstream.root / name
    try:
      before = there.read_bytes().decode() if there.exists() else ''
      after = _merged(path.read_text('utf-8'), before, upstream.version)
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
  """Writes upstream with the fork's changes to ``out/optax``, a new folder."""
  found = grafted(upstream)
  upstream.copy(out)
  for name, text in found.items():
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(text.encode())


def _run(program: str, optax: pathlib.Path) -> tuple[bool, str]:
  """Runs a program with the optax in a folder.

  No setting of the shell applies, such as JAX_DEBUG_NANS or PYTHONWARNINGS.

  Args:
    program: Python code.
    optax: The folder that holds ``optax/``.

  Returns:
    Whether it ended well, and the last line that it printed.
  """
  prefixes = ('JAX_', 'NPY_', 'XLA_')
  env = {k: v for k, v in os.environ.items() if not k.startswith(prefixes)}
  program = f'import sys; sys.path = sys.argv[1:]; {program}'
  # PYTHONPATH cannot hold a folder with a colon in its name.
  path = [str(optax), str(REPOSITORY), *sys.path]
  done = subprocess.run(
      [sys.executable, '-I', '-B', '-W', 'ignore', '-c', program, *path],
      env=env | {'JAX_PLATFORMS': 'cpu'},
      cwd=REPOSITORY,
      stdin=subprocess.DEVNULL,
      capture_output=True,
      check=False,
  )
  text = done.stderr if done.returncode else done.stdout
  last = text.decode(errors='replace').strip().split('\n')[-1]
  return not done.returncode, last or f'exit status {done.returncode}'


def write_checked_tree(upstream: Upstream, out: pathlib.Path) -> str:
  """Writes the tree; returns what the check says, or raises a GraftError."""
  write_tree(upstream, out)
  passed, line = _run(_CHECK, out)
  if passed and line.endswith('follow the formulas'):
    return line
  imports, why = _run(_IMPORT, upstream.root)
  if imports:
    raise GraftError(*line.rsplit('; ', 1))
  problem = f'optax {upstream.version} does not import here: {why}'
  if upstream.version == version.UPSTREAM:
    remedy = f'install what it needs with pip install optax=={version.UPSTREAM}'
  else:
    remedy = f'build on optax {version.UPSTREAM} instead'
  raise GraftError(problem, remedy)


def diff(upstream: Upstream) -> bytes:
  """The diff that takes upstream to the fork, for ``git apply``."""
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    upstream.copy(root / 'a')
    write_tree(upstream, root / 'b')
    git = 'git diff --no-index --no-prefix --no-ext-diff --no-color a b'
    # The settings of a user, or of a folder above, may ask for another form.
    env = {
        'PATH': os.environ.get('PATH', os.defpath),
        'HOME': folder,
        'GIT_CONFIG_NOSYSTEM': '1',
        'GIT_DIR': str(root / 'none'),
    }
    done = subprocess.run(git.split(), cwd=root, env=env, capture_output=True)
  if done.returncode > 1:
    problem = f'git diff fails: {done.stderr.decode().strip()}'
    raise GraftError(problem, 'check your installation of git')
  return done.stdout
