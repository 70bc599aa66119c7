"""What runs straight out of the photo runs straight on: the guess has often lost it.

A network that is not sure hedges: a horizon fades, a line on a road ends where the photo does. Where a strip
along the photo's edge shows something straight that the edge cuts, level, plumb or aslant, the guess gives way
to what runs on, and a stretch of the strip, moved along, is offered as its source.

What is straight, and how sure that is, straight.py tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .straight import (
    CLEARLY,
    EVEN,
    SLANTED,
    UNEVEN,
    Straight,
    alike,
    between,
    cornered,
    enclosed,
    lasting,
    plain,
    straight,
    strayed,
    together,
)
from .thick import BODY, thick

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints

STRIP = 6
"""The strip's share of the photo: one in so many of its columns."""

LONGER = 4
"""The same of a longer strip, in which what would be repeated soon has to be straight, too."""

RAYS = 8
"""Places a cell of the edge from which something runs on, lest there be gaps where rays part."""

COMING = 2
"""Below the photo, where the ground comes nearer, it runs on so much further."""

LOWER = 3
"""Quarter turns that bring the lower edge, where the ground comes nearer, to the left."""

FALLS = -1, 0, 1, 0
"""For each turn, the sign of slopes at which what runs out of that edge falls; 0 where none does, or all."""

SHADED = np.float32(6)
"""What is thick has light and shade along its way: so much more, squared, its colours may differ at its source."""

THIN = np.float32(4)
"""Weights count for so much more where sources are chosen: at a coarser size a line is thin, and the least
sign of it has to do."""


@dataclass
class Onward:
    """What runs on from the photo in each cell (h, w)."""

    weight: Floats  # (h, w) how sure it is, 0..1; 0 where the picture is known
    colours: Floats  # (h, w, 3) of what runs on, 0..1
    way: Floats  # (h, w, 2) rows and columns toward the photo, for each cell nearer to its edge
    depth: Floats  # (h, w) cells from the edge that it runs out of
    strip: Floats  # (h, w) cells inside that edge that it was seen to run straight
    fade: Floats  # (h, w) 1 at the edge, 0 where nothing runs on any more
    thick: Floats  # (h, w) 0..1: whether it is thick (thick.py)

    def at(self, height: int, width: int) -> Onward:
        """The same at ``height`` by ``width`` cells."""

        def area(plane: Floats) -> Floats:
            sized: Floats = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
            return sized

        mass = area(self.weight)

        def mean(plane: Floats) -> Floats:
            deep = (..., *[None] * (plane.ndim - 2))
            sized: Floats = (area(self.weight[deep] * plane) / np.maximum(mass[deep], 1e-6)).astype(
                np.float32
            )
            return sized

        scale = np.float32(max(height, width) / max(self.weight.shape))
        depth, strip = mean(self.depth) * scale, mean(self.strip) * scale
        weight = np.minimum(THIN * mass, 1)
        planes = mean(self.fade), mean(self.thick)
        return Onward(weight, mean(self.colours), mean(self.way), depth, strip, *planes)

    def sources(
        self, cells: Ints, image: Floats, known: Bools, radius: int, apart: float
    ) -> tuple[Ints, Floats]:
        """From each of ``cells`` (n,) the step (n,) to the source that goes straight on there, and how sure.

        The strip is moved outwards as a whole, as often as it takes. Sources are ``known`` (h, w) cells of
        ``image`` (h, w, 3); the further their colours, in squared differences by ``apart``, from those that run
        on, the less sure they are. Where there is none, step and sureness are 0.
        """
        height, width = known.shape
        weight, depth, strip = (plane.ravel()[cells] for plane in (self.weight, self.depth, self.strip))
        length = np.rint(radius + strip * np.ceil(depth / np.maximum(strip, 1)))
        steps = np.rint(self.way.reshape(-1, 2)[cells] * length[:, None]).astype(np.int32)
        y, x = cells // width + steps[:, 0], cells % width + steps[:, 1]
        fine = (weight > 0) & (y >= 0) & (y < height) & (x >= 0) & (x < width) & ~known.ravel()[cells]
        to = np.where(fine, y * width + x, cells)
        fine &= known.ravel()[to]
        off = np.square(image.reshape(-1, 3)[to] - self.colours.reshape(-1, 3)[cells]).mean(1)
        most = np.float32(apart) * (1 + (SHADED - 1) * self.thick.ravel()[cells])
        sure = np.where(fine, weight * np.exp(-off / most), 0).astype(np.float32)
        return np.where(fine, to - cells, 0).astype(np.int32), sure


