"""Tests that the flag holds under optax's wrappers."""

import functools

from absl.testing import absltest
from absl.testing import parameterized
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.composition import following
from tests.composition import problems
from tests.numerics import reference


class WrappersTest(following.Float64TestCase):

  def setUp(self):
    super().setUp()
    self.params = problems.params()
    self.grads = problems.gradients(self.params, steps=12)

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
    self.assert_follows(
        got,
        lambda hat: following.expected(
            self.params,
            [clipped(g) for g in self.grads],
            formula,
            hat,
            learning_rate=following.RATE / 2,
        ),
        following.tolerance(12),
    )

  @parameterized.named_parameters(*following.OPTIMIZERS)
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
        for i in range(0, len(self.grads), every)
    ]

    def expected(hat):
      moved = following.expected(self.params, means, formula, hat)
      held = [self.params, *moved]
      return [held[(i + 1) // every] for i in range(len(self.grads))]

    self.assert_follows(got, expected, following.tolerance(12))

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_masked(self, factory, formula):
    mask = {'layer': {'w': True, 'b': False}, 'scale': True}
    opt = optax.masked(
        following.optimizer(factory, formula, tf_style=True), mask
    )
    got, _ = following.run(opt, self.params, self.grads)

    def expected(hat):
      out = following.expected(self.params, self.grads, formula, hat)
      # What is masked out is added as it is.
      bias = self.params['layer']['b']
      for params, g in zip(out, self.grads, strict=True):
        bias = bias + g['layer']['b']
        params['layer']['b'] = bias
      return out

    self.assert_follows(got, expected, following.tolerance(12))

  def test_partition_holds_both_settings_at_once(self):
    labels = {'layer': {'w': 'hat', 'b': 'plain'}, 'scale': 'frozen'}
    adam = functools.partial(optax.adam, following.RATE, eps=problems.EPS)
    opt = optax.partition(
        {
            'hat': adam(epsilon_hat=True),
            'plain': adam(),
            'frozen': optax.set_to_zero(),
        },
        labels,
    )
    got, _ = following.run(opt, self.params, self.grads)
    hat, plain = (
        following.expected(self.params, self.grads, {}, hat)
        for hat in (True, False)
    )

    def take(trajectory, name):
      return [p['layer'][name] for p in trajectory]

    self.assert_follows(
        take(got, 'w'),
        lambda flag: take(hat if flag else plain, 'w'),
        following.tolerance(12),
    )
    self.assert_follows(
        take(got, 'b'),
        lambda flag: take(plain if flag else hat, 'b'),
        following.tolerance(12),
    )
    for params in got:
      np.testing.assert_array_equal(params['scale'], self.params['scale'])

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_apply_if_finite(self, factory, formula):
    opt = optax.apply_if_finite(
        following.optimizer(factory, formula, tf_style=True), 3
    )
    bad = (2, 3, 7)
    grads = [
        jax.tree.map(lambda g: g * np.nan, g) if i in bad else g
        for i, g in enumerate(self.grads)
    ]
    got, state = following.run(opt, self.params, grads)

    def expected(hat):
      moved = following.expected(
          self.params,
          [g for i, g in enumerate(grads) if i not in bad],
          formula,
          hat,
      )
      held = [self.params, *moved]
      done = np.cumsum([i not in bad for i in range(len(grads))])
      return [held[i] for i in done]

    self.assert_follows(got, expected, following.tolerance(12))
    self.assertEqual(int(optax.tree.get(state, 'count')), 9)
    self.assertEqual(int(state.total_notfinite), 3)

  @parameterized.product(optimizer=following.OPTIMIZERS, reset=(False, True))
  def test_lookahead(self, optimizer, reset):
    _, factory, formula = optimizer
    period, slow_rate = 3, 0.4
    opt = optax.lookahead(
        following.optimizer(factory, formula, tf_style=True),
        period,
        slow_rate,
        reset_state=reset,
    )
    synced = optax.LookaheadParams.init_synced(
        jax.tree.map(jnp.asarray, self.params)
    )
    got, _ = following.run(opt, synced, self.grads)

    def expected(hat):
      rest = {k: v for k, v in formula.items() if k != 'weight_decay'}
      decay = formula.get('weight_decay', 0.0)
      fast = slow = self.params
      state, out = reference.init(fast), []
      for i, g in enumerate(self.grads):
        u, state = reference.update(
            g, state, eps=problems.EPS, epsilon_hat=hat, **rest
        )
        fast = reference.descend(fast, u, following.RATE, decay)
        if (i + 1) % period == 0:
          slow = jax.tree.map(lambda s, f: s + slow_rate * (f - s), slow, fast)
          fast = slow
          state = reference.init(fast) if reset else state
        out.append(optax.LookaheadParams(fast, slow))
      return out

    self.assert_follows(got, expected, following.tolerance(12))

  @parameterized.named_parameters(
      ('adam', optax.adam, {}), ('amsgrad', optax.amsgrad, {'amsgrad': True})
  )
  def test_schedule_free(self, factory, formula):
    b1 = 0.9
    opt = optax.contrib.schedule_free(
        following.optimizer(factory, formula, b1=0.0, tf_style=True),
        following.RATE,
        b1=b1,
    )
    got, state = following.run(opt, self.params, self.grads)

    def sequences(hat):
      zs = following.expected(self.params, self.grads, formula, hat, b1=0.0)
      x = self.params
      for t, z in enumerate(zs, start=1):
        x = jax.tree.map(lambda x, z, t=t: x + (z - x) / t, x, z)
        yield x, jax.tree.map(lambda x, z: b1 * x + (1 - b1) * z, x, z)

    # x is got back from y and z at every step, dividing by b1 each time.
    tolerance = following.tolerance(12, b1=0.0) / b1**12
    self.assert_follows(
        got, lambda hat: [y for _, y in sequences(hat)], tolerance
    )
    self.assert_follows(
        optax.contrib.schedule_free_eval_params(state, got[-1]),
        lambda hat: list(sequences(hat))[-1][0],
        tolerance,
    )

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_split_real_and_imaginary(self, factory, formula):

    def pair(x, y):
      return jax.tree.map(lambda a, b: a + 1j * b, x, y)

    imag = problems.params(seed=2)
    imag_grads = problems.gradients(imag, steps=12, seed=3)
    opt = optax.contrib.split_real_and_imaginary(
        following.optimizer(factory, formula, tf_style=True)
    )
    got, _ = following.run(
        opt,
        pair(self.params, imag),
        [pair(a, b) for a, b in zip(self.grads, imag_grads, strict=True)],
    )

    def expected(hat):
      real, imaginary = (
          following.expected(p, g, formula, hat)
          for p, g in ((self.params, self.grads), (imag, imag_grads))
      )
      return [pair(a, b) for a, b in zip(real, imaginary, strict=True)]

    self.assert_follows(got, expected, following.tolerance(12))

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_tree_map_params(self, factory, formula):
    opt = following.optimizer(factory, formula, tf_style=True)
    first, last = self.grads[:4], self.grads[4:]
    params, state = following.run(opt, self.params, first)
    # Halving every moment, and nothing else, is what the map should do.
    state = optax.tree_map_params(opt, lambda moment: moment / 2, state)
    step, got = jax.jit(following.apply(opt)), params[-1]
    for g in last:
      got, state = step(got, state, g)

    def expected(hat):
      rest = {k: v for k, v in formula.items() if k != 'weight_decay'}
      decay = formula.get('weight_decay', 0.0)
      params, state = self.params, reference.init(self.params)
      for i, g in enumerate(self.grads):
        if i == len(first):
          halved = jax.tree.map(lambda moment: moment / 2, state[1:])
          state = reference.State(state.count, *halved)
        u, state = reference.update(
            g, state, eps=problems.EPS, epsilon_hat=hat, **rest
        )
        params = reference.descend(params, u, following.RATE, decay)
      return params

    self.assert_follows(got, expected, following.tolerance(12))

  @parameterized.named_parameters(*following.OPTIMIZERS)
  def test_tree_map_params_gives_specs_as_without_the_flag(self, factory, _):
    specs = jax.tree.map(lambda p: f'{np.ndim(p)} axes', self.params)

    def spec_tree(**flags):
      opt = factory(following.RATE, **flags)
      return optax.tree_map_params(
          opt,
          lambda _, spec: spec,
          opt.init(self.params),
          specs,
          transform_non_params=lambda _: 'replicated',
      )

    chex.assert_trees_all_equal(
        jax.tree.flatten(spec_tree(epsilon_hat=True)),
        jax.tree.flatten(spec_tree()),
    )


if __name__ == '__main__':
  absltest.main()
