"""Upstream's tests, linters, signatures and releases, tried on the fork."""
