"""What graft raises, and how a command or a build ends with it."""

from collections.abc import Iterator
import contextlib
import sys


class GraftError(Exception):
  """What cannot be done, and what to do about it."""

  def __init__(
      self, problem: str, remedy: str = 'adapt the sparse file to this release'
  ):
    super().__init__(problem, remedy)

  def __str__(self):
    return ' '.join('; '.join(self.args).split())


@contextlib.contextmanager
def told_in_one_line(needed: str) -> Iterator[None]:
  """Ends the process with one line for what is refused, missing or in the way.

  ``needed`` is how to get a module that is missing.
  """
  try:
    yield
  except GraftError as error:
    sys.exit(f'graft: {error}')
  except ModuleNotFoundError as error:
    sys.exit(f'graft: {error.name} is not installed; {needed}')
  except OSError as error:
    name = error.filename2 or error.filename or 'the folder'
    sys.exit(f'graft: {name}: {error.strerror}; make room, or name another')
