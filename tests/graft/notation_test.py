"""The notation, by cases: what comes of a sparse file and an upstream.

Each file in ``cases/`` documents one rule. A case is a title; a sparse file,
where it is not that of the case above; and either the diff that takes upstream,
which is optax 0.2.8 unless a version is given, to the result, or what the
message says, and upstream.
"""

import difflib
import pathlib
import re
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from graft import package
from graft.errors import GraftError


def _cases():
  """Yields the name of each case, its sparse file and what comes of it."""
  for file in sorted(pathlib.Path(__file__).parent.glob('cases/*.txt')):
    sparse = []
    for case in file.read_text().split('\n==== ')[1:]:
      ours, told, theirs = re.split(r'^---- (.+)\n', case, flags=re.MULTILINE)
      title, *ours = ours.rstrip('\n').split('\n')
      sparse, theirs = ours or sparse, theirs.rstrip('\n').split('\n')
      yield f'{file.stem}: {title}', sparse, told, theirs


def merge(sparse: str, upstream: str, version: str = '') -> str:
  """Merges two texts, as the files of two folders."""
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.PurePosixPath('optax', 'part.py')
    for side, text in (('ours', sparse), ('theirs', upstream)):
      path = pathlib.Path(folder, side, file)
      path.parent.mkdir(parents=True)
      path.write_text(text)
    theirs = pathlib.Path(folder, 'theirs')
    theirs = package.Upstream(theirs, version or '0.2.8')
    found = package.grafted(theirs, pathlib.Path(folder, 'ours'))
  return found.get(pathlib.PurePath(file), upstream)


class NotationTest(parameterized.TestCase):

  @parameterized.named_parameters(_cases())
  def test_case(self, sparse, told, theirs):
    kind, _, note = told.partition(' ')
    upstream = theirs
    if kind == 'diff':
      upstream = [line[1:] for line in theirs if line[:1] != '+']
    texts = ('\n'.join([*lines, '']) for lines in (sparse, upstream))
    if kind == 'diff':
      after = merge(*texts, note).split('\n')[:-1]
      diff = list(difflib.unified_diff(upstream, after, n=1000, lineterm=''))
      self.assertEqual([line.rstrip() for line in diff[3:]] or theirs, theirs)
      letters = iter(''.join(after))
      kept = [x in letters for x in ''.join(upstream) if x != ' ']
      self.assertTrue(all(kept), msg='something of upstream is gone')
    else:
      with self.assertRaisesRegex(GraftError, re.escape(note)) as caught:
        merge(*texts, '')
      self.assertRegex(str(caught.exception), r'\Aoptax/.+ \(optax .+\); .+\Z')


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
