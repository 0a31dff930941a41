"""The example follows the formulas, and compares what it says it compares."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np

from examples import finding

TINY = finding.Config(1, 16, 2, 64, 4, 6, 0.7, 3, 4, 1e-3, 8)


class FindingTest(parameterized.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    manual, is_word = map(jnp.asarray, finding.read_manual(TINY))
    key = jax.random.key(0)
    cls.params = finding.pretrain(key, manual, TINY, lambda: None)
    cls.rollout = finding.roll_out(key, cls.params, manual, is_word, TINY)
    cls.start = cls.params, cls.rollout

  @parameterized.product(tf_style=(False, True))
  def test_first_step_is_the_formulas(self, tf_style):
    rate, eps = 1e-2, 1e-3
    floor = eps / np.sqrt(1 - finding.B2) if tf_style else eps
    grad = jax.grad(finding.ppo_loss, has_aux=True)
    grads, _ = grad(*self.start, TINY)
    step = lambda p, g: p - rate * g / (jnp.abs(g) + floor)
    moved = jax.tree.map(step, self.params, grads)
    _, expected = finding.ppo_loss(moved, self.rollout, TINY)
    seen = finding.update(*self.start, rate, eps, TINY, tf_style=tf_style)
    # The flag moves it by a factor; float32 has 1 - 0.999 to 1.3e-5.
    np.testing.assert_allclose(seen.kl[0], expected.kl, rtol=1e-3)

  def test_flag_does_nothing_where_epsilon_does_not(self):
    plain, hat = (
        finding.update(*self.start, 1e-3, 1e-20, TINY, tf_style=flag)
        for flag in finding.NAMES
    )
    chex.assert_trees_all_close(plain, hat, rtol=1e-3)

  def test_clips_what_gains_from_going_further(self):
    ratio = self.rollout._replace(
        logs=self.rollout.logs - jnp.log(1.5),
        advantages=jnp.tile(jnp.array([[1.0], [-1.0]]), (4, 1)),
    )
    loss, seen = finding.ppo_loss(self.params, ratio, TINY)
    self.assertEqual(seen.clip_fraction, 0.5)
    np.testing.assert_allclose(loss, (-1.2 + 1.5) / 2, rtol=1e-5)

  def test_main_pairs_the_settings_and_prints_their_clip_fractions(self):
    output, update = io.StringIO(), mock.Mock(wraps=finding.update)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.multiple(finding, Config=lambda: TINY, update=update),
        contextlib.redirect_stdout(output),
    ):
      out, numbers = f'{folder}/f.svg', pathlib.Path(folder, 'numbers.json')
      finding.main(['--quick', '--out', out, '--json', str(numbers)])
      data = json.loads(numbers.read_text('utf-8'))
    self.assertLen({id(call.args[1]) for call in update.mock_calls}, 1)
    self.assertIn(data['tables']['settings'], output.getvalue())
    self.assertLessEqual(max(map(len, output.getvalue().splitlines())), 80)


if __name__ == '__main__':
  absltest.main()
