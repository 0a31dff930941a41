"""Tests that the flag leaves shardings and communication as they are."""

import json
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

_LAYOUTS = (
    'one_axis',
    'two_axes',
    'two_explicit_axes',
    'columns',
    'replicated',
)


def _facts(layout):
  done = subprocess.run(
      [sys.executable, '-m', 'tests.composition.sharded', layout],
      capture_output=True,
      text=True,
      check=False,
  )
  if done.returncode:
    raise RuntimeError(done.stderr)
  return json.loads(done.stdout)


class DevicesTest(parameterized.TestCase):

  @parameterized.parameters(*_LAYOUTS)
  def test_on_eight_devices(self, layout):
    pieces = {'columns': 2, 'replicated': 1}.get(layout, 8)
    for optimizer, (default, flagged) in _facts(layout).items():
      with self.subTest(f'{optimizer}_is_on_the_mesh'):
        self.assertEqual((flagged['devices'], flagged['pieces']), (8, pieces))
      with self.subTest(f'{optimizer}_keeps_shardings'):
        self.assertTrue(flagged['kept'])
      with self.subTest(f'{optimizer}_adds_no_collective'):
        self.assertEqual(flagged['collectives'], default['collectives'])
        # The norm's all-reduce is seen, so that another one would be.
        needs_one = optimizer == 'clipped' and layout != 'replicated'
        self.assertEqual(bool(flagged['collectives']), needs_one)
      with self.subTest(f'{optimizer}_moves_as_on_one_device'):
        travel = flagged['travel']
        # Ten roundings, in float32: a norm is summed in another order.
        self.assertLess(
            flagged['apart_from_one_device'],
            10 * np.finfo(np.float32).eps * travel,
        )
        apart = np.abs(np.subtract(flagged['params'], default['params']))
        self.assertGreater(np.max(apart), 1e-2 * travel)


if __name__ == '__main__':
  absltest.main()
