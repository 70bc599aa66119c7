"""Joins within soft material are as soft as the material.

What is out of focus, cloud, still water has no fine detail, and a cut through it has: it shows, whatever the
path. As in Burt and Adelson 1983 (A multiresolution spline), coarse bands of the pictures on both sides run
into each other widely and fine ones hardly: here as widely as the sources' own detail allows, since what has
detail hides its joins, and would be seen through what it is laid over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .pyramid import banks, local_mean, share_of
from .seam import apart

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .pyramid import Level
    from .search import Ints

SPREADS = (1, 2, 4)
"""How widely joins are blurred, as standard deviations in cells."""

PLAIN = np.float32(0.012)
"""Detail (root of mean squared differences of colours, 0..1) that is none."""

OUTDONE = np.float32(0.6)
"""Of the detail with the joins in it: sources that have less than this share are softer than their joins."""

SLIGHT, HARSH = np.float32(0.3), np.float32(0.5)
"""Steps (0..1) that are blurred whole, and not at all: those between sky and land had better be sharp."""


def blended(level: Level, numbers: Ints, picture: Floats) -> Floats:
    """What to add to ``picture`` (h, w, 3), unknown cells of ``level`` copied as the map ``numbers`` says.

    It makes joins softer; 0 at known cells, to which those beside them come nearer.
    """
    spread = _spread(level, numbers, picture)
    free = ~level.known
    whole = np.ones(level.shape, np.float32)
    planes = (level, *level.guides)
    colours = np.concatenate([plane.image for plane in planes])
    here = _gathered(colours, numbers, level.shape[0])
    total = np.zeros_like(picture)
    for number, scale in enumerate(SPREADS):
        coarse = np.concatenate([local_mean(plane.image, plane.known, scale) for plane in planes])
        # less than nothing but for the joins: a source's own coarse band is what its blur would be
        change = (
            local_mean(picture, whole, scale) - picture + here - _gathered(coarse, numbers, level.shape[0])
        )
        # the photo does not come half the way: what is beside it goes all of it, fading like the blur
        change -= local_mean(change, level.known, scale, 0.5)
        total += share_of(spread, SPREADS, number)[..., None] * change
    return np.where(free[..., None], total, 0).astype(np.float32)


def _gathered(planes: Floats, numbers: Ints, tall: int) -> Floats:
    """What ``planes`` (p h, w, ...) hold where the map ``numbers`` (h, w) leads."""
    atlas = np.concatenate([bank.reshape(-1, *planes.shape[2:]) for bank in banks(planes, tall)])
    gathered: Floats = atlas[numbers]
    return gathered


def _spread(level: Level, numbers: Ints, picture: Floats) -> Floats:
    """How widely (h, w) joins may be blurred, as a standard deviation in cells; 0 away from them."""
    sides = [apart(numbers, level.known, axis) for axis in (0, 1)]
    joins = np.zeros(level.shape, bool)
    for before, after, there in sides:
        joins[before] |= there
        joins[after] |= there
    away = cv2.distanceTransform((~joins).astype(np.uint8), cv2.DIST_L2, 5)
    step = np.zeros(level.shape, np.float32)
    for before, after, _ in sides:
        across = np.abs(picture[after] - picture[before]).mean(2) * (joins[before] & joins[after])
        step[before] = np.maximum(step[before], across)
        step[after] = np.maximum(step[after], across)
    whole = np.ones(level.shape, np.float32)
    widest = np.zeros(level.shape, np.float32)
    for spread in SPREADS:
        around = np.ones((2 * spread + 1, 2 * spread + 1), np.uint8)
        of_planes = np.concatenate([_detail(p.image, p.known, spread) for p in (level, *level.guides)])
        of_sources = cv2.dilate(_gathered(of_planes, numbers, level.shape[0]), around)
        share = of_sources / (PLAIN + OUTDONE * _detail(picture, whole, spread))
        seen = np.ones((4 * spread + 1, 4 * spread + 1), np.uint8)  # as far as a blur is made at all
        fine = np.clip((HARSH - cv2.dilate(step, seen)) / (HARSH - SLIGHT), 0, 1)
        fine *= np.clip(2 - away / spread, 0, 1) / (1 + np.square(np.square(np.square(share))))
        widest = np.maximum(widest, spread * fine)
    return widest


def _detail(image: Floats, where: Bools | Floats, spread: int) -> Floats:
    """What a blur by ``spread`` takes out around each cell (h, w), seen only ``where`` (h, w) there is something."""
    fine = np.square(image - local_mean(image, where, spread)).mean(2)
    result: Floats = np.sqrt(local_mean(fine, where, spread))
    return result
