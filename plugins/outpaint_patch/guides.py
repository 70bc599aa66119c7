"""Other photos of the same place as further planes to copy from.

After Zhang et al. 2013 (FrameBreak: dramatic image extrapolation by guided shift-maps): what the photo itself
lacks may be in another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Rect, Samples


@dataclass(frozen=True)
class Plane:
    """A picture of the frame's size (H, W, 3) with a guide in its upper left corner, where ``known`` (H, W) is."""

    image: Samples
    known: Bools


def planes(guides: Sequence[Samples], frame: Samples, photo: Rect, memory: int) -> tuple[Plane, ...]:
    """``guides`` as planes like ``frame`` (H, W, 3), each at the size at which it just fits into ``photo``.

    Photos of one place from one camera then show things at one scale. As many are taken as fit into half of
    ``memory`` (bytes), the first ones first.
    """
    return tuple(_plane(guide, frame, photo) for guide in guides[: room(frame, memory)])


def room(frame: Samples, memory: int) -> int:
    """How many planes like ``frame`` fit into half of ``memory`` (bytes)."""
    return memory // 2 // max(frame.nbytes, 1)


def _plane(guide: Samples, frame: Samples, photo: Rect) -> Plane:
    share = min(photo.width / guide.shape[1], photo.height / guide.shape[0])
    width, height = max(1, round(guide.shape[1] * share)), max(1, round(guide.shape[0] * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    image = np.zeros_like(frame)
    known = np.zeros(frame.shape[:2], np.bool_)
    image[:height, :width] = cv2.resize(guide, (width, height), interpolation=how)
    known[:height, :width] = True
    return Plane(image, known)
