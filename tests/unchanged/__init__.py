"""Beside its new keywords the fork is the release that it is built on."""
