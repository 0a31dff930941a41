"""The error that graft raises, and how a command or a build ends with it.

An expected error becomes one line on standard error and exit status 1.
"""

from collections.abc import Iterator
import contextlib
import shutil
import sys


class GraftError(Exception):
  """A problem, and what to do about it."""

  def __init__(
      self, problem: str, remedy: str = 'adapt the sparse file to this release'
  ):
    super().__init__(problem, remedy)

  def __str__(self):
    return ' '.join('; '.join(self.args).split())


@contextlib.contextmanager
def exit_on_error(needed: str) -> Iterator[None]:
  """Exits with one line on an expected error; ``needed`` installs modules."""
  try:
    yield
  except GraftError as error:
    sys.exit(f'graft: {error}')
  except ModuleNotFoundError as error:
    sys.exit(f'graft: {error.name} is not installed; {needed}')
  except OSError as error:
    # A copy of a folder reports every file; the first will do.
    what = error.args[0][0][-1] if isinstance(error, shutil.Error) else error
    remedy = 'check the path, its permissions and the free space'
    sys.exit(f'graft: {what}; {remedy}')
