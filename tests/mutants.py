"""Breaks each line of the change and shows which test in the diff notices.

``python -m tests.mutants`` prints each mutant with the test that fails first.
The exit status says whether a mutant survived.
"""

from multiprocessing import pool
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

from graft import package
from graft import release
from tests.upstream import suite

_RESOLVE = 'utils.resolve_epsilon_hat(epsilon_hat, tf_style'
_FLAGS = {
    'epsilon_hat: bool = False': ['epsilon_hat: bool = True'],
    'tf_style: bool = False': ['tf_style: bool = True'],
}
_ALIAS = _FLAGS | {
    f'epsilon_hat = {_RESOLVE}': [
        f'{_RESOLVE}',
        'epsilon_hat = (lambda *x: epsilon_hat or tf_style)(epsilon_hat',
        'epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat, False',
        'epsilon_hat = utils.resolve_epsilon_hat(False, tf_style',
    ],
    '=epsilon_hat,\n': [
        '=epsilon_hat and tf_style,\n',
        '=epsilon_hat and mu_dtype is None,\n',
        '=epsilon_hat and eps_root == 0.0,\n',
        '=epsilon_hat and b1 > 0,\n',
        '=epsilon_hat and not callable(learning_rate),\n',
    ],
}
_NESTEROV = {
    'tf_style, nesterov)': [
        'tf_style)',
        'tf_style, False)',
        'tf_style, not nesterov)',
    ],
    'nesterov=nesterov': ['nesterov=nesterov and not epsilon_hat'],
}
_MOVED = 'mu_hat = _move_bias_correction(mu_hat, nu, b2, count_inc)'
_VALIDATED = 'epsilon_hat = utils.resolve_epsilon_hat(epsilon_hat)'
_MUTANTS = {
    'transform._move_bias_correction': {
        'jnp.sqrt(1 - decay**count)': [
            '(1 - decay**count)',
            'jnp.sqrt(1 + decay**count)',
            'jax.lax.rsqrt(1.0 - decay**count)',
            'jax.lax.sqrt(1 - decay**count)',
        ],
        'decay**count)': ['decay**(count - 1))', 'decay**(count + 1))'],
        'm * factor': ['m / factor', 'v * factor'],
        'factor.astype(v.dtype)': [
            'factor',
            'factor.astype(m.dtype)',
            'jnp.sqrt(1 - jnp.asarray(decay, v.dtype) ** count)',
        ],
    },
    'transform.scale_by_adam': {
        'epsilon_hat: bool = False': ['epsilon_hat: bool = True'],
        _VALIDATED: ['pass'],
        'if epsilon_hat:': [
            'if not epsilon_hat:',
            'if epsilon_hat and b1:',
            'if epsilon_hat and nesterov:',
            'if epsilon_hat and not nesterov:',
            'if epsilon_hat and mu_dtype is None:',
            'if epsilon_hat and eps_root == 0.0:',
            'if epsilon_hat:\n      optax.tree.bias_correction(nu, b2, b2)',
        ],
        '(mu_hat, nu, b2, count_inc), nu\n': [
            '(mu, nu, b2, count_inc), nu\n',
            '(mu_hat, nu, b1, count_inc), nu\n',
            '(mu_hat, nu, b2, state.count), nu\n',
            '(mu_hat, nu, b2, count_inc), mu\n',
            '(mu_hat, nu, b2, count_inc), state.nu\n',
        ],
    },
    'transform.scale_by_amsgrad': {
        'epsilon_hat: bool = False': ['epsilon_hat: bool = True'],
        '    *,\n': [''],
        _VALIDATED: ['pass'],
        '= epsilon_hat and bias_correction_nu': [
            '= epsilon_hat',
            '= bias_correction_nu',
            '= epsilon_hat and bias_correction_nu and bias_correction_mu',
            '= epsilon_hat and bias_correction_nu and mu_dtype is None',
            '= epsilon_hat and bias_correction_nu and b1 > 0',
        ],
        '= bias_correction_nu and not epsilon_hat': [
            '= bias_correction_nu',
            '= not epsilon_hat',
            '= bias_correction_nu or not epsilon_hat',
            '= bias_correction_nu and not (epsilon_hat and bias_correction_mu)',
            '= bias_correction_nu and not (epsilon_hat and mu_dtype is None)',
        ],
        'if move_bias_correction:': ['if not move_bias_correction:'],
        _MOVED: [
            'mu_hat = _move_bias_correction(mu, nu, b2, count_inc)',
            'mu_hat = _move_bias_correction(mu_hat, nu, b1, count_inc)',
            'mu_hat = _move_bias_correction(mu_hat, nu, b2, state.count)',
            'nu_eff = _move_bias_correction(nu_eff, nu, b2, count_inc)',
        ],
    },
    'alias.adam': _ALIAS | _NESTEROV,
    'alias.adamw': _ALIAS
    | _NESTEROV
    | {
        'add_decayed_weights(weight_decay,': [
            'add_decayed_weights(0.0 if epsilon_hat else weight_decay,',
            'add_decayed_weights(weight_decay * (2 if epsilon_hat else 1),',
        ],
    },
    'alias.amsgrad': _ALIAS | {'    *,\n': ['']},
    'utils.resolve_epsilon_hat': {
        '(bool, np.bool_)': [
            'bool',
            'np.bool_',
            '(bool, np.bool_, int)',
            '(bool, np.bool_, float)',
            '(bool, np.bool_, str)',
            '(bool, np.bool_, np.ndarray)',
            '(bool, np.bool_, type(None))',
            '(bool, np.bool_, jnp.ndarray)',
        ],
        "(('epsilon_hat', epsilon_hat), ('tf_style', tf_style))": [
            "(('epsilon_hat', epsilon_hat),)",
            "(('tf_style', tf_style),)",
        ],
        'raise TypeError': ['raise ValueError'],
        '`{name}`': ['This'],
        'must be a bool': ['must be a flag'],
        "' `eps`.'": ["' it.'"],
        'tf_style and nesterov': [
            'False',
            'nesterov',
            '(tf_style or epsilon_hat) and nesterov',
        ],
        'raise ValueError': ['raise TypeError'],
        '`epsilon_hat=True` selects': ['It selects'],
        'epsilon_hat or tf_style': [
            'epsilon_hat',
            'tf_style',
            'epsilon_hat and tf_style',
            'True',
        ],
    },
}


