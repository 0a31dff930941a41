"""What graft raises."""


class GraftError(Exception):
  """What cannot be done, in one line: where, why and what to do about it."""


class Misfit(Exception):
  """Why something of a sparse file does not fit upstream, and a remedy."""
