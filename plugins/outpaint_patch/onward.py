"""What runs straight out of the photo runs straight on: the guess has often lost it.

A network that is not sure hedges: a horizon fades, a line on a road ends where the photo does. Where a strip
along the photo's edge shows something straight that the edge cuts, level, plumb or aslant, the guess gives way
to what runs on, and a stretch of the strip, moved along, is offered as its source.

How straight is told by the semblance along a slope (after Neidell and Taner 1971, Semblance and other coherency
measures for multichannel data): of what colours differ by, the share by which their means along it do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints

SLOPES = tuple(sorted(np.linspace(-1.5, 1.5, 25), key=abs))
"""Rows a column at which something may run into an upright edge; finer steps are tried around the best."""

FINER = (1 / 16, 1 / 32, 1 / 64)
"""Those steps."""

STRIP = 6
"""The strip's share of the photo: one in so many of its columns."""

SHORTEST = 4
"""Of the strip's columns at least one in so many is copied, lest a few be stamped."""

RAYS = 8
"""Places a cell of the edge from which something runs on, lest there be gaps where rays part."""

COMING = 2
"""Below the photo, where the ground comes nearer, it runs on so much further."""

LOWER = 3
"""Quarter turns that bring the lower edge, where the ground comes nearer, to the left."""

SOFT = 40
"""A neighbourhood along the edge: one in so many of its cells, as the standard deviation of a blur."""

FAINT = np.float32(1e-4)
"""Mean squared differences of colours (0..1) about which nothing can be told."""

TIE = np.float32(0.01)
"""What a slope of 1 costs of how straight it is: of two alike, the more upright or level one is meant."""

SLANTED = np.float32(0.3)
"""So much straighter has what is aslant to be, at a slope of 1: outlines that rise do not rise for long."""

SPREAD = 0.04
"""How far straight things tell the way of what is between them, in edges' lengths."""

PLAIN = 0.6
"""Of the difference that makes a strip another: what strays more from its edge would show as repeated further on."""

ENCLOSED = 0.4
"""How far apart two straight things may be, in edges' lengths, for what is between them to go on with them."""

CLEARLY = np.float32(0.3)
"""So much straighter than it must be, and it is sure to run on."""

THIN = np.float32(4)
"""Weights count for so much more where sources are chosen: at a coarser size a line is thin, and the least
sign of it has to do."""


@dataclass
class Straight:
    """What an edge of n cells cuts: colours (n, 3), rows a column (n,), and how straight it is (n,), 0..1."""

    colours: Floats
    slopes: Floats
    share: Floats


@dataclass
class Onward:
    """What runs on from the photo in each cell (h, w)."""

    weight: Floats  # (h, w) how sure it is, 0..1; 0 where the picture is known
    colours: Floats  # (h, w, 3) of what runs on, 0..1
    way: Floats  # (h, w, 2) rows and columns toward the photo, for each cell nearer to its edge
    depth: Floats  # (h, w) cells from the edge that it runs out of
    strip: Floats  # (h, w) cells inside that edge that it was seen to run straight
    fade: Floats  # (h, w) 1 at the edge, 0 where nothing runs on any more

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
        return Onward(weight, mean(self.colours), mean(self.way), depth, strip, mean(self.fade))

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
        sure = np.where(fine, weight * np.exp(-off / np.float32(apart)), 0).astype(np.float32)
        return np.where(fine, to - cells, 0).astype(np.int32), sure


def onward(image: Floats, known: Bools, sure: float, reach: float, stray: float) -> Onward:
    """What runs straight out of the rectangle of ``image`` (h, w, 3) that is ``known`` (h, w).

    What is straighter than ``sure`` (0..1) runs on, as far as ``reach`` times the rectangle's shorter side. What
    strays from its colours at the edge by more than ``stray``, a squared difference, is less sure; at the lower
    edge the strip is copied up to there alone. Edges along which not all is known have nothing that runs on.
    """
    sums = np.zeros((*known.shape, 9), np.float32)
    for turn in range(4):
        part = _leftward(np.rot90(image, turn), np.rot90(known, turn), sure, reach, stray, turn == LOWER)
        if part is None:
            continue
        for _ in range(turn):
            part = np.rot90(part, -1).copy()
            part[..., 4], part[..., 5] = part[..., 5].copy(), -part[..., 4]
        sums += part
    mean = (sums / np.maximum(sums[..., :1], 1e-6)).astype(np.float32)
    weight = np.where(known, 0, np.minimum(sums[..., 0], 1)).astype(np.float32)
    return Onward(weight, mean[..., 1:4], mean[..., 4:6], mean[..., 6], mean[..., 7], mean[..., 8])


def drawn(image: Floats, found: Onward, share: float) -> Floats:
    """``image`` (h, w, 3) with ``share`` (0..1) of what runs on drawn over it, less further out."""
    weight = (np.float32(share) * found.weight * found.fade)[..., None]
    result: Floats = ((1 - weight) * image + weight * found.colours).astype(np.float32)
    return result


