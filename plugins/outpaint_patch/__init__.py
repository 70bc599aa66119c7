"""Guided patch completion: a rough guess becomes real picture, made of the photo's own patches."""
