"""Tests that the flag holds under optax's wrappers."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following

_STEPS = 12
_TWO = (('adam', optax.adam, {}), ('amsgrad', optax.amsgrad, {'amsgrad': True}))


class WrappersTest(following.Float64TestCase):

  def setUp(self):
    super().setUp()
    self.params = following.start()
    self.grads = following.gradients(_STEPS)

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_chain(self, factory, formula):
    clip = 0.5

    def clipped(g):
      norm = np.sqrt(sum(np.sum(x**2) for x in jax.tree.leaves(g)))
      return jax.tree.map(lambda x: x * min(1.0, clip / norm), g)

    opt = optax.chain(
        optax.clip_by_global_norm(clip),
        following.optimizer(factory, formula, tf_style=True),
        optax.scale(0.5),
    )
    got, _ = following.run(opt, self.params, self.grads)
    grads = [clipped(g) for g in self.grads]
    self.assert_follows(
        got,
        lambda hat: following.expected(
            self.params, grads, formula, hat, learning_rate=following.RATE / 2
        ),
        following.tolerance(_STEPS),
    )

  @parameterized.named_parameters(*_TWO)
  def test_multi_steps(self, factory, formula):
    every = 4
    opt = optax.MultiSteps(
        following.optimizer(factory, formula, tf_style=True),
        every,
        accumulator_dtype=jnp.float64,
    )
    got, _ = following.run(opt, self.params, self.grads)
    means = [
        jax.tree.map(lambda *g: np.mean(g, axis=0), *self.grads[i : i + every])
        for i in range(0, _STEPS, every)
    ]
    self.assert_follows(
        got[every - 1 :: every],
        lambda hat: following.expected(self.params, means, formula, hat),
        following.tolerance(_STEPS),
    )

  def test_partition_holds_both_settings_at_once(self):
    labels = {'layer': {'w': 'hat', 'b': 'plain'}, 'scale': 'plain'}
    adam = functools.partial(optax.adam, following.RATE, eps=following.EPS)
    opt = optax.partition({'hat': adam(tf_style=True), 'plain': adam()}, labels)
    got, _ = following.run(opt, self.params, self.grads)

    for name, labelled in (('w', True), ('b', False)):
      self.assert_follows(
          [p['layer'][name] for p in got],
          lambda right, name=name, labelled=labelled: [
              p['layer'][name]
              for p in following.expected(
                  self.params, self.grads, {}, labelled == right
              )
          ],
          following.tolerance(_STEPS),
      )

  @parameterized.named_parameters(*_TWO)
  def test_schedule_free(self, factory, formula):
    b1 = 0.9
    opt = optax.contrib.schedule_free(
        following.optimizer(factory, formula, b1=0.0, tf_style=True),
        following.RATE,
        b1=b1,
    )
    got, _ = following.run(opt, self.params, self.grads)

    def expected(hat):
      x, out = self.params, []
      zs = following.expected(self.params, self.grads, formula, hat, b1=0.0)
      for t, z in enumerate(zs, start=1):
        x = jax.tree.map(lambda x, z, t=t: x + (z - x) / t, x, z)
        out.append(jax.tree.map(lambda x, z: b1 * x + (1 - b1) * z, x, z))
      return out

    # x is got back from y and z at every step, dividing by b1 each time.
    tolerance = following.tolerance(_STEPS, b1=0.0) / b1**_STEPS
    self.assert_follows(got, expected, tolerance)

  @parameterized.named_parameters(*_TWO)
  def test_split_real_and_imaginary(self, factory, formula):

    def pair(x, y):
      return jax.tree.map(lambda a, b: a + 1j * b, x, y)

    imag, imag_grads = following.start(2), following.gradients(_STEPS, seed=3)
    opt = optax.contrib.split_real_and_imaginary(
        following.optimizer(factory, formula, tf_style=True)
    )
    grads = list(map(pair, self.grads, imag_grads))
    got, _ = following.run(opt, pair(self.params, imag), grads)

    def expected(hat):
      real = following.expected(self.params, self.grads, formula, hat)
      imaginary = following.expected(imag, imag_grads, formula, hat)
      return list(map(pair, real, imaginary))

    self.assert_follows(got, expected, following.tolerance(_STEPS))


if __name__ == '__main__':
  absltest.main()
