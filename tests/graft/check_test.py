"""The check of the formulas accepts the fork and refuses what differs."""

import functools
import inspect
import os
import pathlib
import subprocess
import sys
import tempfile
import types
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import jax
import optax

from graft import check
from graft import formula
from graft import package
from graft import version
from graft.errors import GraftError

_PIN = version.UPSTREAM


def _overriding(factory, overrides):
  """The function with some of its options replaced."""
  takes = inspect.signature(factory).parameters
  known = {key: value for key, value in overrides.items() if key in takes}

  @functools.wraps(factory)
  def optimizer(**options):
    return factory(**{**options, **known})

  return optimizer


def _with_parameters(factory, *parameters):
  """The function with parameters added to its signature, or replaced."""
  signature = inspect.signature(factory)
  changed = {**signature.parameters, **{x.name: x for x in parameters}}

  def optimizer(**options):
    return factory(**options)

  optimizer.__signature__ = signature.replace(parameters=[*changed.values()])
  return optimizer


def _keyword(name, default):
  return inspect.Parameter(
      name, inspect.Parameter.KEYWORD_ONLY, default=default
  )


class CheckTest(parameterized.TestCase):

  def check(self, functions):
    """Checks a package of these functions only, in this process."""
    x64 = jax.config.jax_enable_x64
    self.addCleanup(jax.config.update, 'jax_enable_x64', x64)
    fake = types.ModuleType('optax')
    fake.__version__ = optax.__version__
    vars(fake).update(functions)
    listed = {
        name: entry
        for name, entry in formula.FUNCTIONS.items()
        if name in functions
    }
    with mock.patch.object(check, 'optax', fake):
      with mock.patch.object(formula, 'FUNCTIONS', listed):
        return check.check_all()

  # A name, the function, a part of the call that must fail, and the options
  # that the function gets whatever the caller says.
  @parameterized.named_parameters(
      ('flag', 'scale_by_adam', 'epsilon_hat=True', {'epsilon_hat': False}),
      ('nesterov', 'scale_by_adam', 'nesterov=True', {'nesterov': False}),
      ('b1', 'scale_by_adam', '', {'b1': 0.8}),
      (
          'amsgrad',
          'scale_by_amsgrad',
          'epsilon_hat=True',
          {'epsilon_hat': False},
      ),
      ('mu_dtype', 'scale_by_amsgrad', 'mu_dtype=.float32', {'mu_dtype': None}),
      ('alias', 'adam', 'tf_style=True', {'tf_style': False}),
      ('always', 'adam', '', {'epsilon_hat': True}),
      ('eps', 'adam', '', {'eps': 1.001e-3}),
      ('b2', 'adam', '', {'b2': 0.99}),
      ('eps_root', 'adam', 'eps_root=0.001', {'eps_root': 0.0}),
      ('schedule', 'adam', 'learning_rate=<', {'learning_rate': 0.5}),
      ('nadam', 'nadam', '', {'nesterov': False}),
      ('decay', 'adamw', '', {'weight_decay': 0.0}),
      ('mask', 'adamw', 'mask=<', {'mask': None}),
      ('mu', 'amsgrad', '_mu=False', {'bias_correction_mu': True}),
      ('nu', 'amsgrad', '_nu=False', {'bias_correction_nu': True}),
  )
  def test_finds_an_option_that_is_ignored(self, name, option, overrides):
    factory = _overriding(getattr(optax, name), overrides)
    message = rf'(?s)^{name}\(.*{option}.* gives .* at step .*the formula '
    with self.assertRaisesRegex(GraftError, message):
      self.check({name: factory})

  def test_refuses_an_unknown_parameter_and_says_where_to_add_it(self):
    factory = _with_parameters(optax.adam, _keyword('power', 2))
    message = '`power`, which the check does not know; .*graft/check.py'
    with self.assertRaisesRegex(GraftError, message):
      self.check({'adam': factory})

  def test_refuses_a_parameter_that_the_formula_lacks(self):
    factory = _with_parameters(optax.adam, _keyword('power', 2))
    message = '`power`, which the check does not know; .*graft/formula.py'
    with mock.patch.dict(check.VALUES, {'power': (2, 3)}):
      with self.assertRaisesRegex(GraftError, message):
        self.check({'adam': factory})

  def test_refuses_an_unknown_default_and_says_where_to_add_it(self):
    b1 = inspect.signature(optax.scale_by_adam).parameters['b1']
    factory = _with_parameters(optax.scale_by_adam, b1.replace(default=0.8))
    message = 'default b1=0.8, the check knows 0.9; .*FUNCTIONS'
    with self.assertRaisesRegex(GraftError, message):
      self.check({'scale_by_adam': factory})

  def test_checks_a_known_parameter_that_is_new_to_a_function(self):
    def ignoring(epsilon_hat=False, bias_correction_nu=True):
      del bias_correction_nu
      return optax.scale_by_adam(epsilon_hat=epsilon_hat)

    message = 'bias_correction_nu=False.* gives .*the formula'
    with self.assertRaisesRegex(GraftError, message):
      self.check({'scale_by_adam': ignoring})

  @parameterized.parameters('adam', 'nadamw')
  def test_requires_tf_style_to_refuse_nesterov(self, name):
    factory = getattr(optax, name)

    @functools.wraps(factory)
    def lenient(tf_style=False, epsilon_hat=False, **options):
      return factory(epsilon_hat=epsilon_hat or tf_style, **options)

    with self.assertRaisesRegex(GraftError, 'does not raise a ValueError'):
      self.check({name: lenient})

  def test_refuses_a_function_without_a_formula(self):
    functions = {'adam': optax.adam, 'adam_twin': optax.adam}
    with self.assertRaisesRegex(GraftError, 'adam_twin takes .*no formula; '):
      self.check(functions)

  def test_refuses_a_listed_function_without_the_flag(self):
    with self.assertRaisesRegex(GraftError, '^adam does not take'):
      self.check({'adam': lambda learning_rate: None})

  def test_finds_functions_in_public_modules_once(self):
    package_ = types.ModuleType('optax')
    package_.adam = optax.adam
    package_.contrib = types.ModuleType('optax.contrib')
    package_.contrib.adam = optax.adam
    package_.contrib.other = _overriding(optax.adam, {})
    package_._src = types.ModuleType('optax._src')
    package_._src.private = _overriding(optax.adam, {})
    package_.jax = types.ModuleType('jax')
    package_.jax.foreign = _overriding(optax.adam, {})
    found = check.functions_with_flag(package_)
    self.assertEqual([*found], ['adam', 'contrib.other'])

  def test_the_list_imports_without_jax(self):
    code = 'import sys; from graft import formula; print("jax" in sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=package.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    self.assertEqual(done.stdout, 'False\n')


