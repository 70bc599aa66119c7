"""What the photo's left or right edge cuts, if it is a thing rather than texture, is gone on from by its reflection.

Texture can be pieced together from patches: leaves, rock, a table's grain. A tower, a ridge or a sleeve that the
edge cuts can't: there is one of it, and pieces of it make a stump or a row of teeth. Turned over at the edge it is
whole again, if more even than it was. Texture turned over shows the axis instead. The two are told apart by how
detail is spread: all over in texture, in few places where there are things before something plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .agree import IMPOSSIBLE
from .reflection import mirrored
from .search import distances, uncommon
from .slant import slant

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Sources, Targets

AROUND = 0.06
"""Over what share of the frame's longer side the spread of detail is measured: a Gaussian's standard deviation."""

NEAR = 0.03
"""The same for rarity."""

TOGETHER = 0.04
"""The same for what reflections cost."""

OUTLINE = 0.015
"""The same for how much detail there is."""

RISE = (0.15, 0.5)
"""By how much detail has to rise again, in its mean, for what is there to be another thing: not at all, for sure."""

TEXTURE, THINGS = 0.28, 0.42
"""Concentration of detail (0..1) up to which it is texture, and from which on it is things.

Leaves, rock and fur have 0.2 to 0.3; ridges, towers and people before a sky or a wall 0.35 to 0.55.
"""

VALLEY = (0.1, 0.25)
"""Slants down toward the edge between which what is there is ever less a thing to be turned over.

