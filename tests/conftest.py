"""Decides which tests a run may skip, and reports the skipped ones.

A test that downloads is marked ``network`` and skipped where pip reaches no
package index. With ``ALL=1`` in the environment, a test may be skipped only if
what it needs can't be installed. A framework that is missing is a failure.
"""

import collections
import functools
from importlib import metadata
import os
import subprocess
import sys

import pytest

_NO_INDEX = 'pip reaches no package index'


@functools.cache
def _index_answers() -> bool:
  command = [sys.executable, '-m', 'pip', 'index', 'versions', 'optax']
  command += ['--retries=0', '--timeout=10']
  done = subprocess.run(command, capture_output=True, check=False)
  return done.returncode == 0


def pytest_runtest_setup(item: pytest.Item) -> None:
  if item.get_closest_marker('network') and not _index_answers():
    pytest.skip(_NO_INDEX)


def _reason(report) -> str:
  """Returns 'why' if ``longrepr`` is ``('a_test.py', 3, 'Skipped: why')``."""
  reason = str(report.longrepr[-1]).removeprefix('Skipped: ')
  return reason.partition('\n')[0]


def _can_be_installed(reason: str) -> bool:
  """Whether a test that was skipped for this reason could run."""
  # flax 0.11 needs Python 3.11.
  lacks_flax = sys.version_info < (3, 11) and 'needs flax 0.11' in reason
  return not lacks_flax and reason != _NO_INDEX


def _judged(report):
  """Turns a skip into a failure if ALL=1 and the test could run."""
  if (
      os.environ.get('ALL')
      and report.skipped
      and not hasattr(report, 'wasxfail')
      and _can_be_installed(_reason(report))
  ):
    report.longrepr = (
        f'ALL=1 allows no skipped test, and this one says: {_reason(report)}.'
        ' Install what it needs, as `bash test.sh all` does.'
    )
    report.outcome = 'failed'
  return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
  del collector
  return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
  del item, call
  return _judged((yield))


def pytest_terminal_summary(terminalreporter, config):
  """Prints one line for what ran, and one for what was skipped and why."""
  ran = ', '.join(filter(None, [os.environ.get('RAN_TOO'), *config.args]))
  skipped = terminalreporter.stats.get('skipped', [])
  counts = collections.Counter(map(_reason, skipped)).most_common()
  reasons = [f'{count} tests ({reason})' for reason, count in counts]
  if not os.environ.get('ALL'):
    reasons.append('what only `bash test.sh all` runs')
  terminalreporter.section('summary')
  terminalreporter.line(f'ran: {ran}, on optax {metadata.version("optax")}')
  terminalreporter.line(f'skipped: {"; ".join(reasons) or "nothing"}')
