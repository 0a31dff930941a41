"""The porting guide as a test suite, and the census of epsilons."""
