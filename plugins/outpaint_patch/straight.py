"""What a photo's edge cuts that is straight: how straight, along which slope, how far it looks the same.

How straight is told by the semblance along a slope (after Neidell and Taner 1971, Semblance and other coherency
measures for multichannel data): of what colours differ by, the share by which their means along it do. Edges are
upright here, the photo to their right: a slope is rows a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

SLOPES = tuple(sorted(np.linspace(-1.5, 1.5, 25), key=abs))
"""Rows a column at which something may run into an upright edge; finer steps are tried around the best."""

FINER = (1 / 16, 1 / 32, 1 / 64)
"""Those steps."""

SHORTEST = 4
"""Of the strip's columns at least one in so many is copied, lest a few be stamped."""

SOFT = 40
"""A neighbourhood along the edge: one in so many of its cells, as the standard deviation of a blur."""

FAINT = np.float32(1e-4)
"""Mean squared differences of colours (0..1) about which nothing can be told."""

TIE = np.float32(0.01)
"""What a slope of 1 costs of how straight it is: of two alike, the more upright or level one is meant."""

SLANTED = np.float32(0.3)
"""So much straighter has what is aslant to be, at a slope of 1: outlines that rise do not rise for long."""

UNEVEN = np.float32(0.06)
"""The same where what goes on varies along its way: a soft row of tips is not as straight as a stem of one colour."""

EVEN = np.float32(0.03)
"""Squared difference along its way from which on it varies, in those at which it is another thing."""

SPREAD = 0.04
"""How far straight things tell the way of what is between them, in edges' lengths."""

PLAIN = 0.6
"""Of the difference that makes a strip another: what strays more from its edge would show as repeated further on."""

ENCLOSED = 0.4
"""How far apart two straight things may be, in edges' lengths, for what is between them to go on with them."""

BESIDE = 0.06
"""How near, in edges' lengths, two straight things are side by side."""

RUNS = 0.2
"""Weight from which something is said to run on at all."""

LEANING = 0.05
"""A slope from which something is not upright to the edge."""

CORNER = 0.01
"""How much of what is beside it goes with what leans away from a corner, in edges' lengths."""

LASTING = 0.5, 0.62
"""How straight, 0..1, something is in the longer strip if it was straight by chance, and if it is for sure.

Of photos with cracks in rock, ripples and walls 0.3 to 0.55; with paths, beams and branches 0.63 to 0.95.
"""

NEAR = 2.0
"""Cells: slopes of neighbours are told together, as the standard deviation of a blur."""

CLEARLY = np.float32(0.3)
"""So much straighter than it must be, and it is sure to run on."""


@dataclass
class Straight:
    """What an edge of n cells cuts: colours (n, 3), rows a column (n,), and how straight it is (n,), 0..1."""

    colours: Floats
    slopes: Floats
    share: Floats


def straight(strip: Floats) -> Straight:
    """What runs straight out of ``strip`` (n, wide, 3), the part of a photo along its left edge."""
    count = len(strip)
    strip = np.ascontiguousarray(strip)
    detail = _detail(strip)
    best = Straight(strip[:, 0], np.zeros(count, np.float32), np.full(count, -1, np.float32))
    for slope in SLOPES:
        _try(strip, detail, np.full(count, slope, np.float32), best)
    for step in FINER:
        for slopes in (best.slopes - np.float32(step), best.slopes + np.float32(step)):
            _try(strip, detail, slopes, best)
    return best