def onward(image: Floats, known: Bools, sure: float, reach: float, stray: float) -> Onward:
    """What runs straight out of the rectangle of ``image`` (h, w, 3) that is ``known`` (h, w).

    What is straighter than ``sure`` (0..1) runs on, as far as ``reach`` times the rectangle's shorter side, below
    it up to COMING times as far if it looks the same. What strays from its colours at the edge by more than
    ``stray``, a squared difference, is less sure; at the lower edge the strip is copied up to there alone.
    Edges along which not all is known have nothing that runs on.
    """
    sums = np.zeros((*known.shape, 10), np.float32)
    for turn in range(4):
        sides = np.rot90(image, turn), np.rot90(known, turn)
        part = _leftward(*sides, sure, reach, stray, turn == LOWER, FALLS[turn])
        if part is None:
            continue
        for _ in range(turn):
            part = np.rot90(part, -1).copy()
            part[..., 4], part[..., 5] = part[..., 5].copy(), -part[..., 4]
        sums += part
    mean = (sums / np.maximum(sums[..., :1], 1e-6)).astype(np.float32)
    weight = np.where(known, 0, np.minimum(sums[..., 0], 1)).astype(np.float32)
    return Onward(weight, mean[..., 1:4], mean[..., 4:6], *(mean[..., plane] for plane in range(6, 10)))


def drawn(image: Floats, found: Onward, share: float) -> Floats:
    """``image`` (h, w, 3) with ``share`` (0..1) of what runs on drawn over it, less further out."""
    weight = (np.float32(share) * found.weight * found.fade)[..., None]
    result: Floats = ((1 - weight) * image + weight * found.colours).astype(np.float32)
    return result


def _leftward(
    image: Floats, known: Bools, sure: float, reach: float, stray: float, nearer: bool, falls: int
) -> Floats | None:
    """Weighted sums (h, w, 10) to the left of the known rectangle, in the order of Onward's planes.

    They are: 0 the weights, 1 to 3 colours, 4 and 5 way, 6 depth, 7 strip, 8 fade, 9 thick. What comes ``nearer`` as
    it runs on becomes wider. Thick things run on at slopes that have the sign of ``falls``.
    """
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if len(rows) < 8 or len(columns) < 8 or columns[0] == 0:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, int(columns[0]), columns[-1] + 1
    wide, more = (max(4, round((right - left) / share)) for share in (STRIP, LONGER))
    if not known[top:bottom, left : left + wide].all():
        return None
    short = min(right - left, bottom - top)
    longer = slice(left, left + (more if known[top:bottom, left : left + more].all() else wide))
    rays = _rays(image[top:bottom, longer], wide, sure, reach * short, stray, nearer, falls)
    return _drawn_out(rays, top, left, known.shape)


