"""The flag under optax's wrappers, jax's transformations and other libraries."""
