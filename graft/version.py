"""The release that the fork is built on, and the number of the build."""

UPSTREAM = '0.2.8'  # The pinned release of optax.
OLDEST = '0.2.0'  # The oldest release that the change fits.
LABEL = 'epsilon.hat'  # The local version label, which no release has.
BUILD = 3  # Counts the builds on one release, so that pip can tell them apart.


def of_fork(upstream: str = UPSTREAM) -> str:
  """The fork's version on a release, as in ``0.2.8+epsilon.hat.3``."""
  mark = '.' if '+' in upstream else '+'
  return f'{upstream}{mark}{LABEL}.{BUILD}'
