"""What the site's figures and the finding are computed from."""

import contextlib
import io
import json
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import tqdm

from docs import pages
from docs.figures import epsilons
from examples import finding


def updates_of_steady_gradients(size, steps, b2, eps, *, epsilon_hat):
  """Optax's own updates if all gradients are alike."""
  solver = optax.scale_by_adam(b2=b2, eps=eps, epsilon_hat=epsilon_hat)
  grads = jnp.asarray(size)

  def step(state, _):
    updates, state = solver.update(grads, state)
    return state, updates

  _, updates = jax.lax.scan(step, solver.init(grads), length=steps)
  return updates


class PagesTest(parameterized.TestCase):

  def test_filling_replaces_a_block_and_nothing_else(self):
    page = 'a\n<!-- x -->\nold\n<!-- /x -->\nb'
    filled = pages.fill(page, {'x': 'new'})
    self.assertEqual(filled, page.replace('old', 'new'))
    self.assertEqual(pages.read(filled, 'x'), 'new')
    with self.assertRaisesRegex(ValueError, '0 blocks'):
      pages.fill(page, {'y': 'new'})
    with self.assertRaisesRegex(ValueError, '2 blocks'):
      pages.fill(2 * page, {'x': 'new'})


class EpsilonsTest(parameterized.TestCase):

  @parameterized.product(
      b2=(0.9, 0.99, 0.999), epsilon_hat=(False, True), size=(1e-7, 1e-5, 1e-3)
  )
  def test_curves_are_what_optax_computes(self, b2, epsilon_hat, size):
    updates = updates_of_steady_gradients(
        size, 100, b2, 1e-5, epsilon_hat=epsilon_hat
    )
    expected = [
        epsilons.steady_update(size, step, b2, 1e-5, epsilon_hat=epsilon_hat)
        for step in range(1, 101)
    ]
    # Rounding b2 to float32 moves 1 - b2 by up to 3e-8 / 1e-3.
    np.testing.assert_allclose(updates, expected, rtol=5e-5)

  def test_effective_epsilon_falls_to_eps(self):
    values = [epsilons.magnification(step, 0.999) for step in (1, 10, 1e3, 1e6)]
    self.assertAlmostEqual(values[0], np.sqrt(1000), places=6)
    self.assertSequenceEqual(values, sorted(values, reverse=True))
    self.assertAlmostEqual(values[-1], 1, places=12)

  @parameterized.product(
      b2=epsilons.DECAYS, relative_size=(0, 1, 10, 30), tolerance=(0.01, 0.1)
  )
  def test_steps_to_agree_is_the_first_such_step(
      self, b2, relative_size, tolerance
  ):
    size = max(relative_size, 1e-9)

    def excess(step):
      plain, hat = (
          epsilons.steady_update(size, step, b2, 1.0, epsilon_hat=flag)
          for flag in (False, True)
      )
      return plain / hat - 1

    step = epsilons.steps_to_agree(b2, tolerance, relative_size)
    self.assertLessEqual(excess(step), tolerance)
    if step > 1:
      self.assertGreater(excess(step - 1), tolerance)

  def test_main_writes_what_the_pages_include(self):
    with tempfile.TemporaryDirectory() as folder:
      with contextlib.redirect_stdout(io.StringIO()):
        epsilons.main(['--out', folder])
      folder = pathlib.Path(folder)
      for name in epsilons.FIGURES:
        self.assertIn('<svg', (folder / f'{name}.svg').read_text('utf-8'))
      data = json.loads((folder / 'epsilons.json').read_text('utf-8'))
    self.assertEqual(data['numbers']['magnification'], '31.6')
    ratio = (1e-5 + 1e-8 / np.sqrt(1e-3)) / (1e-5 + 1e-8)
    self.assertEqual(data['numbers']['default'], f'{100 * (ratio - 1):.1f} %')


class FindingTest(parameterized.TestCase):

  def test_clipping(self):
    ratios = jnp.array([0.5, 0.9, 1.1, 1.5])
    self.assertEqual(finding.clip_fraction(ratios), 0.5)
    # Clipped where the advantage would gain from going further, only there.
    gains = finding.clipped_loss(ratios[3:], jnp.array([2.0]))
    losses = finding.clipped_loss(ratios[3:], jnp.array([-2.0]))
    np.testing.assert_allclose([gains, losses], [-1.2 * 2, 1.5 * 2], rtol=1e-6)

  def test_divergence(self):
    logs = jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]]))
    self.assertEqual(finding.divergence(logs, logs), 0)
    expected = (0.25 * np.log(0.5) + 0.75 * np.log(1.5)) / 2
    np.testing.assert_allclose(
        finding.divergence(logs, logs[:1]), expected, rtol=1e-6
    )

  def test_whiten(self):
    values = finding.whiten(jnp.array([1.0, 2.0, 6.0]))
    np.testing.assert_allclose(values.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(), 1, rtol=1e-6)

  def test_images_are_split(self):
    data = finding.load()
    begun = finding.start(jax.random.key(0), data)
    shapes = (len(begun.test.labels), len(begun.contexts.labels))
    self.assertEqual(shapes, (400, len(data.labels) - 800 - 400))
    accuracy = jnp.mean(
        finding.log_policy(begun.params, begun.test.images).argmax(axis=-1)
        == begun.test.labels
    )
    self.assertGreater(accuracy, 0.9)

  def test_first_step_clips_nothing(self):
    begun = finding.start(jax.random.key(0), finding.load())
    rollout = finding.roll_out(jax.random.key(1), begun.params, begun)
    chex.assert_shape(rollout.actions, (finding.ROLLOUT,))
    _, clipped = finding.loss_fn(begun.params, rollout)
    self.assertEqual(clipped, 0)

  @parameterized.parameters(
      {'eps': 1e-12, 'low': 0.99, 'high': 1.01},
      {'eps': 1e-3, 'low': 2.0, 'high': np.inf},
  )
  def test_algorithm_1_moves_further_if_epsilon_counts(self, eps, low, high):
    begun = finding.start(jax.random.key(0), finding.load())
    keys = jax.random.split(jax.random.key(1), 1)
    with tqdm.tqdm(disable=True) as bar:
      plain, hat = (
          finding.fine_tune(keys, begun, finding.Setting(eps), flag, bar)
          for flag in (False, True)
      )
    ratio = plain.kl[0] / hat.kl[0]
    self.assertBetween(ratio, low, high)

  def test_main(self):
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
      folder = pathlib.Path(folder)
      with contextlib.redirect_stdout(output):
        finding.main(
            [
                '--seeds',
                '2',
                '--updates',
                '1',
                '--out',
                str(folder / 'figure.png'),
                '--json',
                str(folder / 'numbers.json'),
            ]
        )
      self.assertEqual((folder / 'figure.png').read_bytes()[:4], b'\x89PNG')
      data = json.loads((folder / 'numbers.json').read_text('utf-8'))
    self.assertEqual(data['numbers']['seeds'], '2')
    for table in data['tables'].values():
      self.assertIn(table, output.getvalue())


if __name__ == '__main__':
  absltest.main()
