"""Without the flag, the fork is upstream: names, signatures, jaxprs and files.

Run as a program, this prints what the optax on the path offers and computes.
The test runs it with the fork and with the pinned release.
"""

from importlib import metadata
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys
import warnings

from absl.testing import absltest
import jax
import jax.numpy as jnp
import optax

_OPTIONS = (
    {},
    {'nesterov': True},
    {'mu_dtype': 'float16'},
    {'eps_root': 1e-3},
    {'bias_correction_mu': False},
    {'bias_correction_nu': False},
)
_NEW = ', epsilon_hat: bool = False'
_ALIAS = ', tf_style: bool = False'
_NEW_KEYWORDS = {
    'scale_by_adam': _NEW,
    'scale_by_amsgrad': _NEW,
    'adam': _NEW + _ALIAS,
    'adamw': _NEW + _ALIAS,
    'nadam': _NEW + _ALIAS,
    'nadamw': _NEW + _ALIAS,
    'amsgrad': _NEW + _ALIAS,
}


def _jaxpr(factory, options) -> str | None:
  """The first step of what a factory makes, if it is a transformation."""
  params = {'w': jnp.ones((2, 3)), 'b': jnp.ones((3,), jnp.bfloat16)}
  for rate in ({}, {'learning_rate': 1e-2}):
    try:
      opt = factory(**rate, **options)
      update = optax.with_extra_args_support(opt).update
      step = lambda g, u=update, o=opt: u(g, o.init(params), params)
      return str(jax.make_jaxpr(step)(params))
    except Exception:  # pylint: disable=broad-except
      continue
  return None


def describe() -> dict[str, object]:
  """Signatures by name, and jaxprs by name and options."""
  modules = {'': optax, 'contrib.': optax.contrib}
  found = {
      prefix + name: getattr(module, name)
      for prefix, module in modules.items()
      for name in dir(module)
      if not name.startswith('_') and callable(getattr(module, name))
  }
  address = lambda text: re.sub(r' at 0x[0-9a-f]+', '', text)
  signatures, jaxprs = {}, {}
  for name, value in found.items():
    if inspect.isfunction(value) or hasattr(value, 'func'):
      signatures[name] = address(str(inspect.signature(value)))
    for options in _OPTIONS:
      if jaxpr := _jaxpr(value, options):
        jaxprs[f'{name} {options}'] = address(jaxpr)
  return {'signatures': signatures, 'jaxprs': jaxprs, 'file': optax.__file__}


class UnchangedTest(absltest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    # Not above, since the program runs without graft on its path.
    from graft import package  # pylint: disable=g-import-not-at-top
    from graft import release  # pylint: disable=g-import-not-at-top

    cls.upstream = release.fetched()
    cls.changed = package.grafted(cls.upstream)

  def _describe(self, path: str) -> dict:
    env = dict(os.environ, PYTHONPATH=path, JAX_PLATFORMS='cpu')
    command = [sys.executable, __file__]
    return json.loads(subprocess.check_output(command, env=env, text=True))

  def test_default_is_unchanged(self):
    theirs = self._describe(str(self.upstream.root))
    ours = self._describe('')
    self.assertNotEqual(ours['file'], theirs['file'])
    self.assertGreater(len(ours['jaxprs']), 100)
    self.assertContainsSubset(
        [f'{name} {{}}' for name in _NEW_KEYWORDS], ours['jaxprs']
    )
    self.assertEqual(ours['jaxprs'], theirs['jaxprs'])
    for name, new in _NEW_KEYWORDS.items():
      self.assertEqual(ours['signatures'][name].count(new), 1, name)
      without = ours['signatures'][name].replace(new, '')
      ours['signatures'][name] = without.replace(', *)', ')')
    self.assertEqual(ours['signatures'], theirs['signatures'])

  def test_only_the_files_of_the_change_differ(self):
    dist = metadata.distribution('optax')
    files = [x for x in dist.files if x.parts[0] == 'optax']
    ours = {str(x): x.read_binary() for x in files if x.suffix != '.pyc'}
    root = pathlib.Path(self.upstream.root)
    theirs = {
        str(path.relative_to(root)): path.read_bytes()
        for path in (root / 'optax').rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    changed = {str(name): text.encode() for name, text in self.changed.items()}
    self.assertNotEmpty(changed)
    expected = theirs | changed
    names = ours.keys() | expected.keys()
    self.assertEmpty([x for x in names if ours.get(x) != expected.get(x)])

  def test_ships_the_license_of_upstream(self):
    files = metadata.distribution('optax').files
    licenses = [x.read_text() for x in files if x.name.startswith('LICENSE')]
    (theirs,) = pathlib.Path(self.upstream.root).glob('optax-*/**/LICENSE')
    self.assertIn(theirs.read_text(), licenses)


if __name__ == '__main__':
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    print(json.dumps(describe()))
