"""Where a level's cells lie: which hold whole patches, what is nearest, where they fold into the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints


DEEP = 0.4
"""How deep into the photo the frame is folded at its upper and lower edge, in its heights."""


def _folded(place: NDArray[np.intp], size: int, deep: int) -> NDArray[np.intp]:
    """Where a place outside 0..size-1 comes to lie when the frame is folded inwards at the photo's edges.

    Sources are wanted near there. Near the edge itself would be the same few sources for a whole row. From
    ``deep`` inside the photo on, it is folded outwards again: what is far above it is not like its lower part.
    """
    away = np.maximum(-1 - place, place - size)  # beyond the edge
    turn = away % (2 * deep)
    inside = np.minimum(turn, 2 * deep - 1 - turn)
    beyond = np.where(place < 0, inside, size - 1 - inside)
    return np.where((place >= 0) & (place < size), place, beyond)


def whole_patches(known: Bools, radius: int) -> Bools:
    """Where a whole patch is known."""
    side = 2 * radius + 1
    whole: Bools = cv2.erode(
        known.astype(np.uint8),
        np.ones((side, side), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    ).astype(bool)
    return whole


def folded_places(known: Bools) -> tuple[Floats, int]:
    """Where each cell folds into the known rectangle, (h, w, 2) in its sides, and its shorter side in cells."""
    height, width = known.shape
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if len(rows) == 0:
        return np.zeros((height, width, 2), np.float32), 1
    tall, wide = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    yy = _folded(np.arange(height) - rows[0], tall, max(1, round(DEEP * tall))) / np.float32(tall)
    xx = _folded(np.arange(width) - columns[0], wide, wide) / np.float32(wide)
    place = np.stack(np.broadcast_arrays(yy[:, None], 0.5 * xx[None]), -1).astype(np.float32)
    return place, min(tall, wide)


def far_off(known: Bools) -> Floats:
    """How far off the known rows each row (h,) is: 0 at them, 1 from half of their height on."""
    rows = np.flatnonzero(known.any(1))
    if len(rows) == 0:
        return np.zeros(len(known), np.float32)
    tall = rows[-1] - rows[0] + 1
    place = np.arange(len(known))
    away = np.maximum(rows[0] - place, place - rows[-1]) / tall
    far: Floats = np.clip(2 * away, 0, 1).astype(np.float32)
    return far


def scaled(planes: Floats, height: int, width: int, how: int = cv2.INTER_AREA) -> Floats:
    """``planes`` (h, w, c) at another size, ``how`` as OpenCV names it, which takes four at a time at most."""
    parts = [planes[..., start : start + 4] for start in range(0, planes.shape[2], 4)]
    sized = [cv2.resize(part, (width, height), interpolation=how) for part in parts]
    result: Floats = np.concatenate([part.reshape(height, width, -1) for part in sized], -1)
    return result


def nearest_of(fine: Bools) -> Ints:
    """For each cell (h, w) the number of the nearest one that is ``fine``; 0 where none is."""
    if not fine.any():
        return np.zeros(fine.shape, np.int32)
    _, label = cv2.distanceTransformWithLabels(
        (~fine).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    at: Ints = np.zeros(int(label.max()) + 1, np.int32)
    at[label[fine]] = np.flatnonzero(fine)
    nearest: Ints = at[label]
    return nearest


def filled(plane: Floats, told: Bools) -> Floats:
    """``plane`` (h, w) with the value of the nearest cell that is ``told`` (h, w) where one is not."""
    if not told.any():
        return plane
    result: Floats = plane.ravel()[nearest_of(told)]
    return result
