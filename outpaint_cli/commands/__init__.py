"""One thin file a command: options in, one call, results out. Nothing heavy is imported at the top."""
