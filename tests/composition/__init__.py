"""The flag under what users compose optax with."""
