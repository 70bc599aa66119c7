"""Fillers without weights: reflect, edge and telea, what every result is measured against."""
