"""The compression study: every technique on the same charges, the same units, the same measured bytes."""
