"""Runs the Python blocks of pages as printed.

  python -m tests.docs.blocks README.md docs/install.md

A block without imports continues the block before it. All others begin a
program with a fresh namespace. Programs that import a framework named in `SLOW`
run only with ``ALL=1``, in a process for this framework. Blocks that use
`nnx.Optimizer` need flax 0.11, and are left out with an older one.
"""

import contextlib
import functools
from importlib import metadata
import io
import os
import pathlib
import re
import sys
import tempfile
import traceback
from typing import Any

import markdown_it
from packaging.version import Version

from tests import processes

ROOT = pathlib.Path(__file__).parents[2]
# The pages, relative to the root.
PAGES = sorted(
    str(page.relative_to(ROOT))
    for glob in ('*.md', 'docs/*.md', 'docs/[!_]*/*.md')
    for page in ROOT.glob(glob)
)
IMPORT = re.compile(r'^ *(import|from) ', re.MULTILINE)
SLOW = re.compile(
    r'^ *(?:import|from) (tensorflow|tf_keras|torch)\b', re.MULTILINE
)


def blocks(text: str, language: str) -> list[tuple[int, str]]:
  """The fenced blocks in a language: their first lines and their code."""
  return [
      (token.map[0] + 2, token.content)
      for token in markdown_it.MarkdownIt().parse(text)
      if token.type == 'fence' and token.info.split()[:1] == [language]
  ]


def programs(text: str) -> list[list[tuple[int, str]]]:
  """The Python blocks of a page, grouped into programs."""
  grouped = []
  for line, code in blocks(text, 'python'):
    if IMPORT.search(code) or not grouped:
      grouped.append([])
    grouped[-1].append((line, code))
  return grouped


def run(
    program: list[tuple[int, str]], place: str, names: dict | None = None
) -> dict[str, Any]:
  """Runs a program that may use some names, and returns these and its own."""
  namespace = {'__name__': place, **(names or {})}
  for line, code in program:
    above = '\n' * (line - 1)  # So that tracebacks have the lines of the page.
    exec(compile(above + code, place, 'exec'), namespace)
  return namespace


def find_error(program: list[tuple[int, str]], place: str) -> str:
  """Runs a program silently and returns its traceback, if it raises."""
  import jax  # The backend of Keras is set first.

  jax.config.update('jax_enable_x64', False)
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      run(program, place)
  except Exception:  # pylint: disable=broad-exception-caught
    return traceback.format_exc()
  return ''


def slow_framework(program: list[tuple[int, str]]) -> str | None:
  """Returns the framework in `SLOW` that a program imports."""
  names = [name for _, code in program for name in SLOW.findall(code)]
  return names[0] if names else None


@functools.cache
def has_new_flax() -> bool:
  return Version(metadata.version('flax')) >= Version('0.11')


def runnable(
    program: list[tuple[int, str]], page: str
) -> list[tuple[int, str]]:
  """Returns the blocks that this flax can run, and prints the others' lines."""
  found = []
  for line, code in program:
    if 'nnx.Optimizer(' in code and not has_new_flax():
      print(f'{page}:{line} needs flax 0.11')
    else:
      found.append((line, code))
  return found


def main(*pages: str) -> int:
  """Runs the programs of pages and returns how many failed."""
  failed = 0
  for page in pages:
    for program in programs((ROOT / page).read_text('utf-8')):
      framework = slow_framework(program)
      if framework and not os.environ.get('ALL'):
        continue
      found = runnable(program, page)
      if framework:
        process = 'torch' if framework == 'torch' else 'tensorflow'
        message = processes.call_in(process, find_error, found, page)
      else:
        message = find_error(found, page)
      if message:
        line, _ = program[0]
        print(f'The program at {page}:{line} fails:', message, sep='\n')
        failed += 1
  return failed


if __name__ == '__main__':
  os.environ['KERAS_BACKEND'] = 'jax'
  sys.path.append(str(ROOT / 'porting'))
  with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    sys.exit(main(*sys.argv[1:]))