def straight(strip: Floats) -> Straight:
    """What runs straight out of ``strip`` (n, wide, 3), the part of a photo along its left edge."""
    count = len(strip)
    strip = np.ascontiguousarray(strip)
    # a gradient, as of a sky toward the sun, is no edge
    detail = strip - _blurred(strip, 2 * max(1.0, count / SOFT))
    best = Straight(strip[:, 0], np.zeros(count, np.float32), np.full(count, -1, np.float32))
    for slope in SLOPES:
        _try(strip, detail, np.full(count, slope, np.float32), best)
    for step in FINER:
        for slopes in (best.slopes - np.float32(step), best.slopes + np.float32(step)):
            _try(strip, detail, slopes, best)
    return best


def _try(strip: Floats, detail: Floats, slopes: Floats, best: Straight) -> None:
    """Take ``slopes`` (n,) for ``best`` where ``detail`` of ``strip`` runs straighter along them."""
    count, wide = strip.shape[:2]
    reach = max(1.0, count / SOFT)
    there, rows = _along(detail, slopes)
    inside = ((rows >= 0) & (rows <= count - 1)).astype(np.float32)[..., None]
    seen = inside.sum(1)
    mean = (there * inside).sum(1) / np.maximum(seen, 1)
    within = (np.square(there - mean[:, None]) * inside).sum((1, 2)) / np.maximum(seen[:, 0], 1) / 3
    across = (_blurred(np.square(mean), reach) - np.square(_blurred(mean, reach))).mean(-1)
    across = np.maximum(across, 0)
    share = across / (across + _blurred(within, reach) + FAINT) - TIE * np.abs(slopes)
    share[seen[:, 0] < wide / 2] = -1
    better = share > best.share
    best.share[better] = share[better]
    best.slopes[better] = slopes[better]
    colours = _along(strip, slopes, max(2, wide // 6))[0].mean(1)
    best.colours = np.where(better[:, None], colours, best.colours)


def _along(strip: Floats, slopes: Floats, columns: int | None = None) -> tuple[Floats, Floats]:
    """``strip`` (n, wide, 3) along ``slopes`` (n,), its first ``columns`` or all, and the rows (n, wide) there."""
    yy, xx = np.mgrid[: len(strip), : columns or strip.shape[1]].astype(np.float32)
    rows = yy + slopes[:, None] * (xx + np.float32(0.5))
    there: Floats = cv2.remap(strip, xx, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return there, rows


def _leftward(
    image: Floats, known: Bools, sure: float, reach: float, stray: float, nearer: bool
) -> Floats | None:
    """Weighted sums (h, w, 9) to the left of the known rectangle, in the order of Onward's planes.

    They are: 0 the weights, 1 to 3 colours, 4 and 5 way, 6 depth, 7 strip, 8 fade. What comes ``nearer`` as it
    runs on becomes wider.
    """
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if len(rows) < 8 or len(columns) < 8 or columns[0] == 0:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, int(columns[0]), columns[-1] + 1
    wide = max(4, round((right - left) / STRIP))
    if not known[top:bottom, left : left + wide].all():
        return None
    strip = image[top:bottom, left : left + wide]
    found = straight(strip)
    off = _strayed(strip, found.colours, found.slopes)
    doubt = np.float32(sure) + SLANTED * np.abs(found.slopes)
    # a few bright spots in a row are straight, but no line
    steady = np.exp(-np.square(off[:, : wide // 2].mean(1) / np.float32((1 if nearer else 2) * stray)))
    weight, slopes = _between(steady * np.clip((found.share - doubt) / CLEARLY, 0, 1), found.slopes)
    height, width = known.shape
    sums = np.zeros((height, width, 9), np.float32)
    length = _alike(off, stray) if nearer else np.full(len(weight), wide, np.float32)
    most = np.full(len(weight), max(1, round(reach * min(right - left, bottom - top))), np.float32)
    if nearer:
        plain = _plain(off[:, : wide // 2], stray)
        weight, slopes = _enclosed(weight, slopes, plain)
        most *= 1 + (COMING - 1) * plain
    planes = np.ones((bottom - top, 10), np.float32)
    planes[:, 1:4], planes[:, 4], planes[:, 7] = found.colours, slopes, length
    planes[:, 0], planes[:, 9] = weight, most
    planes, at = _denser(planes), _denser(np.arange(top, bottom, dtype=np.float32)[:, None])[:, 0]
    weight, slopes, most = planes[:, 0].copy(), planes[:, 4].copy(), planes[:, 9]
    planes = planes[:, :9]
    planes[:, 0] = 1
    for step in range(1, min(left, int(most.max())) + 1):
        planes[:, 6], planes[:, 8] = step, np.maximum(1 - step / (most + 1), 0)
        y = at - slopes * np.float32(step)
        low = np.floor(y).astype(np.intp)
        column, seen = np.zeros((9, height), np.float32), np.zeros(height, np.float32)
        for row, part in ((low, 1 - (y - low)), (low + 1, y - low)):
            fine = (row >= 0) & (row < height)
            row, share = row[fine], part[fine] / RAYS
            seen += np.bincount(row, share, height).astype(np.float32)
            for plane, values in enumerate(planes[fine].T):
                column[plane] += np.bincount(row, share * (weight * (step <= most))[fine] * values, height).astype(np.float32)
        # where rays part there are fewer to a cell, and they tell no less
        sums[:, left - step] = (column / np.clip(seen, np.float32(0.1 / RAYS), 1)).T
    return sums


def _plain(off: Floats, stray: float) -> Floats:
    """How alike (n,), 0..1, most of what is near is along its slopes, ``off`` (n, wide) by so much."""
    mean = off.mean(1)
    near = round(SPREAD * len(mean))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(mean, near, "reflect"), 2 * near + 1)
    plain: Floats = np.exp(-np.square(np.median(around, 1) / np.float32(PLAIN * stray)))
    return plain


def _denser(planes: Floats) -> Floats:
    """``planes`` (n, c) along an edge at RAYS places a cell, (RAYS (n - 1) + 1, c)."""
    at = np.linspace(0, len(planes) - 1, RAYS * (len(planes) - 1) + 1).astype(np.float32)
    low = np.minimum(at.astype(np.intp), len(planes) - 2)
    part = (at - low)[:, None]
    result: Floats = ((1 - part) * planes[low] + part * planes[low + 1]).astype(np.float32)
    return result


def _strayed(strip: Floats, colours: Floats, slopes: Floats) -> Floats:
    """How far (n, wide) ``strip`` (n, wide, 3) along ``slopes`` (n,) is from the ``colours`` (n, 3) at its edge."""
    there, _ = _along(strip, slopes)
    off: Floats = cv2.blur(np.square(there - colours[:, None]).mean(2), (3, 1))
    return off


def _alike(off: Floats, stray: float) -> Floats:
    """How many columns (n,) of a strip, ``off`` (n, wide) by so much, have the colours at its edge.

    In perspective what runs straight becomes thinner further off: where it is not the same any more, it had
    better be repeated sooner. What is beside it goes with it.
    """
    count, wide = off.shape
    length = np.where(off > stray, np.arange(wide)[None], wide).min(1)
    length = np.where(length < max(2, wide // SHORTEST), wide, length).astype(np.float32)
    around = 2 * max(1, round(SPREAD * count)) + 1
    least: Floats = cv2.erode(length[:, None], np.ones((around, 1), np.uint8)).ravel()
    return least


def _between(weight: Floats, slopes: Floats) -> tuple[Floats, Floats]:
    """``weight`` and ``slopes`` (n,) with what is between straight things going their way."""
    far = SPREAD * len(weight)
    mass = _blurred(weight, far)
    mean = _blurred(weight * slopes, far) / np.maximum(mass, np.float32(1e-6))
    alone = np.float32(1 / (far * np.sqrt(2 * np.pi)))  # what a single cell adds to the blur where it is
    near = 2.0
    own = _blurred(weight * slopes, near) / np.maximum(_blurred(weight, near), np.float32(1e-6))
    return np.maximum(weight, np.clip(mass / (8 * alone), 0, 1)), np.where(weight > 0.5, own, mean)


def _enclosed(weight: Floats, slopes: Floats, plain: Floats) -> tuple[Floats, Floats]:
    """``weight`` and ``slopes`` (n,) with what lies between two sure ones and looks the same as far as is seen.

    A path goes on between its borders, and becomes wider with them.
    """
    sure = np.flatnonzero(weight > 0.5)
    if len(sure) < 2:
        return weight, slopes
    at = np.arange(len(weight))
    after = np.searchsorted(sure, at)
    left, right = sure[np.clip(after - 1, 0, len(sure) - 1)], sure[np.clip(after, 0, len(sure) - 1)]
    inside = (left < at) & (at < right) & (right - left <= ENCLOSED * len(weight))
    filled = np.where(inside, np.minimum(weight[left], weight[right]) * plain, 0)
    more = filled > weight
    return np.where(more, filled, weight), np.where(more, np.interp(at, sure, slopes[sure]), slopes).astype(np.float32)


def _blurred(values: Floats, reach: float) -> Floats:
    """``values`` (n, ...) blurred along the first axis; ``reach`` is the standard deviation in cells."""
    flat = np.ascontiguousarray(values.reshape(len(values), -1), np.float32)
    side = 2 * int(3 * reach) + 1
    blurred = cv2.GaussianBlur(flat, (1, side), sigmaX=0.01, sigmaY=reach, borderType=cv2.BORDER_REPLICATE)
    result: Floats = blurred.reshape(values.shape)
    return result
