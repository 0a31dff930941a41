"""What graft raises."""

ADAPT = 'adapt the sparse file to this release'
"""The remedy where upstream has changed."""


class GraftError(Exception):
  """What cannot be done, in one line: where, why and what to do about it."""


class Misfit(Exception):
  """What of a sparse file does not fit upstream, with a remedy.

  Attributes:
    definition: Names of the definitions that it is in, the innermost first.
  """

  def __init__(self, problem: str, remedy: str = ADAPT):
    super().__init__(problem)
    self.remedy, self.definition = remedy, []
