"""What graft raises."""


class GraftError(Exception):
  """What cannot be done, in one line: where, why and what to do about it."""


class Misfit(Exception):
  """What of a sparse file does not fit upstream; `within` says where in it."""

  def __init__(
      self, problem: str, remedy: str = 'adapt the sparse file to this release'
  ):
    super().__init__(problem)
    self.remedy = remedy
    self.within = []  # Names of definitions, the innermost first.
