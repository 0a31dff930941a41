"""A checkpoint restores the state, whose moments don't depend on the flag.

Only the maximum of AMSGrad does.
"""

import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
from flax import serialization
import jax
import numpy as np
import optax
import orbax.checkpoint as ocp

from tests.porting import problem
from tests.wrappers import workaround


def _through_orbax(state):
  with tempfile.TemporaryDirectory() as folder:
    with ocp.StandardCheckpointer() as checkpointer:
      checkpointer.save(f'{folder}/state', state)
      checkpointer.wait_until_finished()
      shapes = jax.eval_shape(lambda: state)
      return checkpointer.restore(f'{folder}/state', shapes)


def _through_flax(state):
  return serialization.from_bytes(state, serialization.to_bytes(state))


def _resume(opt, state):
  """Returns the state after one more step."""
  grads = problem.gradients()[0]
  _, state = opt.update(grads, state, problem.params())
  return state


class CheckpointsTest(parameterized.TestCase):

  @parameterized.product(
      save_and_restore=(_through_orbax, _through_flax),
      name=('adam', 'amsgrad'),
  )
  def test_checkpoint_restores_moments_that_ignore_the_flag(
      self, save_and_restore, name
  ):
    _, state = workaround.train(workaround.with_flag(name))
    restored = save_and_restore(state)
    chex.assert_trees_all_equal(restored, state)

    flag = _resume(workaround.with_flag(name), restored)
    default = _resume(workaround.with_flag(name, epsilon_hat=False), restored)
    for moment in ('mu', 'nu', 'count'):
      chex.assert_trees_all_equal(
          optax.tree.get(flag, moment), optax.tree.get(default, moment)
      )

  def test_nu_max_of_amsgrad_is_not_corrected_with_the_flag(self):
    flag = workaround.with_flag('amsgrad')
    default = workaround.with_flag('amsgrad', epsilon_hat=False)
    state = flag.init(problem.params())
    with_flag = optax.tree.get(_resume(flag, state), 'nu_max')
    without = optax.tree.get(_resume(default, state), 'nu_max')

    def assert_corrected(corrected, maximum):
      c2 = 1 - workaround.B2
      np.testing.assert_allclose(corrected, maximum / c2, rtol=1e-5)

    jax.tree.map(assert_corrected, without, with_flag)


if __name__ == '__main__':
  absltest.main()