def _try(strip: Floats, detail: Floats, slopes: Floats, best: Straight) -> None:
    """Take ``slopes`` (n,) for ``best`` where ``detail`` of ``strip`` runs straighter along them."""
    share = _semblance(detail, slopes)
    better = share > best.share
    best.share[better] = share[better]
    best.slopes[better] = slopes[better]
    colours = along(strip, slopes, max(2, strip.shape[1] // 6))[0].mean(1)
    best.colours = np.where(better[:, None], colours, best.colours)


def lasting(strip: Floats, slopes: Floats) -> Floats:
    """How straight (n,), 0..1, what runs along ``slopes`` (n,) is in all of a longer ``strip`` (n, wide, 3)."""
    low, high = LASTING
    share = _semblance(_detail(np.ascontiguousarray(strip)), slopes)
    result: Floats = np.clip((share - np.float32(low)) / np.float32(high - low), 0, 1)
    return result


def _detail(strip: Floats) -> Floats:
    """``strip`` (n, wide, 3) less what is gradual: a gradient, as of a sky toward the sun, is no edge."""
    detail: Floats = strip - blurred(strip, 2 * max(1.0, len(strip) / SOFT))
    return detail


def _semblance(detail: Floats, slopes: Floats) -> Floats:
    """How straight (n,), 0..1, ``detail`` (n, wide, 3) is along ``slopes`` (n,); -1 where that leads out of it."""
    reach = max(1.0, len(detail) / SOFT)
    mean, within, fine = means_along(detail, slopes)
    across = (blurred(np.square(mean), reach) - np.square(blurred(mean, reach))).mean(-1)
    across = np.maximum(across, 0)
    share = across / (across + blurred(within, reach) + FAINT) - TIE * np.abs(slopes)
    share[~fine] = -1
    result: Floats = share
    return result


def means_along(detail: Floats, slopes: Floats) -> tuple[Floats, Floats, Bools]:
    """The means (n, 3) of ``detail`` (n, wide, 3) along ``slopes`` (n,), the variance (n,), and which (n,) are told.

    Told are those of whose way at least half lies within ``detail``.
    """
    count, wide = detail.shape[:2]
    there, rows = along(detail, slopes)
    inside = ((rows >= 0) & (rows <= count - 1)).astype(np.float32)[..., None]
    seen = inside.sum(1)
    mean = (there * inside).sum(1) / np.maximum(seen, 1)
    within = (np.square(there - mean[:, None]) * inside).sum((1, 2)) / np.maximum(seen[:, 0], 1) / 3
    return mean, within, seen[:, 0] >= wide / 2


def along(strip: Floats, slopes: Floats, columns: int | None = None) -> tuple[Floats, Floats]:
    """``strip`` (n, wide, 3) along ``slopes`` (n,), its first ``columns`` or all, and the rows (n, wide) there."""
    yy, xx = np.mgrid[: len(strip), : columns or strip.shape[1]].astype(np.float32)
    rows = yy + slopes[:, None] * (xx + np.float32(0.5))
    there: Floats = cv2.remap(strip, xx, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return there, rows


def plain(off: Floats, stray: float) -> Floats:
    """How alike (n,), 0..1, most of what is near is along its slopes, ``off`` (n, wide) by so much."""
    mean = off.mean(1)
    near = round(SPREAD * len(mean))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(mean, near, "reflect"), 2 * near + 1)
    same: Floats = np.exp(-np.square(np.median(around, 1) / np.float32(PLAIN * stray)))
    return same


def strayed(strip: Floats, colours: Floats, slopes: Floats) -> Floats:
    """How far (n, wide) ``strip`` (n, wide, 3) along ``slopes`` (n,) is from the ``colours`` (n, 3) at its edge."""
    there, _ = along(strip, slopes)
    off: Floats = cv2.blur(np.square(there - colours[:, None]).mean(2), (3, 1))
    return off


def alike(off: Floats, stray: float) -> Floats:
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


def between(weight: Floats, slopes: Floats) -> tuple[Floats, Floats]:
    """``weight`` and ``slopes`` (n,) with what is between straight things going their way."""
    far = SPREAD * len(weight)
    mass = blurred(weight, far)
    mean = blurred(weight * slopes, far) / np.maximum(mass, np.float32(1e-6))
    alone = np.float32(1 / (far * np.sqrt(2 * np.pi)))  # what a single cell adds to the blur where it is
    own = blurred(weight * slopes, NEAR) / np.maximum(blurred(weight, NEAR), np.float32(1e-6))
    return np.maximum(weight, np.clip(mass / (8 * alone), 0, 1)), np.where(weight > 0.5, own, mean)


def enclosed(weight: Floats, slopes: Floats, same: Floats) -> tuple[Floats, Floats]:
    """``weight`` and ``slopes`` (n,) with what lies between two sure ones, as far as it is the ``same`` (n,), 0..1.

    A path goes on between its borders, and becomes wider with them.
    """
    sure = np.flatnonzero(weight > 0.5)
    if len(sure) < 2:
        return weight, slopes
    at = np.arange(len(weight))
    after = np.searchsorted(sure, at)
    left, right = sure[np.clip(after - 1, 0, len(sure) - 1)], sure[np.clip(after, 0, len(sure) - 1)]
    inside = (left < at) & (at < right) & (right - left <= ENCLOSED * len(weight))
    filled = np.where(inside, np.minimum(weight[left], weight[right]) * same, 0)
    more = filled > weight
    turned = np.interp(at, sure, slopes[sure]).astype(np.float32)
    return np.where(more, filled, weight), np.where(more, turned, slopes)


def together(same: Floats, weight: Floats) -> Floats:
    """What is the ``same`` (n,), 0..1, along its slopes, no more so than what runs on beside it with any ``weight``.

    Of a band of light on water the dark half would else go on alone, with a border where light is cut off.
    """
    side = 2 * round(BESIDE * len(same)) + 1
    around = np.where(weight > RUNS, same, 1).astype(np.float32)[:, None]
    least = cv2.blur(cv2.erode(around, np.ones((side, 1), np.uint8)), (1, side))
    result: Floats = np.minimum(same, least.ravel())
    return result


def cornered(slopes: Floats, length: Floats) -> Bools:
    """Which (n,) lean so from a corner of the photo that the ``length`` (n,) columns they come from are not in it.

    Of a tower that two of the photo's edges cut there is a sliver to be seen: its scraps would run up into the sky.
    """
    count = len(slopes)
    start = np.arange(count) + slopes * length
    gone = (np.abs(slopes) > LEANING) & ((start < 0) | (start > count - 1))
    side = 2 * max(1, round(CORNER * count)) + 1
    result: Bools = cv2.dilate(gone.astype(np.uint8)[:, None], np.ones((side, 1), np.uint8)).ravel() > 0
    return result


def blurred(values: Floats, reach: float) -> Floats:
    """``values`` (n, ...) blurred along the first axis; ``reach`` is the standard deviation in cells."""
    flat = np.ascontiguousarray(values.reshape(len(values), -1), np.float32)
    side = 2 * int(3 * reach) + 1
    blurred = cv2.GaussianBlur(flat, (1, side), sigmaX=0.01, sigmaY=reach, borderType=cv2.BORDER_REPLICATE)
    result: Floats = blurred.reshape(values.shape)
    return result
