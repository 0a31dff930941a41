"""Tests that a state goes through a checkpoint, and to the other setting.

The moments of Adam mean the same in both settings. AMSGrad's `nu_max` does not:
what resuming makes of it is what the reference says, which keeps the larger of
the old maximum and the new candidate.
"""

import pathlib
import pickle
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
from flax import serialization
from flax.training import train_state
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp

from tests.composition import following
from tests.composition import problems

_STEPS = 6


def _through_orbax(tree, directory):
  with ocp.StandardCheckpointer() as checkpointer:
    checkpointer.save(pathlib.Path(directory) / 'state', tree)
    checkpointer.wait_until_finished()
    return checkpointer.restore(
        pathlib.Path(directory) / 'state', jax.eval_shape(lambda: tree)
    )


def _through_pickle(tree, directory):
  del directory
  return pickle.loads(pickle.dumps(tree))


def _through_numpy(tree, directory):
  return _through_pickle(jax.device_get(tree), directory)


def _through_flax(tree, directory):
  del directory
  return serialization.from_bytes(tree, serialization.to_bytes(tree))


_WAYS = (_through_orbax, _through_pickle, _through_numpy, _through_flax)


def _steps(step, params, state, grads):
  for g in grads:
    params, state = step(params, state, g)
  return params, state


class CheckpointsTest(parameterized.TestCase):

  @parameterized.product(
      way=_WAYS, factory=(optax.adam, optax.amsgrad), first=(False, True)
  )
  def test_resumed_is_as_uninterrupted(self, way, factory, first):
    params = jax.tree.map(
        lambda p: jnp.asarray(p, jnp.float32), problems.params()
    )
    grads = jax.tree.map(np.float32, problems.gradients(params, 2 * _STEPS))
    opt, other = (
        factory(following.RATE, eps=problems.EPS, tf_style=flag)
        for flag in (first, not first)
    )
    step = jax.jit(following.apply(opt))
    other_step = jax.jit(following.apply(other))
    before = _steps(step, params, opt.init(params), grads[:_STEPS])
    directory = self.enter_context(tempfile.TemporaryDirectory())
    restored = way(before, directory)
    chex.assert_trees_all_equal_structs(restored, before)
    chex.assert_trees_all_equal_shapes_and_dtypes(restored, before)
    chex.assert_trees_all_equal(restored, before)
    chex.assert_trees_all_equal_structs(restored[1], other.init(params))

    resumed = _steps(other_step, *restored, grads[_STEPS:])
    uninterrupted = _steps(other_step, *before, grads[_STEPS:])
    chex.assert_trees_all_equal(resumed, uninterrupted)
    # The flag does count for something, and not for Adam's state.
    unswitched = _steps(step, *before, grads[_STEPS:])
    with self.assertRaises(AssertionError):
      chex.assert_trees_all_close(resumed[0], unswitched[0], rtol=1e-3)
    for moment in ('mu', 'nu'):
      chex.assert_trees_all_close(
          optax.tree.get(resumed[1], moment),
          optax.tree.get(unswitched[1], moment),
          # Two programs may contract the sums differently at each step.
          rtol=_STEPS * np.finfo(np.float32).eps,
          atol=_STEPS * np.finfo(np.float32).eps,
      )

  @parameterized.parameters(False, True)
  def test_train_state_through_orbax(self, first):
    params = problems.params()
    params = jax.tree.map(lambda p: jnp.asarray(p, jnp.float32), params)
    grads = jax.tree.map(np.float32, problems.gradients(params, 2 * _STEPS))
    tx, other = (
        optax.adamw(following.RATE, eps=problems.EPS, tf_style=flag)
        for flag in (first, not first)
    )
    state = train_state.TrainState.create(apply_fn=None, params=params, tx=tx)
    for g in grads[:_STEPS]:
      state = state.apply_gradients(grads=g)
    fresh = train_state.TrainState.create(
        apply_fn=None, params=params, tx=other
    )
    directory = self.enter_context(tempfile.TemporaryDirectory())
    path = pathlib.Path(directory) / 'state'
    with ocp.StandardCheckpointer() as checkpointer:
      checkpointer.save(path, state)
      checkpointer.wait_until_finished()
      resumed = checkpointer.restore(path, fresh)
    uninterrupted = state.replace(tx=other)
    chex.assert_trees_all_equal(resumed, uninterrupted)
    for g in grads[_STEPS:]:
      resumed = resumed.apply_gradients(grads=g)
      uninterrupted = uninterrupted.apply_gradients(grads=g)
      state = state.apply_gradients(grads=g)
    chex.assert_trees_all_equal(resumed, uninterrupted)
    with self.assertRaises(AssertionError):
      chex.assert_trees_all_close(resumed.params, state.params, rtol=1e-3)


class SwitchTest(following.Float64TestCase):

  @parameterized.product(optimizer=following.OPTIMIZERS, first=(False, True))
  def test_switched_run_follows_the_formulas(self, optimizer, first):
    _, factory, formula = optimizer
    params = problems.params()
    grads = problems.gradients(params, 2 * _STEPS)
    opt, other = (
        following.optimizer(factory, formula, epsilon_hat=flag)
        for flag in (first, not first)
    )
    held, state = following.run(opt, params, grads[:_STEPS])
    state = _through_pickle(state, None)
    step = jax.jit(following.apply(other))
    got, _ = _steps(step, held[-1], state, grads[_STEPS:])

    def expected(switched):
      def epsilon_hat(step):
        return first if step < _STEPS or not switched else not first

      return following.expected(params, grads, formula, epsilon_hat)[-1]

    self.assert_follows(got, expected, following.tolerance(2 * _STEPS))


if __name__ == '__main__':
  absltest.main()
