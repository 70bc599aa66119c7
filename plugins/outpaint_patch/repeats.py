"""What has been copied once is not to be copied again close by, where two of it would be seen.

The cost of a stamp in cut.py sees neighbouring cells only: one of something else between two copies, and there is
no stamp. Here every cell is told of all the others around that take the same source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .search import uncommon

if TYPE_CHECKING:
    from .search import Floats, Ints

MOST = 12
"""Copies of one source that are looked at."""

AROUND = 5
"""Cells: the side of the square in which detail is measured."""

PLAIN = np.float32(1e-3)
"""Variance of colours (0..1) in it at which it is half seen."""


def visible(sheet: Floats, rarity: Floats) -> Floats:
    """How much (h, w), 0..1, a second copy of what is in each cell of ``sheet`` (h, w, 3) would be seen.

    Nobody sees two of a clear sky, nor of what recurs in the photo anyway: waves, leaves. Where ``rarity`` (h, w),
    squared distances to what is most alike elsewhere, is as usual, half of the repetition counts.
    """
    share: Floats = (detailed(sheet) * uncommon(rarity)).astype(np.float32)
    return share


def detailed(image: Floats) -> Floats:
    """How much (h, w), 0..1, is to be seen around each cell of ``image`` (h, w, 3): 0 where it is plain."""
    mean = cv2.blur(image, (AROUND, AROUND))
    detail = np.maximum(cv2.blur(np.square(image), (AROUND, AROUND)) - np.square(mean), 0).mean(2)
    share: Floats = detail / (detail + PLAIN)
    return share


def repeats(sources: Ints, chosen: Ints, order: Ints, cells: Ints, width: int, reach: float) -> Floats:
    """Which of their candidates ``sources`` (c, n) are copied elsewhere already, 1 or 0 (c, n).

    Elsewhere is within ``reach`` of the n ``cells``, numbers in a frame of ``width``, both ways; already, by one of
    lower ``order`` (n,), no two alike, lest both copies give way. ``chosen`` (n,) is the candidate of each cell now.
    """
    count = len(cells)
    y, x = cells // width, cells % width
    taken = sources[chosen, np.arange(count)]
    ranked = np.lexsort((order, taken))
    first = np.searchsorted(taken[ranked], sources)
    number = np.searchsorted(taken[ranked], sources, "right") - first
    found = np.zeros(sources.shape, bool)
    for turn in range(min(MOST, int(number.max(initial=0)))):
        other = ranked[np.where(turn < number, first + turn, 0)]
        near = (np.abs(y[other] - y) <= reach) & (np.abs(x[other] - x) <= reach)
        found |= (turn < number) & near & (order[other] < order)
    return found.astype(np.float32)