class Mutant(NamedTuple):
  """A definition of the merged package, a text in it, and a replacement."""

  definition: str
  old: str
  new: str

  def applied(self, text: str) -> str:
    """The module's text with the one replacement made."""
    name = self.definition.split('.')[1]
    begin = text.rindex('\n\n\n', 0, text.index(f'def {name}('))
    end = text.find('\n\n\n', begin + 3)
    if text.count(self.old, begin, end) != 1:
      raise ValueError(f'{self}: not once there')
    changed = text[begin:end].replace(self.old, self.new)
    return text[:begin] + changed + text[end:]


def mutants() -> list[Mutant]:
  """Every mutant; together they break each line of the change."""
  return [
      Mutant(definition, old, new)
      for definition, lines in _MUTANTS.items()
      for old, others in lines.items()
      for new in others
  ]


def killers(mutant: Mutant | None, fork: pathlib.Path) -> list[str]:
  """The first of the tests in the diff that fails, if any."""
  first = mutant.definition.split('.')[0] if mutant else ''
  modules = sorted(suite.MODULES, key=lambda module: module != first)
  files = [f'optax/_src/{module}_test.py' for module in modules]
  options = '-x', '-k', suite.own_tests()
  with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(shutil.copytree(fork, folder, dirs_exist_ok=True))
    if mutant:
      path = root / 'optax' / '_src' / f'{first}.py'
      path.write_text(mutant.applied(path.read_text()))
    found = suite.outcomes(root, files, *options, stdout=subprocess.DEVNULL)
  return [test for test, outcome in found.items() if outcome == 'failed']


def main() -> int:
  """Runs the tests on every mutant and prints them; gives the status."""
  killed, every = 0, mutants()
  with tempfile.TemporaryDirectory() as folder:
    fork = pathlib.Path(folder)
    package.write_tree(release.fetched(), fork)
    if found := killers(None, fork):
      raise RuntimeError(f'the change itself fails {found}')
    with pool.ThreadPool(os.cpu_count()) as threads:
      results = threads.imap(lambda mutant: killers(mutant, fork), every)
      for mutant, found in zip(every, results, strict=True):
        killed += bool(found)
        print(*map(repr, mutant), *found or ['SURVIVES'], flush=True)
  print(f'{killed} of {len(every)} killed')
  return int(killed < len(every))


if __name__ == '__main__':
  sys.exit(main())
