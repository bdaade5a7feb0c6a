"""Compression: whatever may change an output; one file a technique, each scored on held-out units."""
