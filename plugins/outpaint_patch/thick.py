"""What the photo's left or right edge cuts that is thick: a branch, a beam, a leaning mast.

It is too thick for straight.py, which sees its outlines alone, and those are rough: bark, light and shade, a knot.
Here semblance is asked of a strip that is softened, and of all in it that is no wider than a branch. Outlines that
rise beyond the edge do not rise for long (a ridge, a rock before the sky); what leans the other way falls down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .straight import FAINT, SLOPES, TIE, Straight, along, blurred, means_along

if TYPE_CHECKING:
    from outpaint_cli.plugin import Floats

BODY = 8
"""How thick it may be: one in so many of the edge's cells, as the standard deviation of a blur."""

BARK = 150
"""What is finer than one in so many of them is not looked at: the same."""

MOSTLY = 0.65, 0.8
"""How straight, 0..1, it has to be to count at all, and in full.

At the slopes that count a branch has 0.82, a table's edge 0.95; a dune's side and leaves have up to 0.75, a cat's
face and rocks 0.6 to 0.7.
"""

ASLANT = 0.35
"""A slope from which it counts: level bands of sky and water need no help to go on."""

WIDER = 2.5
"""Times around as far slopes are told together: both outlines have one."""

NEARLY = 0.6
"""Outlines differ in slope from the whole by no more."""


def thick(strip: Floats, found: Straight, falls: int) -> tuple[Straight, Floats]:
    """Thick things in ``strip`` (n, wide, 3), in which ``found`` is straight, and how sure (n,), 0..1, they run on.

    Those alone whose slopes have the sign of ``falls``, -1 or 1.
    """
    count = len(strip)
    soft = cv2.GaussianBlur(
        np.ascontiguousarray(strip), (0, 0), max(0.5, count / BARK), borderType=cv2.BORDER_REPLICATE
    )
    detail = soft - blurred(soft, count / BODY)
    reach = count / (2 * BODY)
    share, wider = np.full(count, -1, np.float32), np.full(count, -1, np.float32)
    slopes = np.zeros(count, np.float32)
    for slope in SLOPES:
        own, around = _semblance(detail, np.float32(slope), reach)
        share = np.maximum(share, own)
        better = around > wider
        wider[better], slopes[better] = around[better], slope
    low, high = MOSTLY
    sure = np.clip((share - np.float32(low)) / np.float32(high - low), 0, 1)
    mass = sure + np.float32(1e-6)
    slopes = _outlined(blurred(slopes * mass, reach / 2) / blurred(mass, reach / 2), found, 2 * reach)
    colours = along(np.ascontiguousarray(strip), slopes, max(2, strip.shape[1] // 6))[0].mean(1)
    sure *= (np.abs(slopes) > ASLANT) & (falls * slopes > 0)
    return Straight(colours, slopes, share), sure


def _outlined(slopes: Floats, found: Straight, reach: float) -> Floats:
    """The slopes (n,) of the outlines ``found`` near ``slopes`` (n,): a body's own texture may run another way."""
    count = len(slopes)
    steps = np.gradient(blurred(found.colours, count / BARK), axis=0)
    weight = np.square(steps).sum(1) * np.square(np.maximum(found.share, 0)) + np.float32(1e-9)
    weight *= np.abs(found.slopes - slopes) < NEARLY
    told = blurred(weight, reach)
    outlines = blurred(weight * found.slopes, reach) / np.maximum(told, np.float32(1e-12))
    result: Floats = np.where(told > 1e-9, outlines, slopes).astype(np.float32)
    return result


def _semblance(detail: Floats, slope: np.float32, reach: float) -> tuple[Floats, Floats]:
    """How straight (n,) ``detail`` (n, wide, 3) is along a ``slope`` within ``reach`` cells, and WIDER times around.

    -1 where that leads out of it.
    """
    mean, off, told = means_along(detail, np.full(len(detail), slope, np.float32))
    fine = told.astype(np.float32)
    mass: Floats = np.maximum(blurred(fine, reach), np.float32(1e-6))
    squares = blurred(np.square(mean) * fine[:, None], reach) / mass[:, None]
    means = blurred(mean * fine[:, None], reach) / mass[:, None]
    across: Floats = np.maximum((squares - np.square(means)).mean(-1), 0)
    within: Floats = blurred(off * fine, reach) / mass
    results = []
    for a, w in (
        (across, within),
        (blurred(across * fine, WIDER * reach), blurred(within * fine, WIDER * reach)),
    ):
        share = a / (a + w + FAINT) - TIE * np.abs(slope)
        results.append(np.where(told, share, np.float32(-1)).astype(np.float32))
    return results[0], results[1]
