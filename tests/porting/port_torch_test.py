"""port.py and PyTorch, in a process without TensorFlow, whose LLVM clashes."""

import os
import pathlib
import subprocess
import sys

from absl.testing import absltest


class TorchTest(absltest.TestCase):

  def test_cases(self):
    if not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    cases = pathlib.Path(__file__).with_name('port_torch_cases.py')
    command = [sys.executable, '-m', 'pytest', '-q', '--durations=5', cases]
    # In any order, and in one process.
    command += ['-p', 'no:xdist']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == '__main__':
  absltest.main()
