"""Guides: further photos of the same place, whose patches a harmonizer may use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from outpaint_cli import picture
from outpaint_cli.batch.discover import discover
from outpaint_cli.plugin import OutpaintError, UsageError
from outpaint_cli.remote import Location

if TYPE_CHECKING:
    from outpaint_cli.plugin import Samples


@dataclass(frozen=True)
class Guide:
    """One guide. ``samples`` sRGB (H, W, 3), uint8 or uint16 as its file has it; ``content`` the file's sha256."""

    content: str
    samples: Samples = field(compare=False, repr=False)

    def at_depth(self, like: Samples) -> Samples:
        """The samples in the depth of ``like``."""
        return picture.at_depth(self.samples, like.dtype)


def read_guides(texts: Sequence[str], *, max_pixels: int = picture.MAX_PIXELS) -> tuple[Guide, ...]:
    """The pictures that ``--guide`` names (files, folders or globs), each once, upright and in sRGB.

    Raises UsageError, naming the file, where one is not there or can't be read.
    """
    try:
        sources = discover(texts)
    except UsageError as error:
        raise UsageError(f"--guide {error}") from error
    if texts and not sources:
        raise UsageError(f"--guide {texts[0]}: no pictures found there")
    guides: dict[str, Guide] = {}
    for source in sources:
        try:
            guide = _read(source.path, source.error, max_pixels)
        except (OutpaintError, OSError) as error:
            reason = (error.strerror or "can't be read").lower() if isinstance(error, OSError) else str(error)
            raise UsageError(f"--guide {source.path or '-'}: {reason}; mend it, or leave it out") from error
        guides.setdefault(guide.content, guide)
    return tuple(guides.values())


def _read(path: Location | None, wrong: str, max_pixels: int) -> Guide:
    if path is None:
        raise UsageError("a guide can't come from standard input")
    if wrong:
        raise UsageError(wrong)
    data = path.read_bytes()
    photo = picture.read(data, max_pixels=max_pixels)
    samples = np.ascontiguousarray(picture.to_srgb(photo))
    return Guide(hashlib.sha256(data).hexdigest(), samples)
