"""The notation, by cases: what comes of a sparse file and an upstream.

Each file in ``cases/`` documents one rule. A case begins with its title after
``====`` and the sparse file, or nothing if that is the one of the case above.
Then comes one of these:

  ---- diff            the diff that takes upstream to the result
  ---- diff 0.2.6      the same, if upstream is that version of optax
  ---- refused: WHY    upstream, if the merge fails with an error that says why
"""

from collections.abc import Iterator
import dataclasses
import difflib
import pathlib
import re
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from graft import package
from graft import version
from graft.errors import GraftError


@dataclasses.dataclass(frozen=True)
class Case:
  """One case; ``told`` is the rest of the line that begins with ``----``."""

  name: str
  sparse: str
  told: str
  lines: list[str]


def read_cases(kind: str) -> Iterator[tuple[str, Case]]:
  """Yields the cases of a kind, with their names."""
  for file in sorted(pathlib.Path(__file__).parent.glob('cases/*.txt')):
    sparse = ''
    for text in file.read_text().split('\n==== ')[1:]:
      parts = re.split(r'^---- (.+)\n', text, flags=re.MULTILINE)
      title, _, own = parts[0].partition('\n')
      if len(parts) != 3 or not re.match('diff|refused: ', parts[1]):
        raise ValueError(
            f'{file}: the case {title!r} needs one line that begins with'
            ' "---- diff" or "---- refused: "'
        )
      _, told, tail = parts
      sparse = own or sparse
      if told.startswith(kind):
        name = f'{file.stem}: {title}'
        yield name, Case(name, sparse, told, tail.rstrip('\n').split('\n'))


def merge(sparse: str, upstream: str, number: str = version.UPSTREAM) -> str:
  """Merges two texts, as the files of two folders."""
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.PurePosixPath('optax', 'part.py')
    for side, text in (('ours', sparse), ('theirs', upstream)):
      path = pathlib.Path(folder, side, file)
      path.parent.mkdir(parents=True)
      path.write_text(text)
    theirs = package.Upstream(pathlib.Path(folder, 'theirs'), number)
    found = package.grafted(theirs, pathlib.Path(folder, 'ours'))
  return found.get(pathlib.PurePath(file), upstream)


def diff(before: str, after: str) -> list[str]:
  """The lines of two texts as a diff, or those of one if they are equal."""
  lines = before.splitlines(), after.splitlines()
  found = list(difflib.unified_diff(*lines, n=1000, lineterm=''))[3:]
  unchanged = [f' {line}' for line in lines[0]]
  return [line.rstrip() for line in found or unchanged]


class NotationTest(parameterized.TestCase):

  @parameterized.named_parameters(read_cases('diff'))
  def test_merge(self, case):
    number = case.told.removeprefix('diff').strip() or version.UPSTREAM
    before = [line[1:] for line in case.lines if not line.startswith('+')]
    upstream = ''.join(f'{line}\n' for line in before)
    found = diff(upstream, merge(case.sparse, upstream, number))
    message = 'The merge gives the lines with -, the case has those with +.'
    self.assertEqual('\n'.join(found), '\n'.join(case.lines), message)

  @parameterized.named_parameters(read_cases('refused'))
  def test_refusal(self, case):
    why = re.escape(case.told.removeprefix('refused: '))
    with self.assertRaisesRegex(GraftError, why, msg=case.name) as caught:
      merge(case.sparse, '\n'.join([*case.lines, '']))
    self.assertRegex(str(caught.exception), r'\Aoptax/.+ \(optax .+\); .+\Z')

  def test_windows_line_endings_stay(self):
    sparse = 'def f():\n  y = ...\n  print(y)\n'
    result = merge(sparse, 'def f():\r\n  y = 1\r\n')
    self.assertEqual(result, 'def f():\r\n  y = 1\r\n  print(y)\r\n')


class DepthTest(parameterized.TestCase):

  @parameterized.named_parameters(
      ('elif', 'if x:\n    pass\n' + '  elif x:\n    pass\n' * 300),
      ('sum', f'z = {" + ".join("x" * 600)}\n'),
  )
  def test_deeply_nested_code_is_merged_or_refused(self, deep):
    upstream = f'def f(x):\n  y = x\n  {deep}  return y\n'
    try:
      result = merge('def f():\n  y = ...\n  print(y)\n', upstream)
    except GraftError as error:
      self.assertRegex(str(error), r'\Aoptax/part.py: .* too deep.*\Z')
    else:
      self.assertIn('  y = x\n  print(y)\n', result)


if __name__ == '__main__':
  absltest.main()
