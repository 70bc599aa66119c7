"""Joins within soft material are as soft as the material.

What is out of focus, cloud, still water has no fine detail, and a cut through it has: it shows, whatever the
path. As in Burt and Adelson 1983 (A multiresolution spline), transitions are to be as wide as the detail
around them: here colours are let run into each other along joins, as far as the sources' own detail allows.
Only the correction of cells changes, so that grain finer than a cell stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .pyramid import banks

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .pyramid import Level
    from .search import Ints

SPREADS = (1, 2, 4)
"""Standard deviations in cells of the blurs that a join may get."""

PLAIN = np.float32(0.012)
"""Detail (root of mean squared differences of colours, 0..1) that nobody misses."""

OUTDONE = np.float32(0.6)
"""Of the detail with the joins in it: sources that have less than this share are softer than their joins."""

SLIGHT, HARSH = np.float32(0.2), np.float32(0.35)
"""Steps (0..1) that are blurred whole, and not at all: those between sky and land had better be sharp."""

STABLE = 0.2
"""Of explicit diffusion in two dimensions, with something to spare: a step of time may be 0.25 at most."""


def blended(level: Level, numbers: Ints, picture: Floats) -> Floats:
    """``picture`` (h, w, 3), unknown cells of ``level`` copied as the map ``numbers`` says, with softer joins.

    Known cells stay, and what is beside them meets them.
    """
    joins = _joins(numbers, level.known, level.shape[1])
    spread = _spread(level, numbers, picture, joins)
    return _diffused(picture, level.known, spread)


def _joins(numbers: Ints, known: Bools, width: int) -> Bools:
    """Cells (h, w) beside which something else is copied."""
    joins: Bools = np.zeros(known.shape, bool)
    for before, after, stride in _pairs(width):
        apart = (numbers[after] - numbers[before] != stride) & ~(known[before] & known[after])
        joins[before] |= apart
        joins[after] |= apart
    return joins


def _pairs(width: int) -> tuple[tuple[tuple[slice, slice], tuple[slice, slice], int], ...]:
    """Slices of the cells before and after along either axis, and how far their numbers are apart."""
    whole, first, last = slice(None), slice(None, -1), slice(1, None)
    return ((first, whole), (last, whole), width), ((whole, first), (whole, last), 1)


def _spread(level: Level, numbers: Ints, picture: Floats, joins: Bools) -> Floats:
    """How widely (h, w) colours may run into each other, as a standard deviation in cells; 0 away from joins."""
    tall, width = level.shape
    away = cv2.distanceTransform((~joins).astype(np.uint8), cv2.DIST_L2, 5)
    step = np.zeros(level.shape, np.float32)
    for before, after, _ in _pairs(width):
        across = np.abs(picture[after] - picture[before]).mean(2) * (joins[before] & joins[after])
        step[before] = np.maximum(step[before], across)
        step[after] = np.maximum(step[after], across)
    whole = np.ones_like(step)
    widest = np.zeros_like(step)
    for spread in SPREADS:
        around = np.ones((2 * spread + 1, 2 * spread + 1), np.uint8)
        of_planes = np.concatenate([_detail(p.image, p.known, spread) for p in (level, *level.guides)])
        of_sources = np.concatenate([bank.ravel() for bank in banks(of_planes, tall)])[numbers]
        share = cv2.dilate(of_sources, around) / (PLAIN + OUTDONE * _detail(picture, whole, spread))
        fine = np.clip((HARSH - cv2.dilate(step, around)) / (HARSH - SLIGHT), 0, 1)
        fine *= np.clip(2 - away / spread, 0, 1)
        widest = np.maximum(widest, spread * fine / (1 + np.square(np.square(share))))
    return np.where(level.known, 0, widest).astype(np.float32)


def _detail(image: Floats, where: Bools | Floats, spread: int) -> Floats:
    """What a blur by ``spread`` takes out around each cell (h, w), seen only ``where`` (h, w) there is something."""
    weight = where.astype(np.float32)
    fine = np.square(image - _mean(image, weight, spread)).mean(2)
    result: Floats = np.sqrt(_mean(fine, weight, spread))
    return result


def _mean(values: Floats, weight: Floats, spread: float) -> Floats:
    """Local weighted means of ``values`` (h, w, ...)."""

    def blur(plane: Floats) -> Floats:
        result: Floats = cv2.GaussianBlur(plane, (0, 0), spread, borderType=cv2.BORDER_REFLECT)
        return result

    mass = np.maximum(blur(weight), np.float32(1e-3))
    deep = (..., *[None] * (values.ndim - 2))
    mean: Floats = blur(values * weight[deep]) / mass[deep]
    return mean


def _diffused(picture: Floats, known: Bools, spread: Floats) -> Floats:
    """``picture`` (h, w, 3) after a diffusion that blurs by ``spread`` (h, w); ``known`` cells stay."""
    time = np.square(spread) / 2
    count = int(np.ceil(time.max() / STABLE))
    if count == 0:
        return picture
    flows = []
    for before, after, _ in _pairs(known.shape[1]):
        slow, fast = np.minimum(time[before], time[after]), np.maximum(time[before], time[after])
        # known cells have no spread of their own: theirs is that of what is to meet them
        flows.append((before, after, np.where(known[before] | known[after], fast, slow)[..., None] / count))
    free = (~known)[..., None].astype(np.float32)
    result = picture.copy()
    for _ in range(count):
        change = np.zeros_like(result)
        for before, after, share in flows:
            flow = (result[after] - result[before]) * share
            change[before] += flow
            change[after] -= flow
        change *= free
        result += change
    return result
