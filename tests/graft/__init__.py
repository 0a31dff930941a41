"""Tests of graft: the notation, the check of the formulas and the commands."""
