"""Breaks each line of the change and shows which tests in the diff notice.

    python -m tests.mutants        every test that notices each mutant
    python -m tests.mutants -x     only the first one, which is faster

Options are pytest's. Run by hand, with upstream's test requirements installed.
The exit status says whether a mutant survived.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

from graft import package
from graft import release

_MODULES = ('transform', 'alias', 'utils')
_PRELOADED = ('jax.numpy', 'scipy.optimize', 'sklearn.linear_model', __name__)


@dataclasses.dataclass(frozen=True)
class Mutant:
  """One replacement in one definition of the grafted package.

  Attributes:
    module: The module, in ``optax/_src``.
    definition: The function to break.
    old: What stands once in it.
    new: What to put there.
  """

  module: str
  definition: str
  old: str
  new: str

  def __str__(self) -> str:
    return f'{self.definition}: {self.old!r} -> {self.new!r}'

  def applied(self, text: str) -> str:
    """The module's text with the replacement made."""
    begin = text.index(f'def {self.definition}(')
    begin = text.rindex('\n\n\n', 0, begin)  # With its decorators.
    end = text.find('\n\n\n', begin + 3)
    body = text[begin:end]
    if body.count(self.old) != 1:
      raise ValueError(f'{self}: occurs {body.count(self.old)} times')
    return text[:begin] + body.replace(self.old, self.new) + text[end:]


def _of_the_helper() -> Iterator[tuple[str, str]]:
  yield 'jax.jit, inline=True', 'jax.jit'
  yield 'jnp.sqrt(1 - decay**count)', '1 - decay**count'
  yield '1 - decay', '1 + decay'
  yield 'decay**count)', 'decay**(count - 1))'
  yield 'm * scale', 'm / scale'
  yield 'm * scale', 'v * scale'
  yield 'scale.astype(v.dtype)', 'scale'
  yield 'scale.astype(v.dtype)', 'scale.astype(m.dtype)'
  yield (
      'scale.astype(v.dtype)',
      'jnp.sqrt(1 - jnp.asarray(decay, v.dtype) ** count.astype(v.dtype))',
  )


def _of_adam() -> Iterator[tuple[str, str]]:
  for other in (
      'False',
      'True',
      'not epsilon_hat',
      'epsilon_hat and nesterov',
      'epsilon_hat and not nesterov',
      'epsilon_hat and mu_dtype is None',
      'epsilon_hat and eps_root == 0.0',
      'epsilon_hat and eps_root != 0.0',
  ):
    yield 'if epsilon_hat:', f'if {other}:'
  yield '(mu_hat, nu, b2, count_inc), nu', '(mu, nu, b2, count_inc), nu'
  yield '(mu_hat, nu, b2, count_inc), nu', '(mu_hat, nu, b1, count_inc), nu'
  yield '(mu_hat, nu, b2, count_inc), nu', '(mu_hat, nu, b2, state.count), nu'
  yield '(mu_hat, nu, b2, count_inc), nu', '(mu_hat, nu, b2, count_inc), mu'
  yield 'count_inc), nu\n', 'count_inc), state.nu\n'
  yield (
      'count_inc), nu\n',
      'count_inc), optax.tree.bias_correction(nu, b2, count_inc)\n',
  )
  # Work for nothing, which changes no number.
  yield '    else:\n      nu_hat = optax', '    if True:\n      _ = optax'


def _of_amsgrad() -> Iterator[tuple[str, str]]:
  yield '    *,\n', ''
  for other in (
      'epsilon_hat',
      'bias_correction_nu',
      'epsilon_hat or bias_correction_nu',
      'epsilon_hat and bias_correction_nu and bias_correction_mu',
      'epsilon_hat and bias_correction_nu and mu_dtype is None',
  ):
    yield '= epsilon_hat and bias_correction_nu', f'= {other}'
  for other in (
      'bias_correction_nu',
      'not epsilon_hat',
      'bias_correction_nu or not epsilon_hat',
      'bias_correction_nu and epsilon_hat',
      'bias_correction_nu and not (epsilon_hat and bias_correction_mu)',
      'bias_correction_nu and not (epsilon_hat and mu_dtype is None)',
  ):
    yield '= bias_correction_nu and not epsilon_hat', f'= {other}'
  yield 'if move_bias_correction:', 'if not move_bias_correction:'
  yield '(mu_hat, nu, b2, count_inc)', '(mu, nu, b2, count_inc)'
  yield '(mu_hat, nu, b2, count_inc)', '(mu_hat, nu, b1, count_inc)'
  yield '(mu_hat, nu, b2, count_inc)', '(mu_hat, nu, b2, state.count)'
  yield (
      'mu_hat = _move_bias_correction(mu_hat, nu',
      'nu_eff = _move_bias_correction(nu_eff, nu',
  )


