"""The flag under optax's wrappers, jax transformations and other libraries."""
