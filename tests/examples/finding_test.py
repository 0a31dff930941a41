"""The update clips what the formulas clip, and all settings start alike."""

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

  def test_one_step_clips_what_the_formula_clips(self):
    config = TINY._replace(epochs=1)
    start = self.params, self.rollout
    default = self._clipped_after_first_step(EPS)
    hat = self._clipped_after_first_step(EPS / np.sqrt(1 - finding.B2))
    self.assertGreater(default, hat + 0.05)
    # A rounding error may move one ratio across the limit.
    close = {'atol': 1.5 / RATIOS}
    found = finding.update(*start, RATE, EPS, config, tf_style=False)
    np.testing.assert_allclose(found, default, **close)
    found = finding.update(*start, RATE, EPS, config, tf_style=True)
    np.testing.assert_allclose(found, hat, **close)

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
    self.assertLen({id(call.args[0]) for call in update.mock_calls}, 1)
    self.assertLen({id(call.args[1]) for call in update.mock_calls}, 1)

  def test_main_prints_the_table_and_writes_figure_and_numbers(self):
    output = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(finding, 'Config', lambda: TINY),
        contextlib.redirect_stdout(output),
    ):
      figure = pathlib.Path(folder, 'finding.svg')
      numbers = pathlib.Path(folder, 'finding.json')
      finding.main(['--quick', f'--out={figure}', f'--json={numbers}'])
      table = json.loads(numbers.read_text('utf-8'))['table']
      self.assertIn('<svg', figure.read_text('utf-8'))
    self.assertIn(table, output.getvalue())
    self.assertNotIn('(', table)  # One seed has no range.
    self.assertLessEqual(max(map(len, output.getvalue().splitlines())), 80)


if __name__ == '__main__':
  absltest.main()
