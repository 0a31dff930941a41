"""The built fork: that it installs every way, and changes nothing else."""
