"""A charge as it happens, into a dataset folder (docs/dataset.md)."""
