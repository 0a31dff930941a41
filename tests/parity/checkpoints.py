"""Trains on Keras's TensorFlow backend and leaves a tf.train.Checkpoint.

Run as a module with the folder to write to; Keras has one backend a process.
"""

import sys

import numpy as np

from tests.parity import frameworks
from tests.parity import measure

CALL = 'Adam(lr, epsilon=1e-5, amsgrad=True, weight_decay=0.3)'
NAMES = dict(lr=1e-2)


def main(folder):
  """Writes a checkpoint half-way, and the parameters then and at the end."""
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  keras = frameworks.import_keras()
  params, grads = measure.problem('float32', NAMES['lr'])
  variables = [keras.Variable(v, name=name) for name, v in params.items()]
  names = frameworks.keras_names(keras)
  optimizer = frameworks.define(CALL, **names, **NAMES)['optimizer']
  optimizer.build(variables)
  step = tf.function(lambda leaves: optimizer.apply(leaves, variables))
  for t, leaves in enumerate(zip(*grads.values(), strict=True)):
    if t == measure.STEPS // 2:
      tf.train.Checkpoint(optimizer=optimizer).write(f'{folder}/checkpoint')
      np.savez(f'{folder}/half.npz', *[v.numpy() for v in variables])
    step([tf.constant(leaf) for leaf in leaves])
  np.savez(f'{folder}/end.npz', *[v.numpy() for v in variables])


if __name__ == '__main__':
  main(sys.argv[1])
