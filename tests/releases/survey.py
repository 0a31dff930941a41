"""Grafts onto releases of optax, and tries the flag on each."""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

from packaging.version import Version

from graft import errors
from graft import notation
from graft import package
from graft import release

FIRST = '0.1.7'
_ALIAS = pathlib.PurePath('optax/_src/alias.py')
_WORD = re.compile(r'\w+|[^\w\s]')


class Finding(NamedTuple):
  """What was found of one release.

  Attributes:
    version: The release.
    refusal: Why it cannot be grafted onto, else an empty string.
    only_adds: Whether the grafted files have all that upstream's have.
    in_text: The optimizers that take the flag by their grafted text.
    problem: Why the probe failed on the grafted release, else an empty string.
    upstream_works: Whether it runs, on the grafted or the pristine release.
    probed: What ``probe.py`` printed, None where there is a problem.
  """

  version: str
  refusal: str = ''
  only_adds: bool = False
  in_text: tuple[str, ...] = ()
  problem: str = ''
  upstream_works: bool = False
  probed: dict | None = None


def listed() -> list[str]:
  """The releases on the package index from :data:`FIRST` on, oldest first."""
  command = [sys.executable, '-m', 'pip', 'index', 'versions', 'optax']
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  found = re.search(r'Available versions: (.*)', done.stdout)[1].split(', ')
  found = [v for v in found if notation.is_since(v, FIRST)]
  return sorted(found, key=Version)


def only_adds(before: str, after: str) -> bool:
  """Whether all words and signs of a text are in another, in their order."""
  rest = iter(_WORD.findall(after))
  # Looking for a word in an iterator uses up all that is before it.
  return all(word in rest for word in _WORD.findall(before))


def takes_the_flag(alias: str) -> list[str]:
  """The optimizers of ``alias.py`` that take the flag, by its text."""
  found = []
  for node in ast.parse(alias).body:
    if isinstance(node, ast.FunctionDef):
      if 'tf_style' in (x.arg for x in node.args.kwonlyargs):
        found.append(node.name)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
      if set(map(ast.unparse, node.value.args)) & set(found):
        found += map(ast.unparse, node.targets)
  return sorted(found)


def _probe(root: pathlib.Path) -> subprocess.CompletedProcess:
  """Runs the probe with the optax in a folder before the one installed."""
  return subprocess.run(
      [sys.executable, '-W', 'ignore', '-m', 'tests.releases.probe'],
      env=dict(os.environ, PYTHONPATH=f'{root}:{package.REPOSITORY}'),
      capture_output=True,
      text=True,
      check=False,
  )


def examine(version: str) -> Finding:
  """Grafts onto one release and runs the probe on the result."""
  upstream = release.fetched(version)
  try:
    texts = package.grafted(upstream)
  except errors.GraftError as error:
    return Finding(version, str(error))
  found = Finding(
      version,
      only_adds=all(
          only_adds((upstream.root / name).read_text(), text)
          for name, text in texts.items()
      ),
      in_text=tuple(takes_the_flag(texts[_ALIAS])),
  )
  with tempfile.TemporaryDirectory() as folder:
    package.write_tree(upstream, pathlib.Path(folder))
    done = _probe(pathlib.Path(folder))
  if done.returncode:
    works = not _probe(upstream.root).returncode
    problem = done.stderr.strip().splitlines()[-1]
    return found._replace(problem=problem, upstream_works=works)
  return found._replace(upstream_works=True, probed=json.loads(done.stdout))
