"""Beside the photo's edge, its own reflection where the sources found do not go on from what is there.

A source that fits its surroundings but not the photo's last row shows as a straight join along the edge. The
reflection meets the photo by construction, and can give way to the source further out, along a path where the
two look alike: the cut of Kwatra et al. 2003 (Graphcut textures, section 3), found by min-sum messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .pyramid import banks
from .search import Ints
from .slant import leaning

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Rect

    from .pyramid import Level
    from .stage import Completed

OUT = np.float32(1e3)
"""Stands for the cost of a reflection where there is none."""

SLANTED = np.float32(100)
"""How many times as much more the reflection of what leans one way costs, at the end of the band."""

STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def reflect(
    found: Completed, width: int, bias: float, straight: float, rounds: int = 60
) -> tuple[Ints, Bools]:
    """The map (h, w) of ``found`` with reflections up to ``width`` cells beyond the photo's edges, and where.

    ``bias`` is what a reflected cell costs, as a squared colour difference (0..1); ``straight`` how much more
    a misfit counts along the photo's edge, where it makes a straight line, than along the path of the cut.
    """
    level, numbers = found.level, found.numbers
    turned = mirrored(level.known, 1 + len(level.guides), width)
    band = turned >= 0
    if not band.any():
        return numbers, band
    atlas = level.atlas()
    own, other = atlas[numbers], atlas[np.where(band, turned, numbers)]
    apart = np.square(own - other).mean(2)
    slanted = np.concatenate([bank.ravel() for bank in banks(leaning(level), level.shape[0])])
    away = cv2.distanceTransform((~level.known).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(max(1, width))
    cost = np.float32(bias) * (1 + SLANTED * away * slanted[np.where(band, turned, 0)])
    unary = np.where(band, cost, OUT)  # reflected minus not reflected
    unary -= np.float32(straight) * np.where(band, _misfit(atlas, numbers, level.image, level.known), 0)
    chosen = _cut(unary.astype(np.float32), apart, ~level.known, rounds)
    reflected = band & (chosen | (numbers == turned))
    return np.where(reflected, turned, numbers).astype(np.int32), reflected


def mirrored(known: Bools, planes: int, width: int) -> Ints:
    """Atlas numbers (h, w) of what lies on the other side of the photo's nearest edge; -1 beyond ``width`` cells.

    Only a photo that is a rectangle has edges to reflect at; corners would have to be turned over both.
    """
    height, across = known.shape
    result = np.full(known.shape, -1, np.int32)
    y, x = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if not len(y):
        return result
    top, bottom, left, right = int(y[0]), int(y[-1]), int(x[0]), int(x[-1])
    if not known[top : bottom + 1, left : right + 1].all():
        return result
    bank = planes * height * across
    yy, xx = np.mgrid[:height, :across].astype(np.int32)
    inside_x, inside_y = (xx >= left) & (xx <= right), (yy >= top) & (yy <= bottom)
    reach_y, reach_x = min(width, bottom - top), min(width, right - left)
    for edge, sign in ((top, -1), (bottom, 1)):
        away = (yy - edge) * sign
        there = inside_x & (away > 0) & (away <= reach_y)
        row = 2 * edge - yy  # the edge itself is not repeated: it would show as a flat line
        result[there] = (2 * bank + (height - 1 - row) * across + xx)[there]
    for edge, sign in ((left, -1), (right, 1)):
        away = (xx - edge) * sign
        there = inside_y & (away > 0) & (away <= reach_x)
        column = 2 * edge - xx
        result[there] = (bank + yy * across + across - 1 - column)[there]
    return result


def seen(level: Level, numbers: Ints, reflected: Bools, photo: Rect, height: int, width: int) -> Floats:
    """What cells copied as the map ``numbers`` says look like (h, w, 3) in a frame of ``height`` x ``width`` pixels.

    Those ``reflected`` (h, w) are so at the ``photo``'s last pixels (see detail.copies), and not at the middle of
    its last cells: where tones change toward the edge, half a cell is a step that can be seen.
    """
    colours = level.atlas()[numbers]
    h, w = level.shape
    y, x = np.flatnonzero(level.known.any(1)), np.flatnonzero(level.known.any(0))
    for axis, size, cells, inner, first, last in (
        (0, height, h, y, photo.y, photo.bottom - 1),
        (1, width, w, x, photo.x, photo.right - 1),
    ):
        if not reflected.any():
            break
        middle = (np.arange(cells) + 0.5) * (size / cells) - 0.5
        edge = np.where(middle > (first + last) / 2, last, first)
        place = np.clip((2 * edge - middle + 0.5) * (cells / size) - 0.5, inner[0], inner[-1])
        low = np.minimum(np.floor(place).astype(np.intp), inner[-1] - 1)
        share = np.expand_dims(place - low, (1 - axis, 2)).astype(np.float32)
        turned = level.image.take(low, axis) * (1 - share) + level.image.take(low + 1, axis) * share
        beyond = ~level.known.any(1 - axis)
        here = reflected & np.expand_dims(beyond, 1 - axis)
        colours[here] = turned[here]
    return colours


def _misfit(atlas: Floats, numbers: Ints, image: Floats, known: Bools) -> Floats:
    """How far (h, w) what the sources of cells beside the photo have next to them is from what the photo has there.

    A mean squared difference over the first two cells inward; 0 where a cell has no known neighbour.
    """
    height, width = known.shape
    total = np.zeros(known.shape, np.float32)
    for dy, dx in STEPS:
        to, of = _shifted(dy, height), _shifted(dx, width)
        here, there = (to[0], of[0]), (to[1], of[1])
        beside = known[there] & ~known[here]
        for depth in (1, 2):
            source = np.clip(numbers[here] + depth * (dy * width + dx), 0, len(atlas) - 1)
            y = np.clip(np.arange(height)[to[0]] + depth * dy, 0, height - 1)
            x = np.clip(np.arange(width)[of[0]] + depth * dx, 0, width - 1)
            off = np.square(atlas[source] - image[np.ix_(y, x)]).mean(2)
            total[here] += np.float32(0.5) * np.where(beside, off, 0)
    return total


def _shifted(step: int, size: int) -> tuple[slice, slice]:
    """Slices of the cells that have a neighbour ``step`` away, and of those neighbours."""
    if step == 0:
        return slice(None), slice(None)
    return (slice(None, -1), slice(1, None)) if step > 0 else (slice(1, None), slice(None, -1))


def _cut(unary: Floats, apart: Floats, free: Bools, rounds: int) -> Bools:
    """Which cells (h, w) take label 1: messages of a binary random field, damped.

    ``unary`` is the cost of 1 less that of 0; neighbours of different labels cost the sum of ``apart`` of both.
    A message is that difference too, clipped to what the labels' disagreement costs.
    """
    height, width = unary.shape
    messages = np.zeros(
        (4, height, width), np.float32
    )  # into each cell, from the neighbour in that direction
    shifts = [(_shifted(dy, height), _shifted(dx, width)) for dy, dx in STEPS]
    costs = []
    for (ty, oy), (tx, ox) in ((s[0], s[1]) for s in shifts):
        costs.append((apart[ty, tx] + apart[oy, ox]) * (free[ty, tx] & free[oy, ox]))
    for _ in range(rounds):
        belief = unary + messages.sum(0)
        fresh = []
        for k, ((_, oy), (_, ox)) in enumerate(shifts):
            back = k ^ 1
            sent = belief[oy, ox] - messages[back][oy, ox]
            fresh.append(np.clip(sent, -costs[k], costs[k]))
        for k, ((ty, _), (tx, _)) in enumerate(shifts):
            messages[k][ty, tx] = np.float32(0.5) * (messages[k][ty, tx] + fresh[k])
    chosen: Bools = unary + messages.sum(0) < 0
    return chosen