class ProcessTest(parameterized.TestCase):

  def setUp(self):
    super().setUp()
    folder = self.enter_context(tempfile.TemporaryDirectory())
    self.folder = pathlib.Path(folder)

  def check(self, merged, upstream='', number='1.0', program='import optax'):
    """Checks one toy package as the result of merging with a different one.

    Args:
      merged: The code of the result.
      upstream: The code of upstream.
      number: The version of upstream.
      program: The check. The real one takes seconds, as it imports JAX.

    Returns:
      What the check says.
    """
    for root, text in (('merged', merged), ('upstream', upstream)):
      (self.folder / root / 'optax').mkdir(parents=True)
      (self.folder / root / 'optax' / '__init__.py').write_text(text)
    toy = package.Upstream(self.folder / 'upstream', number)
    with (
        mock.patch.object(package, 'write_tree'),
        mock.patch.object(package, '_CHECK', program),
    ):
      return package.write_checked_tree(toy, self.folder / 'merged')

  @parameterized.named_parameters(
      ('import', 'import nothing_like_it', 'nothing_like_it'),
      ('success', 'import os; os._exit(0)', 'exit status 0'),
  )
  def test_refuses_a_result_that_does_not_work(self, merged, why):
    with self.assertRaisesRegex(GraftError, rf'\A.*{why}.*\Z'):
      self.check(merged)

  def test_refuses_a_result_without_the_change(self):
    text = f'__version__ = {_PIN!r}'
    with self.assertRaisesRegex(GraftError, r'\Ascale_by_adam .*\Z'):
      self.check(text, program=package._CHECK)

  @parameterized.named_parameters(
      ('release', '1.0', f'build on optax {_PIN} instead'),
      ('pinned', _PIN, f'install what it needs with pip install optax=={_PIN}'),
  )
  def test_refuses_an_upstream_that_does_not_import(self, number, remedy):
    text = 'import nothing_like_it'
    message = f'optax {number} does not import here: .*nothing_like_it.*; '
    with self.assertRaisesRegex(GraftError, message + remedy):
      self.check(text, text, number)

  def test_settings_of_the_shell_do_not_reach_the_check(self):
    settings = {
        'JAX_DEBUG_NANS': '1',
        'NPY_PROMOTION_STATE': 'weak',
        'PYTHONVERBOSE': '1',
        'PYTHONWARNINGS': 'error',
        'XLA_FLAGS': '1',
    }
    text = """
import os
import warnings
warnings.warn('x')
prefixes = ('JAX_', 'NPY_', 'XLA_')
raise SystemExit([x for x in os.environ if x.startswith(prefixes)])
"""
    with mock.patch.dict(os.environ, settings):
      with self.assertRaisesRegex(GraftError, r"^\['JAX_PLATFORMS'\]; "):
        self.check(text)

  def test_a_folder_with_a_colon_in_its_name(self):
    self.folder = self.folder / 'a:b'
    with self.assertRaisesRegex(GraftError, '^the end; '):
      self.check('raise SystemExit("the end")')


if __name__ == '__main__':
  absltest.main()
