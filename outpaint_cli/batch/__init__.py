"""Many files: discover, plan, pipeline, journal, events."""
