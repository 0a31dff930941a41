"""Tests of the build backend and of what it installs."""
