"""The numbers that the flag gives, and what they cost."""
