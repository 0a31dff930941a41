"""The example matches Keras with the flag, and only with it."""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import absltest
import pytest

from examples import match_keras


def read(output: str) -> dict[str, list[float]]:
  """Returns the numbers of the printed table, by epsilon."""
  header_lines = match_keras.HEADER.count('\n') + 1
  *rows, _ = output.splitlines()[header_lines:]
  found = {}
  for row in rows:
    epsilon, *cells = row.split()
    found[epsilon] = [float(cell) for cell in cells]
  return found


class MatchKerasTest(absltest.TestCase):

  def _run(self, *options: str) -> str:
    """Returns what the example prints, and checks that it drew a figure."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
      out = pathlib.Path(folder, 'figure.svg')
      with contextlib.redirect_stdout(printed):
        match_keras.main(['--steps=20', f'--out={out}', *options])
      self.assertIn('<svg', out.read_text('utf-8'))
    return printed.getvalue()

  def test_only_the_flag_matches_keras(self):
    printed = self._run()
    self.assertLessEqual(max(map(len, printed.splitlines())), 80)
    found = read(printed)
    self.assertSequenceEqual(list(found), ['1e-7', '1e-5', '1e-3'])
    for epsilon, numbers in found.items():
      first, last, flag_first, flag_last, *losses = numbers
      keras, default, flag = losses
      with self.subTest(epsilon):
        self.assertGreater(min(first, last), 0.05)
        self.assertLess(max(flag_first, flag_last), 1e-4)
        self.assertNotEqual(keras, default)
        self.assertAlmostEqual(keras, flag, delta=2e-5)

  def test_seed_and_epsilons_can_be_chosen(self):
    found = read(self._run('--seed=3', '--epsilons', '2.5e-4', '1e-8'))
    self.assertSequenceEqual(list(found), ['2.5e-4', '1e-8'])
    for epsilon, (first, _, flag_first, *_) in found.items():
      with self.subTest(epsilon):
        self.assertGreater(first, 0.1)
        self.assertLess(flag_first, 1e-4)

  @pytest.mark.slow
  def test_float64_leaves_only_its_own_rounding(self):
    # In a process of its own, since precision is a global setting.
    command = [sys.executable, match_keras.__file__, '--float64', '--steps=20']
    with tempfile.TemporaryDirectory() as folder:
      printed = subprocess.check_output(
          [*command, '--epsilons', '1e-5'], cwd=folder, text=True
      )
    first, last, flag_first, flag_last, *_ = read(printed)['1e-5']
    self.assertGreater(min(first, last), 0.05)
    self.assertLess(max(flag_first, flag_last), 1e-12)


if __name__ == '__main__':
  absltest.main()
