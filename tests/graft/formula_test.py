"""The formulas that a build is held against, and that it can be refused."""

import inspect
import pathlib
import tempfile
import types
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np

from graft import formula
from graft import package
from graft.errors import GraftError
from tests.numerics import reference

_COMMON = 'learning_rate b1 b2 eps eps_root mu_dtype tf_style'.split()
_ADAM = (*_COMMON, 'nesterov')
_ADAMW = (*_ADAM, 'weight_decay', 'mask')
_AMSGRAD = (*_COMMON, 'bias_correction_mu', 'bias_correction_nu')


class _Optimizer:
  """Takes the steps of the independent reference."""

  def __init__(self, options):
    rate = options.pop('learning_rate')
    self.rate = rate if callable(rate) else lambda count: rate
    self.mask = options.pop('mask', None)
    self.decay = options.pop('weight_decay', 0.0)
    self.mu_dtype = options.pop('mu_dtype', None)
    self.options = options | {'epsilon_hat': options.pop('tf_style')}

  def init(self, params):
    return reference.init(params)

  def update(self, grads, state, params):
    rate = self.rate(state.count)
    u, state = reference.update(grads, state, **self.options)
    masked = self.mask or jax.tree.map(lambda _: True, params)
    update = jax.tree.map(
        lambda u, p, m: -rate * (u + m * self.decay * p), u, params, masked
    )
    mu = jax.tree.map(lambda m: np.asarray(m, self.mu_dtype), state.mu)
    return update, state._replace(mu=mu)


def _package(wrong):
  """A module with the five optimizers, which have some options wrong."""

  def factory(names, **fixed):
    def optimizer(**options):
      options = fixed | options
      return _Optimizer(options | {k: wrong[k] for k in wrong if k in options})

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind) for name in names]
    optimizer.__signature__ = inspect.Signature(parameters)
    return optimizer

  return types.SimpleNamespace(
      adam=factory(_ADAM),
      adamw=factory(_ADAMW),
      nadam=factory(_ADAM, nesterov=True),
      nadamw=factory(_ADAMW, nesterov=True),
      amsgrad=factory(_AMSGRAD, amsgrad=True),
  )


class FormulaTest(parameterized.TestCase):

  def hold(self, **wrong):
    """Holds a package against the formulas in this process."""
    x64 = jax.config.jax_enable_x64
    self.addCleanup(jax.config.update, 'jax_enable_x64', x64)
    with mock.patch.object(formula, 'optax', _package(wrong)):
      return formula._hold_all()  # pylint: disable=protected-access

  def test_the_reference_follows_them(self):
    names = 'adam, adamw, nadam, nadamw, amsgrad'
    self.assertEqual(self.hold(), f'{names} follow the formulas')

  @parameterized.parameters(
      ('adam', 'tf_style=False', {'tf_style': True}),
      ('adam', 'tf_style=True', {'tf_style': False}),
      ('adam', '', {'eps': 1.001e-3}),
      ('adam', 'eps_root=0.001', {'eps_root': 0.0}),
      ('adam', 'nesterov=True', {'nesterov': False}),
      ('adam', "mu_dtype='float32'", {'mu_dtype': None}),
      ('adam', 'learning_rate=<', {'learning_rate': 0.5}),
      ('adamw', '', {'weight_decay': 0.0}),
      ('adamw', "mask={'matrix'", {'mask': None}),
      ('amsgrad', '', {'amsgrad': False}),
      ('amsgrad', 'bias_correction_mu=False', {'bias_correction_mu': True}),
      ('amsgrad', 'bias_correction_nu=False', {'bias_correction_nu': True}),
  )
  def test_an_option_that_is_ignored_is_found(self, name, option, wrong):
    told = rf'(?s)\A{name}\(.*{option}.* gives \[.*\] at step .*formula \['
    with self.assertRaisesRegex(SystemExit, told):
      self.hold(**wrong)

  @parameterized.parameters(
      ('import nothing_like_it', '', 'nothing_like_it'),
      ('', '', 'adam does not take the flag'),
  )
  def test_a_result_that_does_not_work(self, grafted, upstream, told):
    with self.assertRaisesRegex(GraftError, rf'\A.*{told}.*\Z'):
      self.check(grafted, upstream)

  def test_nothing_is_checked_where_upstream_does_not_import(self):
    found = self.check(*['import nothing_like_it'] * 2)
    self.assertRegex(found, r'\A.*does not import: .*nothing_like_it')

  def check(self, grafted: str, upstream: str) -> str:
    """Checks one toy package as what comes of another."""
    folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    for root, text in (('grafted', grafted), ('upstream', upstream)):
      (folder / root / 'optax').mkdir(parents=True)
      (folder / root / 'optax' / '__init__.py').write_text(text)
    upstream = package.Upstream(folder / 'upstream', '1.0')
    with mock.patch.object(package, 'write_tree'):
      return package.checked_tree(upstream, folder / 'grafted')


if __name__ == '__main__':
  absltest.main()
