"""Mirrored context: a hole at the picture's edge gets something known beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

MOST = 0.5
"""Where less of an edge is known, the hole lies along it; less than that are the ends of a hole along another."""


@dataclass(frozen=True)
class Framed:
    """A picture (S, S, 3) shrunk into a square of the same size, with mirrored context around it.

    It covers rows ``y`` to ``y + size`` and columns ``x`` to ``x + size``.
    """

    image: Floats
    known: Bools
    x: int
    y: int
    size: int

    def back(self, filled: Floats) -> Floats:
        """The part of ``filled`` (S, S, 3) that shows the picture, at the picture's own size."""
        part = filled[self.y : self.y + self.size, self.x : self.x + self.size]
        side = self.image.shape[0]
        if self.size == side:
            return part
        larger = cv2.resize(np.ascontiguousarray(part), (side, side), interpolation=cv2.INTER_CUBIC)
        return np.asarray(larger, np.float32)


def with_context(image: Floats, known: Bools, rim: int) -> Framed:
    """``image`` (S, S, 3), ``known`` (S, S): a frame of ``rim`` pixels where the hole lies along the picture's edge.

    The frame continues the known part by mirroring it at its own edges, as often as it takes, and counts as
    known where that shows known pixels. Without such an edge, or without a rim, the picture stays as it is.
    """
    side = image.shape[0]
    left, right, top, bottom = (
        bool(edge.mean() < MOST) for edge in (known[:, 0], known[:, -1], known[0], known[-1])
    )
    most = max(left + right, top + bottom)
    if rim <= 0 or not most or not known.any():
        return Framed(image, known, 0, 0, side)
    size = side - most * rim
    x, y = _place(side - size, left, right), _place(side - size, top, bottom)
    small = cv2.resize(image * known[..., None], (size, size), interpolation=cv2.INTER_AREA)
    share = cv2.resize(known.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    whole = share > 1 - 1e-4
    if not whole.any():
        return Framed(image, known, 0, 0, side)
    rows, columns = _mirrored(whole.any(1), side, y), _mirrored(whole.any(0), side, x)
    around = np.asarray(small[rows[:, None], columns], np.float32)
    seen: Bools = whole[rows[:, None], columns]
    inner = (slice(y, y + size), slice(x, x + size))
    around[inner], seen[inner] = small, whole
    around[~seen] = 0
    return Framed(around, seen, x, y, size)


def _place(free: int, before: bool, after: bool) -> int:
    """How many of the ``free`` pixels lie before the picture: on the side where the hole lies."""
    return free if before and not after else 0 if after and not before else free // 2


def _mirrored(there: Bools, count: int, start: int) -> NDArray[np.intp]:
    """For ``count`` places, the first at ``-start``, the place within the known span that they mirror."""
    at = np.flatnonzero(there)
    low, length = int(at[0]), int(at[-1]) + 1 - int(at[0])
    phase = (np.arange(count) - start - low) % (2 * length)
    return np.asarray(low + np.minimum(phase, 2 * length - 1 - phase), np.intp)
