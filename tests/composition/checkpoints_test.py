"""Tests that a state goes through a checkpoint, and to the other setting.

The moments of Adam mean the same in both settings. AMSGrad's `nu_max` does not:
what resuming makes of it is what the reference says, which keeps the larger of
the old maximum and the new candidate.
"""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
from flax import serialization
import jax
import optax
import orbax.checkpoint as ocp

from tests.composition import following

_STEPS = 6


def _through_orbax(tree):
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'state'
    with ocp.StandardCheckpointer() as checkpointer:
      checkpointer.save(path, tree)
      checkpointer.wait_until_finished()
      return checkpointer.restore(path, jax.eval_shape(lambda: tree))


def _through_flax(tree):
  return serialization.from_bytes(tree, serialization.to_bytes(tree))


class CheckpointsTest(following.Float64TestCase):

  @parameterized.product(
      way=(_through_orbax, _through_flax),
      optimizer=((optax.adam, {}), (optax.amsgrad, {'amsgrad': True})),
      first=(False, True),
  )
  def test_resumed_in_the_other_setting(self, way, optimizer, first):
    params, grads = following.start(), following.gradients(2 * _STEPS)
    opt, other = (
        following.optimizer(*optimizer, epsilon_hat=flag)
        for flag in (first, not first)
    )
    held, state = following.run(opt, params, grads[:_STEPS])
    restored, state = way((held[-1], state))
    chex.assert_trees_all_equal(restored, held[-1])
    chex.assert_trees_all_equal_structs(state, other.init(params))
    step = jax.jit(following.apply(other))
    for g in grads[_STEPS:]:
      restored, state = step(restored, state, g)

    def expected(switched):
      def epsilon_hat(step):
        return first if step < _STEPS or not switched else not first

      _, formula = optimizer
      return following.expected(params, grads, formula, epsilon_hat)[-1]

    self.assert_follows(restored, expected, following.tolerance(2 * _STEPS))


if __name__ == '__main__':
  absltest.main()
