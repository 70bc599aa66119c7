"""Where the photo sits in a picture that outpaint wrote, and how coarse the guess around it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outpaint_cli import picture
from outpaint_cli.batch.bucket_journal import BucketJournal, find_record
from outpaint_cli.batch.journal import Journal
from outpaint_cli.plugin import Rect
from outpaint_cli.remote import Location

STEP = "GuessStep"
"""The property in the XMP: pixels that a pixel of the unfinished guess covers."""

UPSCALED = "Upscaled"
"""The property in the XMP: how many times as large as before --upscale made the picture."""


@dataclass(frozen=True)
class Place:
    """``rect`` in a picture of ``size`` (width, height; None where that was not noted); ``scale`` 1 is sharp."""

    rect: Rect
    size: tuple[int, int] | None
    scale: float = 1.0


def guess_step(scale: float) -> dict[str, str]:
    """The XMP property for an unfinished guess; none for a sharp one."""
    return {STEP: f"{scale:.3f}"} if scale > 1 else {}


def noted_place(file: picture.Given) -> Place | None:
    """What the picture's own XMP says, or None. Raises PictureError for what is no picture."""
    found = picture.read_photo_properties(file)
    try:
        size = int(found["FrameWidth"]), int(found["FrameHeight"])
        rect = Rect(*(int(found[f"Photo{name}"]) for name in ("X", "Y", "Width", "Height")))
    except (KeyError, ValueError):
        return None
    return _sound(rect, size, found)


def journaled_place(path: Location, journals: dict[Location, Journal | BucketJournal]) -> Place | None:
    """What the journal of the file's folder, or of one above, says, or None; ``journals`` are read once."""
    record = find_record(path, journals) or {}
    try:
        at = record["source"]
        rect = Rect(*(int(at[name]) for name in ("x", "y", "width", "height")))
        size = (int(record["width"]), int(record["height"])) if "width" in record else None
    except (KeyError, TypeError, ValueError):
        return None
    return _sound(rect, size, {STEP: record.get("step", 1)})


def _sound(rect: Rect, size: tuple[int, int] | None, found: Mapping[str, Any]) -> Place | None:
    try:
        scale = float(found.get(STEP, 1))
    except (TypeError, ValueError):
        scale = 1.0
    if rect.width < 1 or rect.height < 1:
        return None
    return Place(rect, size, scale if 1 <= scale <= 1e6 else 1.0)