A ridge or a roof that rises toward the edge becomes a peak; what falls toward it, a V.
"""

SOON = np.float32(4)
"""How much sooner what turning a thing over costs is forgiven than it is sure to be one."""

REGULAR = 3e-4
"""Rarity up to which a photo is a pattern: stripes or tiles that go on as they are. Photos have 1e-3 to 2e-2."""


def concentration(image: Floats, known: Bools) -> Floats:
    """How unevenly (h, w), 0..1, detail is spread around each cell of ``image`` (h, w, 3), where it is ``known``.

    One less the squared mean of the gradient's length by its mean square: 0.1 for white noise, near 1 for a line, 1
    where there is none.
    """
    square, inside = _detail(image, known)
    spread = _spread(AROUND, known)
    mean = _mean(np.sqrt(square), inside, spread)
    even = np.square(mean) / np.maximum(_mean(square, inside, spread), np.float32(1e-9))
    return (1 - even).astype(np.float32)


def outermost(image: Floats, known: Bools) -> Floats:
    """How surely (h, w), 0..1, each cell of ``image`` (h, w, 3) shows what the left or right edge of ``known`` cuts.

    From the edge inward detail may fall, where the thing ends. Where it rises again there is another, and whole: a
    second tower beyond the sky beside the first.
    """
    square, inside = _detail(image, known)
    length = _mean(np.sqrt(square), inside, _spread(OUTLINE, known))
    detail = np.minimum(length / max(float(length[known].mean()), 1e-6), 1) if known.any() else length
    result: Floats = np.ones_like(detail)
    columns = np.flatnonzero(known.any(0))
    if len(columns):
        left, right = int(columns[0]), int(columns[-1])
        middle = (left + right + 1) // 2
        least, most = RISE
        for inward in (slice(left, middle), slice(right, middle - 1, -1)):
            lowest = np.minimum.accumulate(detail[:, inward], 1)
            risen = np.maximum.accumulate(detail[:, inward] - lowest, 1)
            result[:, inward] = np.clip((most - risen) / np.float32(most - least), 0, 1)
    return result


def things(image: Floats, known: Bools, rarity: Floats) -> Floats:
    """How surely (h, w), 0..1, there is a thing in each cell of ``image`` (h, w, 3), if ``known``.

    Its detail lies in few places, and there are not many of it: ``rarity`` (h, w) is the squared distance to what
    is most alike elsewhere, 0 where that is not known. What falls toward the nearer of the left and right edge is
    none, nor is what that edge does not cut.
    """
    above = (concentration(image, known) - np.float32(TEXTURE)) / np.float32(THINGS - TEXTURE)
    alone = uncommon(rarity, REGULAR)
    inside = known.astype(np.float32)
    sure = np.clip(above, 0, 1) * np.minimum(2 * _mean(alone, inside, _spread(NEAR, known)), 1)
    sure *= outermost(image, known)
    columns = np.flatnonzero(known.any(0))
    right = np.arange(known.shape[1]) > columns.mean() if len(columns) else np.zeros(known.shape[1], bool)
    lean = slant(image, known, _spread(AROUND, known))
    low, high = VALLEY
    result: Floats = sure * np.clip((high - np.where(right, -lean, lean)) / (high - low), 0, 1)
    return result


def forgivable(sure: Floats) -> Floats:
    """How much, 0..1, of the cost of turning over is forgiven where a thing is ``sure``, 0..1."""
    share: Floats = np.minimum(SOON * sure, 1)
    return share


@dataclass(frozen=True)
class Turning:
    """What the reflection of things is worth."""

    sure: Floats  # (h, w), 0..1: whether there is a thing to turn over
    worth: float  # at the edge, in mean costs there
    reach: float  # how far beside the photo it is worth anything, in the photo's widths
    forgiven: Floats  # (h, w): what turned-over sources cost; the nearer to the edge, the less for a thing


def offer_turned(
    steps: NDArray[np.int64],
    costs: Floats,
    targets: Targets,
    sources: Sources,
    known: Bools,
    radius: int,
    turning: Turning,
) -> None:
    """Offer the ``targets`` beside the photo its reflection, in place of the last but one of what they have.

    ``steps`` and ``costs`` (c, n), c at least 3, change in place. Where there is a thing to turn over, that is
    cheaper by up to its worth: at the edge, and ever less up to its reach away from it.
    """
    height, width = known.shape
    cells = targets.where
    planes = len(sources.rows) // (3 * height * width)
    numbers = mirrored(known, planes, width).ravel()[cells]
    y, x = cells // width, cells % width
    columns, rows = np.flatnonzero(known.any(0)), np.flatnonzero(known.any(1))
    left, right, top, bottom = int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])
    beside = (numbers >= 0) & (y >= top) & (y <= bottom)
    if not beside.any():
        return
    # near an edge no whole patch is around a reflected cell: the nearest that is tells what it costs
    column = np.where(x < left, 2 * left - x, 2 * right - x).clip(left + radius, right - radius)
    row = y.clip(top + radius, bottom - radius)
    patches = planes * height * width + row * width + width - 1 - column
    row, column = row.clip(0, height - 1), column.clip(0, width - 1)
    there = turning.sure[row, column]
    cost = np.minimum(distances(targets, sources, sources.lookup(patches.astype(np.int32))), IMPOSSIBLE)
    near = (1 - np.maximum(left - x, x - right) / np.float32(turning.reach * (right - left + 1))).clip(0, 1)
    # further in there may be other things, whole as they are
    cost = cost - near * turning.forgiven[row, column] * forgivable(there)
    sought = np.where(beside, near * there, 0)
    best = costs.min(0)
    usual = np.float32((best * sought).sum() / max(sought.sum(), 1e-9))
    cost = cost - np.float32(turning.worth) * usual * near * there
    # in large pieces or not at all: a scrap of a turned tower would hang in the sky
    more, inside = np.zeros((2, height * width), np.float32)
    more[cells], inside[cells] = np.where(beside, cost - best, 0), beside
    spread = _spread(TOGETHER, known)
    cost = best + _mean(more.reshape(height, width), inside.reshape(height, width), spread).ravel()[cells]
    steps[-2] = np.where(beside, numbers - cells, steps[-2])
    costs[-2] = np.where(beside, cost, costs[-2])


def _detail(image: Floats, known: Bools) -> tuple[Floats, Floats]:
    """The squared gradient (h, w) of ``image`` (h, w, 3), and where (h, w), 1 or 0, all it takes is ``known``."""
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(np.float32)
    slopes = (cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))
    square: Floats = (np.square(slopes[0]) + np.square(slopes[1])).sum(2) / np.float32(64)
    return square, inside


def _spread(share: float, known: Bools) -> float:
    """``share`` of the longer side of ``known`` (h, w), in cells; in very long frames half of the shorter at most."""
    shorter, longer = sorted(known.shape)
    spread: float = min(share * longer, shorter / 2)
    return spread


def _mean(values: Floats, inside: Floats, spread: float) -> Floats:
    """The Gaussian mean (h, w) of ``values`` (h, w) where they are ``inside`` (h, w), 1 or 0."""
    mass = cv2.GaussianBlur(inside, (0, 0), spread)
    mean: Floats = cv2.GaussianBlur(values * inside, (0, 0), spread) / np.maximum(mass, np.float32(0.02))
    return mean
