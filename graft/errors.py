"""What graft raises."""

ADAPT = 'adapt the sparse file to this release'
"""The remedy where upstream has changed."""


class GraftError(Exception):
  """What cannot be done, in one line: where, why and what to do about it."""


class Misfit(Exception):
  """What of a sparse file does not fit upstream.

  Attributes:
    problem: Why not.
    remedy: What to do about it.
    definition: Dotted name of the definition that it is in.
  """

  def __init__(self, problem: str, remedy: str = ADAPT, definition: str = ''):
    super().__init__(problem)
    self.problem, self.remedy, self.definition = problem, remedy, definition

  def within(self, name: str) -> 'Misfit':
    """The same, seen from outside the definition called ``name``."""
    dotted = f'{name}.{self.definition}' if self.definition else name
    return Misfit(self.problem, self.remedy, dotted)
