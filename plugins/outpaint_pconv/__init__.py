"""Partial convolutions (Liu et al. 2018): a network that fills holes of any shape."""
