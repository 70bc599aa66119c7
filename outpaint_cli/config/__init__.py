"""Where options get their values from when the command line does not say: presets, environment, files.

Strongest first: the command line and the preset named there, OUTPAINT_* variables, ``outpaint.toml`` in the
working folder, the user's own ``outpaint.toml``. Each may name a preset, which stands just below it; only the
strongest preset counts.
"""

from outpaint_cli.config.options import Option, options_of
from outpaint_cli.config.resolve import COMMAND_LINE, COMMAND_PRESET, Origin, Setting, resolve
from outpaint_cli.config.sources import Config, Preset, read_config

__all__ = [
    "COMMAND_LINE",
    "COMMAND_PRESET",
    "Config",
    "Option",
    "Origin",
    "Preset",
    "Setting",
    "options_of",
    "read_config",
    "resolve",
]
