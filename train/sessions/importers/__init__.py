"""Recordings of others, read as charges."""
