"""A state goes through a checkpoint, and resumes under the other setting."""

import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import chex
from flax import serialization
import jax
import numpy as np
import optax
import orbax.checkpoint as ocp

from tests.wrappers import workaround


def _through_orbax(tree, path):
  with ocp.StandardCheckpointer() as checkpointer:
    checkpointer.save(path, tree)
    checkpointer.wait_until_finished()
    return checkpointer.restore(path, jax.eval_shape(lambda: tree))


def _through_flax(tree, path):
  del path
  return serialization.from_bytes(tree, serialization.to_bytes(tree))


class CheckpointsTest(parameterized.TestCase):

  @parameterized.product(
      save=(_through_orbax, _through_flax), name=('adam', 'amsgrad')
  )
  def test_checkpoint_resumes_under_the_other_setting(self, save, name):
    params, grads = workaround.params_and_grads(steps=3)
    on, off = (workaround.flagged(name, epsilon_hat=x) for x in (True, False))
    _, state = workaround.train(on, params, grads)
    with tempfile.TemporaryDirectory() as folder:
      restored = save(state, f'{folder}/state')
    chex.assert_trees_all_equal(restored, state)
    chex.assert_trees_all_equal_structs(restored, off.init(params))
    _, state = workaround.train(off, params, grads)
    for moment in ('mu', 'nu', 'count'):
      same = optax.tree.get(state, moment), optax.tree.get(restored, moment)
      chex.assert_trees_all_equal(*same)
    if name == 'amsgrad':  # The maximum means something else.
      maxima = [optax.tree.get(s, 'nu_max')['scale'] for s in (state, restored)]
      self.assertGreater(maxima[0], 10 * np.asarray(maxima[1]))


if __name__ == '__main__':
  absltest.main()
