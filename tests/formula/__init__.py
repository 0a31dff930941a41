"""Tests of the flag's numbers and of their cost."""