def _of_an_alias() -> Iterator[tuple[str, str]]:
  yield 'tf_style: bool = False', 'tf_style: bool = True'
  either = '=epsilon_hat or tf_style'
  for other in ('epsilon_hat', 'tf_style', 'epsilon_hat and tf_style'):
    yield either, f'={other}'
  yield either, '=(epsilon_hat or tf_style) and mu_dtype is None'
  yield either, '=(epsilon_hat or tf_style) and eps_root == 0.0'
  check = 'utils.check_epsilon_hat(epsilon_hat=epsilon_hat, tf_style=tf_style)'
  yield check, 'utils.check_epsilon_hat(epsilon_hat=epsilon_hat)'
  yield check, 'utils.check_epsilon_hat(tf_style=tf_style)'
  yield check, 'pass'


def _of_the_check() -> Iterator[tuple[str, str]]:
  for other in (
      'bool',
      'np.bool_',
      '(bool, np.bool_, int)',
      '(bool, np.bool_, float)',
      '(bool, np.bool_, type(None))',
      '(bool, np.bool_, np.generic)',
      '(bool, np.bool_, jax.Array)',
  ):
    yield '(bool, np.bool_)', other
  yield 'flags.items()', 'list(flags.items())[:1]'
  yield 'TypeError', 'ValueError'
  yield '`{name}`', 'This'
  yield '`eps`', 'it'


def mutants() -> Iterator[Mutant]:
  """Every mutant; together they break each line of the change."""
  for old, new in _of_the_helper():
    yield Mutant('transform', '_move_bias_correction', old, new)
  scalers = {'scale_by_adam': _of_adam, 'scale_by_amsgrad': _of_amsgrad}
  for scaler, of_one in scalers.items():
    for old, new in of_one():
      yield Mutant('transform', scaler, old, new)
    yield Mutant('transform', scaler, 'hat: bool = False', 'hat: bool = True')
    check = 'utils.check_epsilon_hat(epsilon_hat=epsilon_hat)'
    yield Mutant('transform', scaler, check, 'pass')
  for alias in ('adam', 'adamw', 'amsgrad'):
    for old, new in _of_an_alias():
      yield Mutant('alias', alias, old, new)
    yield Mutant('alias', alias, 'hat: bool = False', 'hat: bool = True')
  yield Mutant('alias', 'amsgrad', '    *,\n', '')
  for old, new in _of_the_check():
    yield Mutant('utils', 'check_epsilon_hat', old, new)


def _names() -> str:
  """What selects the tests in the diff, for pytest's ``-k``."""
  sparse = package.REPOSITORY / 'optax' / '_src'
  texts = [(sparse / f'{module}_test.py').read_text() for module in _MODULES]
  return ' or '.join(re.findall(r'def (test_\w+)', ''.join(texts)))


class _Failures:
  """A pytest plugin that gathers the names of the tests that fail."""

  def __init__(self):
    self.names = {}

  def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
    if report.failed:
      self.names[re.search(r'test_[a-z_]+\b|test_\D+', report.nodeid)[0]] = True


def _killers(
    mutant: Mutant | None, fork: pathlib.Path, options: list[str]
) -> list[str]:
  """The tests in the diff that fail on a mutant, in a process of its own."""
  failures = _Failures()
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(shutil.copytree(fork, folder, dirs_exist_ok=True))
    source = root / 'optax' / '_src'
    modules = _MODULES
    if mutant is not None:
      file = source / f'{mutant.module}.py'
      file.write_text(mutant.applied(file.read_text()))
      modules = sorted(modules, key=lambda module: module != mutant.module)
    sys.path.insert(0, folder)
    arguments = ['-q', '--import-mode=importlib', f'--rootdir={folder}']
    arguments += ['-c', os.devnull, '-p', 'no:cacheprovider', '-k', _names()]
    arguments += [*options, *(f'{source}/{module}_test.py' for module in modules)]
    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
      status = pytest.main(arguments, plugins=[failures])
  if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
    raise RuntimeError(f'{mutant}: pytest gives {status!r}')
  return list(failures.names)


def main(options: list[str]) -> int:
  """Runs the tests on every mutant and prints a table; gives the status."""
  every = [None, *mutants()]
  context = multiprocessing.get_context('forkserver')
  context.set_forkserver_preload(list(_PRELOADED))
  survivors = 0
  with tempfile.TemporaryDirectory() as folder:
    fork = pathlib.Path(folder)
    package.write_tree(release.fetched(release.pin()), fork)
    run = functools.partial(_killers, fork=fork, options=options)
    with context.Pool(os.cpu_count(), maxtasksperchild=1) as pool:
      for mutant, killers in zip(every, pool.imap(run, every)):
        if mutant is None and killers:
          raise RuntimeError(f'the change itself fails {killers}')
        survivors += mutant is not None and not killers
        print(mutant, *killers or ['SURVIVES'], sep='\n    ', flush=True)
  print(f'{len(every) - 1 - survivors} of {len(every) - 1} killed')
  return int(survivors > 0)


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
