"""Runs the Python blocks of pages as printed, each in a fresh namespace.

  python -m tests.docs.blocks README.md docs/install.md

Blocks that import a framework named in `SLOW` run only with ``ALL=1``.
"""

import os
import pathlib
import re
import sys
import tempfile
import traceback

import markdown_it

ROOT = pathlib.Path(__file__).parents[2]
SLOW = re.compile(
    r'^ *(import|from) (pyro|tensorflow|tf_keras|thinc|torch)\b', re.MULTILINE
)


def blocks(text: str, language: str) -> list[tuple[int, str]]:
  """The fenced blocks in a language: their first lines and their code."""
  return [
      (token.map[0] + 2, token.content)
      for token in markdown_it.MarkdownIt().parse(text)
      if token.type == 'fence' and token.info.split()[:1] == [language]
  ]


def run(code: str, place: str, line: int) -> bool:
  """Runs a block; prints the traceback and returns False if it raises."""
  try:
    exec(compile('\n' * (line - 1) + code, place, 'exec'), {'__name__': place})
  except Exception:  # pylint: disable=broad-exception-caught
    print(f'{place}:{line} fails:', traceback.format_exc(), sep='\n')
    return False
  return True


def main(*pages: str) -> int:
  """Runs the blocks of pages and returns how many failed."""
  import jax  # The backend of Keras is set first.

  failed = []
  for page in pages:
    for line, code in blocks((ROOT / page).read_text('utf-8'), 'python'):
      if os.environ.get('ALL') or not SLOW.search(code):
        jax.config.update('jax_enable_x64', False)
        failed += [line] * (not run(code, page, line))
  return len(failed)


if __name__ == '__main__':
  os.environ['KERAS_BACKEND'] = 'jax'
  sys.path.append(str(ROOT / 'porting'))
  with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    sys.exit(main(*sys.argv[1:]))
