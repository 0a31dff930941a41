"""What the flag costs, in counts and in ratios of times."""
