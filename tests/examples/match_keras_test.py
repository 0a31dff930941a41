"""examples/match_keras.py matches Keras with the flag, and only with it."""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

from absl.testing import absltest
import pytest

from examples import match_keras


class Row(NamedTuple):
  """The numbers of a row of the printed table."""

  default_first: float
  default_end: float
  flag_first: float
  flag_end: float
  keras_loss: float
  default_loss: float
  flag_loss: float


def read(output: str) -> dict[str, Row]:
  """Returns the rows of the printed table by their epsilons."""
  header_lines = match_keras.HEADER.count('\n') + 1
  *lines, _ = output.splitlines()[header_lines:]
  rows = {}
  for line in lines:
    epsilon, *cells = line.split()
    rows[epsilon] = Row(*map(float, cells))
  return rows


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
    rows = read(printed)
    self.assertSequenceEqual(list(rows), ['1e-7', '1e-5', '1e-3'])
    for epsilon, row in rows.items():
      with self.subTest(epsilon):
        self.assertGreater(min(row.default_first, row.default_end), 0.05)
        self.assertLess(max(row.flag_first, row.flag_end), 1e-4)
        self.assertNotEqual(row.keras_loss, row.default_loss)
        self.assertAlmostEqual(row.keras_loss, row.flag_loss, delta=2e-5)

  def test_epsilon_and_seed_can_be_chosen(self):
    rows = read(self._run('--epsilons=2.5e-4'))
    self.assertSequenceEqual(list(rows), ['2.5e-4'])
    self.assertLess(rows['2.5e-4'].flag_end, 1e-4)
    with_seed = read(self._run('--epsilons=2.5e-4', '--seed=3'))
    self.assertLess(with_seed['2.5e-4'].flag_end, 1e-4)
    self.assertNotEqual(
        rows['2.5e-4'].keras_loss, with_seed['2.5e-4'].keras_loss
    )

  @pytest.mark.slow
  def test_float64_leaves_only_its_own_rounding(self):
    # In a process of its own, since precision is a global setting.
    command = [sys.executable, match_keras.__file__, '--float64', '--steps=20']
    with tempfile.TemporaryDirectory() as folder:
      printed = subprocess.check_output(
          [*command, '--epsilons', '1e-5'], cwd=folder, text=True
      )
    row = read(printed)['1e-5']
    self.assertGreater(min(row.default_first, row.default_end), 0.05)
    self.assertLess(max(row.flag_first, row.flag_end), 1e-12)


if __name__ == '__main__':
  absltest.main()
