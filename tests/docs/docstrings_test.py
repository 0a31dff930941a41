"""The examples in the docstrings of the optimizers print what they say."""

import doctest
import io

from absl.testing import absltest
from absl.testing import parameterized
import jax
import jax.numpy as jnp
import optax

from graft import formula


class DocstringsTest(parameterized.TestCase):

  @parameterized.parameters(*formula.OPTIMIZERS)
  def test_examples_print_what_they_say(self, name):
    doc = getattr(optax, name).__doc__
    names = {'jax': jax, 'jnp': jnp, 'optax': optax}
    examples = doctest.DocTestParser().get_doctest(doc, names, name, None, 0)
    output = io.StringIO()
    found = doctest.DocTestRunner().run(examples, out=output.write)
    self.assertGreater(found.attempted, 0)
    self.assertEqual(found.failed, 0, output.getvalue())


if __name__ == '__main__':
  absltest.main()
