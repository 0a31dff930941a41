"""examples/finding.py clips what the formulas clip, from one start for all."""

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

TINY = finding.Config(
    layers=1,
    width=16,
    heads=2,
    vocabulary=64,
    query=4,
    response=6,
    pretraining_steps=3,
    pretraining_batch=4,
    pretraining_rate=1e-3,
    epochs=1,
)
RATIOS = TINY.responses * TINY.response
RATE, EPS = 1e-2, 1e-3


@pytest.mark.slow
class FindingTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    manual, is_word = finding.read_manual(TINY)
    key = jax.random.key(0)
    cls.params = finding.pretrain(key, manual, TINY)
    cls.rollout = finding.roll_out(key, cls.params, manual, is_word, TINY)

  def _clipped_after_first_step(self, effective_eps):
    """Returns the share clipped after the first step that the formula gives."""
    grads = finding.ppo_gradient(self.params, self.rollout, TINY)

    def move(param, grad):
      return param - RATE * grad / (jnp.abs(grad) + effective_eps)

    moved = jax.tree.map(move, self.params, grads)
    _, share = finding.ppo_loss(moved, self.rollout, TINY)
    return share

  def _clipped_by_update(self, tf_style):
    """Returns the share that the example finds after one step of Adam."""
    return finding.update(self.params, self.rollout, RATE, EPS, TINY, tf_style)

  def test_one_step_clips_what_the_formula_clips(self):
    default = self._clipped_after_first_step(EPS)
    hat = self._clipped_after_first_step(EPS / np.sqrt(1 - finding.B2))
    self.assertGreater(default, hat + 0.05)
    # A rounding error may move one ratio across the limit.
    tolerance = 1.5 / RATIOS
    found = self._clipped_by_update(tf_style=False)
    self.assertAlmostEqual(found, default, delta=tolerance)
    found = self._clipped_by_update(tf_style=True)
    self.assertAlmostEqual(found, hat, delta=tolerance)

  def test_clips_ratios_that_would_gain_by_moving_further(self):
    half = TINY.responses // 2
    advantages = jnp.array([[1.0], [-1.0]] * half)
    logs = self.rollout.logs - jnp.log(1.5)  # Every ratio is 1.5.
    rollout = self.rollout._replace(logs=logs, advantages=advantages)
    loss, share = finding.ppo_loss(self.params, rollout, TINY)
    self.assertEqual(share, 0.5)
    np.testing.assert_allclose(loss, (-1.2 + 1.5) / 2, rtol=1e-5)

  def test_all_settings_start_from_the_same_model_and_responses(self):
    settings = finding.list_settings(finding.RATES)
    update = mock.Mock(wraps=finding.update)
    with mock.patch.object(finding, 'update', update):
      finding.run_seed(0, settings, TINY)
    self.assertLen(update.mock_calls, len(settings))
    params, rollout, *_ = update.mock_calls[0].args
    for call in update.mock_calls:
      self.assertIs(call.args[0], params)
      self.assertIs(call.args[1], rollout)

  def test_main_prints_the_table_and_writes_figure_and_numbers(self):
    folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    figure = folder / 'finding.svg'
    numbers = folder / 'finding.json'
    stdout = io.StringIO()
    with (
        mock.patch.object(finding, 'Config', lambda: TINY),
        contextlib.redirect_stdout(stdout),
    ):
      finding.main(['--quick', f'--out={figure}', f'--json={numbers}'])
    printed = stdout.getvalue()
    table = json.loads(numbers.read_text('utf-8'))['table']
    self.assertIn(table, printed)
    self.assertNotIn('(', table)  # One seed has no range.
    for line in printed.splitlines():
      self.assertLessEqual(len(line), 80, line)
    self.assertIn('<svg', figure.read_text('utf-8'))


if __name__ == '__main__':
  absltest.main()
