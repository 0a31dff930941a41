"""port.py with PyTorch and with TensorFlow, each in a process of its own.

The LLVM of TensorFlow and that of PyTorch's Triton clash in one process.
"""

import os
import pathlib
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized


class FrameworksTest(parameterized.TestCase):

  @parameterized.parameters('port_tensorflow_cases.py', 'port_torch_cases.py')
  def test_cases(self, name):
    if not os.environ.get('ALL'):
      self.skipTest('frameworks other than Keras on JAX run with ALL=1')
    cases = pathlib.Path(__file__).with_name(name)
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:xdist', cases]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == '__main__':
  absltest.main()
