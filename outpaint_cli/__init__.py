"""Outpaint grows photos beyond their borders, in batches, at exactly the size asked for."""

__version__ = "0.1.0"
