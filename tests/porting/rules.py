"""Update rules of optimizers that can no longer be installed, in NumPy.

Each class has the arguments of the original, and `update`, which moves arrays
in place. `MODULES` makes them importable by the names that the originals had.
"""

import types

MODULES = {}
