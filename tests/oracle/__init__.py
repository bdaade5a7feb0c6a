"""Slow, independent implementations that the product is compared with."""
