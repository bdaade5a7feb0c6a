"""wattprint's code generator: an artifact or a model file in, C for a microcontroller out."""

__version__ = "0.1.0"
