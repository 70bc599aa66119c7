"""What typer says of a command line that it can't read, in one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def is_usage(error: Exception) -> bool:
    """Whether it is one of typer's own, whose classes it does not name in public."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def told(error: Any) -> str:
    """``error`` as one line that says what to do; "" where it only asks for help to be shown."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return ""
    message = " ".join(error.format_message().split()).rstrip(".")
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if getattr(error, "ctx", None) else "outpaint"
    return f"{message}; see {path} --help{_photo_for_a_command(message)}"


def _photo_for_a_command(message: str) -> str:
    """Where a photo stands in the command's place: what was probably meant."""
    given = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if message.startswith("no such command") and (os.path.lexists(given) or Path(given).suffix):
        return f", or try outpaint extend {given}"
    return ""
