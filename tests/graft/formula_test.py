"""The check of the formulas accepts the fork and refuses what differs."""

import functools
import inspect
import pathlib
import tempfile
import types
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import optax

from graft import formula
from graft import package
from graft.errors import GraftError

_NAMES = (
    'scale_by_adam',
    'scale_by_amsgrad',
    'adam',
    'adamw',
    'nadam',
    'nadamw',
    'amsgrad',
)


def _ignoring(factory, ignored):
  """A function of the same signature that overrides some of its options."""

  @functools.wraps(factory)
  def optimizer(**options):
    known = inspect.signature(factory).parameters
    return factory(**(options | {k: ignored[k] for k in ignored if k in known}))

  return optimizer


def _with_parameters(factory, change):
  """The function with a different list of parameters in its signature."""
  optimizer = lambda **options: factory(**options)
  signature = inspect.signature(factory)
  parameters = change(list(signature.parameters.values()))
  optimizer.__signature__ = signature.replace(parameters=parameters)
  return optimizer


class FormulaTest(parameterized.TestCase):

  def check(self, **changed):
    """Checks the fork in this process, with some functions changed."""
    x64 = jax.config.jax_enable_x64
    self.addCleanup(jax.config.update, 'jax_enable_x64', x64)
    functions = {name: getattr(optax, name) for name in _NAMES} | changed
    fake = types.SimpleNamespace(**functions)
    with mock.patch.object(formula, 'optax', fake):
      with mock.patch.object(formula, '_FUNCTIONS', tuple(changed)):
        return formula.check_all()

  @parameterized.parameters(
      ('scale_by_adam', 'epsilon_hat=True', {'epsilon_hat': False}),
      ('scale_by_adam', 'nesterov=True', {'nesterov': False}),
      ('scale_by_adam', '', {'b1': 0.8}),
      ('scale_by_amsgrad', 'epsilon_hat=True', {'epsilon_hat': False}),
      ('scale_by_amsgrad', 'mu_dtype=.float32', {'mu_dtype': None}),
      ('adam', 'tf_style=True', {'tf_style': False}),
      ('adam', '', {'epsilon_hat': True}),
      ('adam', '', {'eps': 1.001e-3}),
      ('adam', '', {'b2': 0.99}),
      ('adam', 'eps_root=0.001', {'eps_root': 0.0}),
      ('adam', 'learning_rate=<', {'learning_rate': 0.5}),
      ('nadam', '', {'nesterov': False}),
      ('adamw', '', {'weight_decay': 0.0}),
      ('adamw', 'mask=<', {'mask': None}),
      ('amsgrad', 'bias_correction_mu=False', {'bias_correction_mu': True}),
      ('amsgrad', 'bias_correction_nu=False', {'bias_correction_nu': True}),
  )
  def test_an_option_that_is_ignored_is_found(self, name, option, ignored):
    changed = {name: _ignoring(getattr(optax, name), ignored)}
    line = rf'(?s)\A{name}\(.*{option}.* gives .* at step .*formula '
    with self.assertRaisesRegex(SystemExit, line):
      self.check(**changed)

  def test_every_parameter_must_be_known(self):
    kind = inspect.Parameter.KEYWORD_ONLY
    new = inspect.Parameter('power', kind, default=2)
    adam = _with_parameters(optax.scale_by_adam, lambda x: [*x, new])
    line = 'scale_by_adam has a parameter `power`, which'
    with self.assertRaisesRegex(SystemExit, line):
      self.check(scale_by_adam=adam)

  def test_an_option_of_a_different_function_must_follow_the_formula(self):
    kind = inspect.Parameter.KEYWORD_ONLY
    new = inspect.Parameter('bias_correction_nu', kind, default=True)

    @functools.wraps(optax.scale_by_adam)
    def ignoring(bias_correction_nu=True, **options):
      del bias_correction_nu
      return optax.scale_by_adam(**options)

    adam = _with_parameters(ignoring, lambda x: [*x, new])
    line = r'scale_by_adam\(.*bias_correction_nu=False.* gives .*the formula'
    with self.assertRaisesRegex(SystemExit, line):
      self.check(scale_by_adam=adam)

  def test_defaults_must_be_known(self):
    double = lambda x: [x[0].replace(default=0.8), *x[1:]]
    adam = _with_parameters(optax.scale_by_adam, double)
    with self.assertRaisesRegex(SystemExit, r'default b1=0\.8'):
      self.check(scale_by_adam=adam)

  @parameterized.parameters('adam', 'nadamw')
  def test_tf_style_with_nesterov_must_raise(self, name):
    factory = getattr(optax, name)

    @functools.wraps(factory)
    def lenient(tf_style=False, epsilon_hat=False, **options):
      return factory(epsilon_hat=epsilon_hat or tf_style, **options)

    with self.assertRaisesRegex(SystemExit, 'does not raise a ValueError'):
      self.check(**{name: lenient})

  def test_the_flag_must_be_there(self):
    old = _with_parameters(optax.adam, lambda x: x[:-2])
    with self.assertRaisesRegex(SystemExit, 'adam does not take the flag'):
      self.check(adam=old)


class ProcessTest(parameterized.TestCase):

  @parameterized.parameters(
      ('import nothing_like_it', '', 'nothing_like_it'),
      ('', '', 'scale_by_adam'),
      ('import os; os._exit(0)', '', 'exit status 0'),
      ('import os; os._exit(3)', '', 'exit status 3'),
  )
  def test_a_result_that_does_not_work_is_refused(self, ours, theirs, why):
    with self.assertRaisesRegex(GraftError, rf'\A.*{why}.*\Z'):
      self.check(ours, theirs)

  def test_an_upstream_that_does_not_import_is_refused(self):
    line = r'\Aoptax 1\.0 does not import here: .*nothing_like_it.*check=off\Z'
    with self.assertRaisesRegex(GraftError, line):
      self.check(*['import nothing_like_it'] * 2)

  def check(self, ours: str, theirs: str) -> str:
    """Checks one toy package as the result of merging with a different one."""
    folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    for root, text in (('ours', ours), ('theirs', theirs)):
      (folder / root / 'optax').mkdir(parents=True)
      (folder / root / 'optax' / '__init__.py').write_text(text)
    upstream = package.Upstream(folder / 'theirs', '1.0')
    with mock.patch.object(package, 'write_tree'):
      return package.write_checked_tree(upstream, folder / 'ours')


if __name__ == '__main__':
  absltest.main()
