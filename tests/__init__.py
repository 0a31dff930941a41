"""Tests that stay in this repository: frameworks, releases, packaging."""
