"""Charges: where they come from and how they are stored (docs/dataset.md)."""
