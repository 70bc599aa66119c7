"""Outpaint grows photos beyond their borders, in batches, at exactly the size asked for.

The command line is ``outpaint``; the same in Python is described in :mod:`outpaint_cli.api`:

>>> from outpaint_cli import extend
>>> extend("photo.jpg", aspect="16:9").save("wide.png")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outpaint_cli.api import (
        Batch,
        Event,
        extend,
        extend_files,
        harmonize,
        harmonize_files,
        inpaint,
        inpaint_files,
    )

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Event",
    "__version__",
    "extend",
    "extend_files",
    "harmonize",
    "harmonize_files",
    "inpaint",
    "inpaint_files",
]


def __getattr__(name: str) -> Any:
    # numpy, Pillow and OpenCV come in when one of these is asked for: outpaint --help needs none of them.
    if name in __all__:
        return getattr(import_module("outpaint_cli.api"), name)
    raise AttributeError(f"module 'outpaint_cli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
