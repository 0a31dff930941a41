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


def rows(output: str) -> dict[str, list[float]]:
  """The printed table's numbers, by epsilon."""
  lines = [line.split() for line in output.splitlines()[5:-1]]
  return {epsilon: list(map(float, cells)) for epsilon, *cells in lines}


class MatchKerasTest(absltest.TestCase):

  def run_example(self, *options: str) -> str:
    """Returns what the example prints, and checks that it drew a figure."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
      out = pathlib.Path(folder, 'figure.svg')
      with contextlib.redirect_stdout(printed):
        match_keras.main(['--steps=20', f'--out={out}', *options])
      self.assertIn('<svg', out.read_text('utf-8'))
    return printed.getvalue()

  def test_only_the_flag_matches_keras(self):
    printed = self.run_example()
    self.assertLessEqual(max(map(len, printed.splitlines())), 80)
    found = rows(printed)
    self.assertSequenceEqual(list(found), ['1e-7', '1e-5', '1e-3'])
    for epsilon, (*distances, keras, default, flag) in found.items():
      with self.subTest(epsilon):
        self.assertGreater(min(distances[:2]), 3e-3)
        self.assertLess(max(distances[2:]), 1e-5)
        self.assertNotEqual(keras, default)
        self.assertAlmostEqual(keras, flag, delta=2e-6)

  def test_other_seeds_and_epsilons_agree_too(self):
    found = rows(self.run_example('--seed=3', '--epsilons', '2.5e-4', '1e-8'))
    self.assertSequenceEqual(list(found), ['2.5e-4', '1e-8'])
    for epsilon, distances in found.items():
      with self.subTest(epsilon):
        self.assertGreater(min(distances[:2]), 3e-4)
        self.assertLess(max(distances[2:4]), 1e-5)

  @pytest.mark.slow
  def test_float64_leaves_only_its_own_rounding(self):
    # In a process of its own, since precision is a global setting.
    command = [sys.executable, match_keras.__file__, '--float64', '--steps=20']
    with tempfile.TemporaryDirectory() as folder:
      printed = subprocess.check_output(
          [*command, '--epsilons', '1e-5'], cwd=folder, text=True
      )
    distances = rows(printed)['1e-5']
    self.assertGreater(min(distances[:2]), 3e-2)
    self.assertLess(max(distances[2:4]), 1e-14)


if __name__ == '__main__':
  absltest.main()
