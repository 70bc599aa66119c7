"""Tests of outpaint_singan."""
