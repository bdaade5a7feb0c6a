"""A household's cars at one charge point: which is charging, and how long (docs/vehicle.md)."""
