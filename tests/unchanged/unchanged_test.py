"""Beside the new keywords the fork is the pristine release, to the letter."""

from importlib import metadata
import json
import os
import pathlib
import re
import subprocess
import sys

from absl.testing import absltest
import optax

from graft import package
from graft import release
from tests.unchanged import describe

_FLAG = 'epsilon_hat: bool = False'
_BOTH = f'{_FLAG}, tf_style: bool = False'
_NEW_KEYWORDS = {
    'optax.scale_by_adam': _FLAG,
    'optax.scale_by_amsgrad': _FLAG,
    'optax.adam': _BOTH,
    'optax.adamw': _BOTH,
    'optax.nadam': _BOTH,
    'optax.nadamw': _BOTH,
    'optax.amsgrad': _BOTH,
}
# They want other arguments than `describe` has, or arrays of one dtype.
_UNTRACED = {
    'optax.lbfgs',
    'optax.scale_by_novograd',
    'optax.contrib.hutchinson_estimator_diag_hessian',
    'optax.contrib.scale_by_muon',
    'optax.contrib.sophia',
}


def _describe(path: pathlib.Path | None) -> dict[str, object]:
  """Describes the optax in a folder, or the one that is installed."""
  done = subprocess.run(
      [sys.executable, describe.__file__],
      env=dict(os.environ, PYTHONPATH=str(path or '')),
      capture_output=True,
      text=True,
      check=False,
  )
  if done.returncode:
    raise AssertionError(done.stderr)
  return json.loads(done.stdout)


def _untraced(computations: dict[str, str]) -> set[str]:
  """The factories of which something cannot be traced."""
  return {
      name.partition(' ')[0]
      for name, computation in computations.items()
      if computation.startswith(describe.NO_JAXPR)
  }


def _without_new_keywords(name: str, signature: str) -> str:
  """A signature of the fork's as it should be upstream."""
  if name not in _NEW_KEYWORDS:
    return signature
  before, new, after = signature.partition(f', {_NEW_KEYWORDS[name]})')
  return f'{before.removesuffix(", *")}{")" if new else ""}{after}'


class UnchangedTest(absltest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.upstream = release.fetched()
    cls.pristine = _describe(cls.upstream.root)
    cls.fork = _describe(None)

  def test_two_different_packages_are_compared(self):
    self.assertNotEqual(self.pristine['file'], self.fork['file'])
    self.assertIn(release.LABEL, metadata.version('optax'))
    theirs = release.distribution(self.upstream.root).version
    self.assertNotIn(release.LABEL, theirs)

  def test_offers_the_same_names_under_the_same_version(self):
    self.assertEqual(self.pristine['all'], self.fork['all'])
    self.assertEqual(
        self.pristine['signatures'].keys(), self.fork['signatures'].keys()
    )
    self.assertEqual(self.pristine['version'], self.fork['version'])
    self.assertEqual(release.UPSTREAM, self.fork['version'])

  def test_signatures_gain_the_new_keywords_and_nothing_else(self):
    for name, before in self.pristine['signatures'].items():
      signature = self.fork['signatures'][name]
      self.assertEqual(
          _without_new_keywords(name, signature),
          re.sub(r', \*\)', ')', before),
          msg=name,
      )
      self.assertEqual(signature != before, name in _NEW_KEYWORDS, msg=name)

  def test_default_computations_are_the_same_to_the_letter(self):
    before, after = self.pristine['computations'], self.fork['computations']
    self.assertEqual(before.keys(), after.keys())
    for name, computation in after.items():
      self.assertEqual(before[name], computation, msg=name)

  def test_what_optax_offers_is_traced(self):
    computations = self.fork['computations']
    self.assertGreater(len(computations), 120)
    self.assertSetEqual(_untraced(computations), _UNTRACED)
    self.assertContainsSubset(
        {f'{name} {{}}' for name in _NEW_KEYWORDS}, computations
    )

  def test_what_cannot_be_traced_is_noticed(self):

    def init_fn(params):
      raise ValueError(params)

    broken = optax.GradientTransformation(init_fn, optax.identity().update)
    computations = {
        'broken {}': describe.computation(broken),
        'whole {}': describe.computation(optax.identity()),
    }
    self.assertSetEqual(_untraced(computations), {'broken'})

  def test_only_the_files_of_the_fork_differ(self):
    changed = package.grafted(self.upstream)
    ours, theirs = (
        {
            str(file): file.read_binary()
            for file in found.files
            if file.parts[0] == 'optax' and file.suffix != '.pyc'
        }
        for found in (
            metadata.distribution('optax'),
            release.distribution(self.upstream.root),
        )
    )
    self.assertNotEmpty(changed)
    changed = {str(name): text.encode() for name, text in changed.items()}
    self.assertEqual(ours, theirs | changed)

  def test_the_licence_of_upstream_travels_along(self):
    theirs, ours = (
        {f.read_text() for f in found.files if f.name.startswith('LICENSE')}
        for found in (
            release.distribution(self.upstream.root),
            metadata.distribution('optax'),
        )
    )
    self.assertNotEmpty(theirs)
    self.assertContainsSubset(theirs, ours)


if __name__ == '__main__':
  absltest.main()
