"""Where outpaint keeps things of its own, by platform: what can be made again, and what the user said."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder of what can be fetched or made again: XDG_CACHE_HOME/outpaint."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "outpaint"


def config_folder() -> Path:
    """The folder of what the user said once and for all: XDG_CONFIG_HOME/outpaint, or the platform's own."""
    from platformdirs import user_config_path

    return user_config_path("outpaint", appauthor=False)
