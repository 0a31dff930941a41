"""The code that port.py prints makes the updates of the optimizer."""

import os
import pathlib
import sys

from absl.testing import absltest

os.environ.setdefault('KERAS_BACKEND', 'jax')
sys.path.append(str(pathlib.Path(__file__).parents[2] / 'porting'))

import keras  # pylint: disable=wrong-import-position
import port  # pylint: disable=wrong-import-position


class KerasTest(absltest.TestCase):

  def test_code_has_only_settings_that_differ_and_epsilon(self):
    code = port.to_optax(keras.optimizers.Adam(1e-3, beta_1=0.8))
    self.assertEndsWith(
        code, '\noptimizer = optax.adam(1e-3, b1=0.8, eps=1e-7, tf_style=True)\n'
    )


if __name__ == '__main__':
  absltest.main()
