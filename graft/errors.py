"""The one error that graft raises."""

import dataclasses

ADAPT = 'adapt the sparse file to this release'
"""The remedy where upstream has changed."""


class GraftError(Exception):
  """What could not be laid over upstream, in one line."""


@dataclasses.dataclass(frozen=True)
class Place:
  """Where in the sparse files we are, so that an error can say so.

  Attributes:
    file: Path of the sparse file, as ``optax/_src/transform.py``.
    version: Version of the upstream release that it is laid over.
    definition: Dotted name of the enclosing definition, empty at the top.
  """

  file: str
  version: str
  definition: str = ''

  def within(self, name: str) -> 'Place':
    """The place inside the definition called ``name``."""
    dotted = f'{self.definition}.{name}' if self.definition else name
    return dataclasses.replace(self, definition=dotted)

  def error(self, problem: str, remedy: str = ADAPT) -> GraftError:
    """An error that names the file, the definition, upstream and a remedy."""
    where = ': '.join(part for part in (self.file, self.definition) if part)
    return GraftError(f'{where}: {problem} (optax {self.version}); {remedy}')
