"""Emitters: the intermediate representation in, C files out."""
