"""Readers: a model file in, the intermediate representation out."""
