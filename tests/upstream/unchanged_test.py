"""Without the flag, the fork is upstream: names, signatures, jaxprs and files.

Run as a program, this file prints what the optax on the path offers and
computes. The test runs it with the fork and with the pinned release.
"""

import difflib
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


def _public_callables():
  """Returns the public functions and classes of optax by name."""
  found = {}
  for prefix, module in (('', optax), ('contrib.', optax.contrib)):
    for name in dir(module):
      value = getattr(module, name)
      if callable(value) and not name.startswith('_'):
        found[prefix + name] = value
  return found


def _without_addresses(text):
  return re.sub(r' at 0x[0-9a-f]+', '', text)


def _list_parameters(function):
  """Returns what a signature says, a line for each parameter."""
  signature = inspect.signature(function)
  lines = []
  for parameter in signature.parameters.values():
    lines.append(f'{parameter.kind.description} {parameter}')
  lines.append(f'returns {signature.return_annotation}')
  return [_without_addresses(line) for line in lines]


def _trace_first_update(factory, kwargs):
  """Returns the jaxpr of the first update, or None if there is none."""
  params = {'w': jnp.ones((2, 3)), 'b': jnp.ones((3,), jnp.bfloat16)}

  def first_update(grads):
    opt = optax.with_extra_args_support(factory(**kwargs))
    return opt.update(grads, opt.init(params), params)

  try:
    return _without_addresses(str(jax.make_jaxpr(first_update)(params)))
  except Exception:  # pylint: disable=broad-exception-caught
    return None  # Not a transformation, or not one with these arguments.


def describe():
  """Returns signatures by name, jaxprs by name and arguments, as lines."""
  signatures = {}
  jaxprs = {}
  for name, value in _public_callables().items():
    if inspect.isfunction(value) or hasattr(value, 'func'):
      signatures[name] = _list_parameters(value)
    for options in _OPTIONS:
      for learning_rate in ({}, {'learning_rate': 1e-2}):
        kwargs = {**learning_rate, **options}
        jaxpr = _trace_first_update(value, kwargs)
        if jaxpr:
          jaxprs[f'{name} {kwargs}'] = jaxpr.splitlines()
  return {'signatures': signatures, 'jaxprs': jaxprs, 'file': optax.__file__}


def _describe_optax_in(path):
  env = dict(os.environ, PYTHONPATH=path, JAX_PLATFORMS='cpu')
  output = subprocess.check_output([sys.executable, __file__], env=env)
  return json.loads(output)


# The parameters that the fork adds, as `_list_parameters` writes them.
_EPSILON_HAT = 'keyword-only epsilon_hat: bool = False'
_TF_STYLE = 'keyword-only tf_style: bool = False'


class UnchangedTest(absltest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    # Imported here, since the program runs without graft on its path.
    from graft import formula  # pylint: disable=g-import-not-at-top
    from graft import package  # pylint: disable=g-import-not-at-top
    from graft import release  # pylint: disable=g-import-not-at-top

    cls.functions = formula.FUNCTIONS
    cls.upstream = release.fetched()
    cls.changed = package.grafted(cls.upstream)
    cls.theirs = _describe_optax_in(str(cls.upstream.root))
    cls.ours = _describe_optax_in('')

  def assert_same_lines(self, ours, theirs):
    """Asserts that the fork's lines are upstream's, for each name."""
    self.assertCountEqual(ours, theirs, 'First is the fork, Second upstream')
    for name in theirs:
      with self.subTest(name):
        self.assert_same(ours[name], theirs[name], 'fork', 'upstream')

  def assert_same(self, lines, others, name, other):
    """Asserts that two lists of lines are equal, or fails with the diff."""
    diff = difflib.unified_diff(lines, others, name, other, n=2, lineterm='')
    if text := '\n'.join(diff):
      self.fail(f'They differ:\n{text}')

  def test_compares_two_packages(self):
    self.assertNotEqual(self.ours['file'], self.theirs['file'])

  def test_jaxprs_are_unchanged(self):
    traced = {name.split()[0] for name in self.theirs['jaxprs']}
    self.assertContainsSubset(self.functions, traced)
    self.assert_same_lines(self.ours['jaxprs'], self.theirs['jaxprs'])

  def test_functions_take_the_flags(self):
    for name, function in self.functions.items():
      with self.subTest(name):
        signature = self.ours['signatures'][name]
        self.assertIn(_EPSILON_HAT, signature)
        if function.rate:
          self.assertIn(_TF_STYLE, signature)
        else:
          self.assertNotIn(_TF_STYLE, signature)

  def test_signatures_are_unchanged_but_for_the_flags(self):
    signatures = dict(self.ours['signatures'])
    for name in self.functions:
      signatures[name] = [
          line
          for line in signatures[name]
          if line not in (_EPSILON_HAT, _TF_STYLE)
      ]
    self.assert_same_lines(signatures, self.theirs['signatures'])

  def test_only_the_files_of_the_change_differ(self):
    files = metadata.distribution('optax').files
    ours = {
        str(file): file.read_binary()
        for file in files
        if file.parts[0] == 'optax' and file.suffix != '.pyc'
    }
    root = pathlib.Path(self.upstream.root)
    theirs = {
        str(path.relative_to(root)): path.read_bytes()
        for path in (root / 'optax').rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    self.assertCountEqual(ours, theirs)
    different = {name for name in theirs if ours[name] != theirs[name]}
    expected = {str(name) for name in self.changed}
    self.assertSetEqual(different, expected)

  def test_installed_files_are_the_merged_ones(self):
    distribution = metadata.distribution('optax')
    for name, text in self.changed.items():
      with self.subTest(str(name)):
        installed = pathlib.Path(str(distribution.locate_file(name)))
        self.assert_same(
            installed.read_text('utf-8').split('\n'),
            text.split('\n'),
            'installed',
            'merged; to install it, run pip install .',
        )

  def test_ships_the_license_of_upstream(self):
    files = metadata.distribution('optax').files
    licenses = [x.read_text() for x in files if x.name.startswith('LICENSE')]
    (theirs,) = pathlib.Path(self.upstream.root).glob('optax-*/**/LICENSE')
    self.assertIn(theirs.read_text(), licenses)


if __name__ == '__main__':
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    print(json.dumps(describe()))
