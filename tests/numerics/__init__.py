"""The numbers that the flag gives, at the edges and against the formulas."""
