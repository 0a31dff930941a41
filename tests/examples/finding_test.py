"""The update matches the formulas, and both settings start from the same."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from examples import finding

TINY = finding.Config(1, 16, 2, 64, 4, 6, 0.7, 3, 4, 1e-3, 64)


@pytest.mark.slow
class FindingTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    manual, is_word = map(jnp.asarray, finding.read_manual(TINY))
    key = jax.random.key(0)
    cls.params = finding.pretrain(key, manual, TINY)
    cls.rollout = finding.roll_out(key, cls.params, manual, is_word, TINY)
    cls.start = cls.params, cls.rollout

  @parameterized.parameters(False, True)
  def test_one_step_clips_what_the_formula_clips(self, tf_style):
    rate, eps = 1e-2, 1e-3
    grads, _ = jax.grad(finding.ppo_loss, has_aux=True)(*self.start, TINY)

    def clipped(floor):
      step = lambda p, g: p - rate * g / (jnp.abs(g) + floor)
      moved = jax.tree.map(step, self.params, grads)
      return finding.ppo_loss(moved, self.rollout, TINY)[1]

    floors = eps, eps / np.sqrt(1 - finding.B2)
    expected, other = clipped(floors[tf_style]), clipped(floors[not tf_style])
    one_step = TINY._replace(epochs=1)
    found = finding.update(*self.start, rate, eps, one_step, tf_style)
    # A rounding error may move one ratio out of 384 across the limit.
    np.testing.assert_allclose(found, expected, atol=1.5 / 384)
    self.assertGreater(abs(expected - other), 0.05)

  def test_clips_ratios_that_would_gain_by_moving_further(self):
    ratio = self.rollout._replace(
        logs=self.rollout.logs - jnp.log(1.5),
        advantages=jnp.tile(jnp.array([[1.0], [-1.0]]), (32, 1)),
    )
    loss, share = finding.ppo_loss(self.params, ratio, TINY)
    self.assertEqual(share, 0.5)
    np.testing.assert_allclose(loss, (-1.2 + 1.5) / 2, rtol=1e-5)

  def test_main_pairs_the_settings_and_prints_their_shares(self):
    output, update = io.StringIO(), mock.Mock(wraps=finding.update)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.multiple(finding, Config=lambda: TINY, update=update),
        contextlib.redirect_stdout(output),
    ):
      out, found = pathlib.Path(folder, 'f.svg'), pathlib.Path(folder, 'json')
      finding.main(['--quick', '--out', str(out), '--json', str(found)])
      table = json.loads(found.read_text('utf-8'))['table']
      self.assertIn('<svg', out.read_text('utf-8'))
    self.assertLen({id(call.args[1]) for call in update.mock_calls}, 1)
    self.assertIn(table, output.getvalue())
    self.assertNotIn('(', table)  # One seed has no range.
    self.assertLessEqual(max(map(len, output.getvalue().splitlines())), 80)


if __name__ == '__main__':
  absltest.main()
