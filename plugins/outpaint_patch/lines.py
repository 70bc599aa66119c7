"""Lines that run out of the photo below it, on either side of where they come from, tell where that is.

A road's borders, a path's, a corridor's: seen from where they meet, what lies before the photo is what is in it,
enlarged (nearer.py). There may be no more to tell that point by than two lines on plain ground. How far up they meet
is told by the picture itself, as they may be all but parallel: enlarged about that point, lines lie upon themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .onward import Onward

STRIP = 4
"""The part of the photo that shows the lines: one in so many of its rows, at its lower edge."""

PASS = 0.02
"""How far lines may miss the point, in the photo's widths: a Gaussian's standard deviation, times the root of 2."""

MISS = 0.06
"""The same of those of which it is known that others come from there: few slopes are told so exactly."""

FEW = 0.1
"""Share of the photo's lower edge that lines have to fill for half of what they say to count."""

BY_CHANCE = 0.13
"""Support up to which a point is none that lines come from. Roads and paths have 0.16 to 0.4, other photos
mostly none, a few of a hundred up to 0.15: what lies upon itself tells those apart."""

UPON = 0.35
"""How well lines have to lie upon themselves, 0..1. On roads and paths that is 0.4 to 0.8."""

SCALE = 1.4
"""The enlargement at which that is asked."""

LEFT, TOP, RIGHT, BOTTOM = 0.2, 0.3, 0.8, 0.85
"""Where the point is looked for, in the photo's widths and heights."""

STEPS = 0.05, 0.025
"""Of heights and widths."""

FINER = 1 / 2, 1 / 4, 1 / 8, 1 / 16
"""Parts of these that are tried around the best: lines on the ground are narrow, and a step in one is seen."""

SOFT = 20
"""What is much wider than one in so many of the photo's columns is no line: a Gaussian's standard deviation."""

NOTHING = np.float32(1e-4)
"""Squared differences, summed over channels, about which nothing can be told."""

DOWN = -0.9
"""Rows a step toward the photo that tell a line that came out of its lower edge from one that came out beside it."""


@dataclass(frozen=True)
class Lines:
    """What runs straight out of a photo's lower edge, a line for each of its n columns."""

    weight: Floats  # (n,) how sure there is one, 0..1
    slope: Floats  # (n,) columns it goes to the right a row up

    def support(self, y: float, x: float, height: int) -> float:
        """How much of what runs on, 0..1, comes from a point, in heights and widths, as much from either side.

        The photo has ``height`` rows.
        """
        count = len(self.weight)
        part = self.weight * np.exp(-np.square(self._missed(y, x, height) / PASS))
        left = np.arange(count) < x * count
        both = min(float(part[left].sum()), float(part[~left].sum()))
        return 2 * both / (float(self.weight.sum()) + FEW * count)

    def through(self, y: float, x: float, height: int) -> Floats:
        """How sure (n,) lines are that come from a point, as far as can be told; see :meth:`support`."""
        return np.where(self._missed(y, x, height) < MISS, self.weight, np.float32(0))

    def _missed(self, y: float, x: float, height: int) -> Floats:
        """How far (n,), in widths, each line misses a point."""
        count = len(self.weight)
        off = np.arange(count) + self.slope * ((1 - y) * height - 0.5) - (x * count - 0.5)
        missed: Floats = (np.abs(off) / count).astype(np.float32)
        return missed

    def come_from(self, photo: Floats) -> tuple[float, float] | None:
        """The point, in heights and widths of the ``photo`` (h, n, 3), that they come from; None if from none."""
        height = len(photo)
        detail = photo - cv2.GaussianBlur(photo, (0, 0), len(self.weight) / SOFT, sigmaY=0.01)
        points = [
            (float(y), float(x))
            for y in np.arange(TOP, BOTTOM, STEPS[0])
            for x in np.arange(LEFT, RIGHT + 1e-6, STEPS[1])
            if self.support(y, x, height) > BY_CHANCE
        ]
        if not points:
            return None
        tried = points
        best = (-np.inf, points[0])
        for part in (*FINER, 0):
            best = max(best, *((self._told(detail, *at), at) for at in tried))
            down, over = (part * step for step in STEPS)
            y, x = best[1]
            tried = [
                (y + dy, x + dx) for dy in (-down, 0, down) for dx in (-over, 0, over) if y + dy < BOTTOM
            ]
        # so near to the edge anything lies upon itself
        return best[1] if best[1][0] < BOTTOM and self._upon(detail, *best[1]) > UPON else None

    def _told(self, detail: Floats, y: float, x: float) -> float:
        """How well a point is told: how far up by what lies upon itself, and from which of many lines by slopes."""
        return max(0.0, self._upon(detail, y, x)) ** 2 * float(np.sqrt(self.support(y, x, len(detail))))

    def _upon(self, detail: Floats, y: float, x: float) -> float:
        """How well, up to 1, ``detail`` (h, n, 3) enlarged about a point lies upon itself where there are lines."""
        height, width = detail.shape[:2]
        rows = max(4, height // STRIP)
        strip, share = detail[height - rows :], 1 / SCALE
        y, x = y * height - 0.5, x * width - 0.5
        matrix = np.array(
            [[share, 0, x * (1 - share)], [0, share, y * (1 - share) + share * (height - rows)]], np.float32
        )
        there = cv2.warpAffine(detail, matrix, (width, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        weight = cv2.dilate(self.weight[None], np.ones((1, 5), np.uint8))
        off = float((np.square(strip - there).sum(2) * weight).sum())
        both = float(((np.square(strip).sum(2) + np.square(there).sum(2) + NOTHING) * weight).sum())
        return 1 - off / max(both, 1e-12)


def below(going: Onward, known: Bools) -> Lines | None:
    """The lines that run out of the lower edge of the ``known`` (h, w) rectangle; None if nothing is below it."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    row = int(rows[-1]) + 1
    if row >= len(known):
        return None
    across = slice(int(columns[0]), int(columns[-1]) + 1)
    way = going.way[row, across]
    weight = np.where(way[:, 0] < DOWN, going.weight[row, across], np.float32(0))
    return Lines(weight, way[:, 1].copy())
