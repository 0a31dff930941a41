"""The tests that don't go upstream with the change."""

import jax

# Here, since some tests run in processes without pytest.
if not hasattr(jax, 'enable_x64'):  # JAX 0.6, as on Python 3.10.
  jax.enable_x64 = jax.experimental.enable_x64