def _rays(
    longer: Floats, wide: int, sure: float, reach: float, stray: float, nearer: bool, falls: int
) -> Floats:
    """What runs on to the left of the first ``wide`` columns of a ``longer`` strip (n, w, 3).

    It runs on for ``reach`` columns, what comes ``nearer`` further; see _leftward for ``falls``, _drawn_out for what
    is told of each of the RAYS (n - 1) + 1 rays.
    """
    strip = longer[:, :wide]
    count = len(strip)
    found = straight(strip)
    off = strayed(strip, found.colours, found.slopes)
    near = off[:, : wide // 2].mean(1)
    doubt = np.float32(sure) + SLANTED * np.abs(found.slopes)
    doubt += UNEVEN * (1 - np.exp(-near / (EVEN * np.float32(stray))))
    likely = np.clip((found.share - doubt) / CLEARLY, 0, 1)
    body = np.zeros(count, bool)
    if falls:
        bodies, surely = thick(strip, found, falls)
        around = np.ones((2 * round(count / BODY) + 1, 1), np.uint8)
        surely *= 1 - cv2.dilate(likely[:, None], around).ravel()  # what is straight tells more exactly
        body = surely > likely
        colours = np.where(body[:, None], bodies.colours, found.colours)
        found = Straight(colours, np.where(body, bodies.slopes, found.slopes), found.share)
        likely = np.maximum(likely, surely)
        off = strayed(strip, found.colours, found.slopes)
        near = off[:, : wide // 2].mean(1)
    # a few bright spots in a row are straight, but no line; below, lines have what is beside them to go by
    steady = np.exp(-np.square(near / np.float32((1 if nearer else 2) * stray)))
    weight, slopes = between(steady * likely, found.slopes)
    length = np.full(count, wide, np.float32)
    most = np.full(count, max(1, round(reach)), np.float32)
    if nearer:
        length = alike(off, stray)
        # of what soon is not the same any more, a few columns would be repeated all the way
        weight = np.where(length < wide / 2, weight * lasting(longer, found.slopes), weight)
        same = plain(off[:, : wide // 2], stray)
        weight, slopes = enclosed(weight, slopes, same)
        most *= 1 + (COMING - 1) * together(same, weight)
    weight = np.where(cornered(slopes, length), np.float32(0), weight)
    told = [np.arange(count), weight, slopes, length, most, *found.colours.T, body]
    rays = np.stack(told, 1).astype(np.float32)
    at = np.linspace(0, count - 1, RAYS * (count - 1) + 1).astype(np.float32)
    low = np.minimum(at.astype(np.intp), count - 2)
    part = (at - low)[:, None]
    result: Floats = ((1 - part) * rays[low] + part * rays[low + 1]).astype(np.float32)
    return result


def _drawn_out(rays: Floats, top: int, left: int, shape: tuple[int, ...]) -> Floats:
    """Sums as _leftward's (h, w, 10) of ``rays`` (n, 9) that start in column ``left``, from row ``top`` on.

    Of each: row, weight, slope, length of the strip, most columns it runs, colour, whether it is thick.
    """
    height, width = shape
    sums = np.zeros((height, width, 10), np.float32)
    at, weight, slopes, length, most = rays[:, :5].T
    for step in range(1, min(left, int(most.max() if weight.any() else 0)) + 1):
        y = at + top - slopes * np.float32(step)
        low = np.floor(y).astype(np.intp)
        mass = weight * (step <= most) / RAYS
        fade = np.maximum(1 - step / (most + 1), 0)
        planes = (np.ones_like(at), *rays[:, 5:8].T, slopes, length, fade, rays[:, 8])
        column, seen = np.zeros((len(planes), height)), np.zeros(height)
        for row, part in ((low, 1 - (y - low)), (low + 1, y - low)):
            fine = (row >= 0) & (row < height)
            seen += np.bincount(row[fine], part[fine] / RAYS, height)
            fine &= mass > 0
            share = (part * mass)[fine]
            for total, plane in zip(column, planes, strict=True):
                total += np.bincount(row[fine], share * plane[fine], height)
        # where rays part there are fewer to a cell, and they tell no less
        column /= np.clip(seen, 0.1 / RAYS, 1)
        own = column[0]  # a column nearer to the photo is a column
        sums[:, left - step] = np.stack([*column[:5], own, step * own, *column[5:]], 1)
    return sums
