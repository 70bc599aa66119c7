"""Tests of outpaint_patch."""
