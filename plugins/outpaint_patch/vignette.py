"""How much darker the photo gets toward its edges, where its lens or its author made it so.

What is copied to places beyond the photo's edge would get lighter again from there on, and the darker rim would
stand as a frame in the middle of the picture. So patches are sought and joined in the evened-out photo, and what
comes of it is darkened as the photo is at its edge. Scenes get darker toward one side or another; what a
vignette darkens gets darker outward on nearly all sides at once (after Zheng et al. 2008, Single-image
vignetting correction using radial gradient symmetry). Where its rings are of another shape than ours, some of the
fall is missed (a third, of square ones), and a trace of the frame is left.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .pyramid import push_pull

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

LONG = 96
"""Pixels along the photo's long side at which its light is looked at."""

EDGES = np.linspace(0.4, 1.1, 8)
"""Rings, as distances from the centre: 1 at the middle of each side; corners, at 1.19, are left out."""

SECTORS = 16
"""In each of which a ring has its own say."""

AGREE = 0.85
"""Share of the sectors in which a ring must get darker outward."""

ROUND = 4.0
"""Exponent of the superellipses that rings are: between those of a lens and a retoucher's rounded frame."""

DARK = np.float32(0.03)
"""Added to light before its logarithm is taken: noise in the shadows is not to count."""

MOST = 0.5
"""The largest fall of the logarithm from centre to edge that is taken for a vignette."""


def vignette(image: Floats, known: Bools) -> Floats | None:
    """Share (0..1) of light left at each cell (h, w) of the frame; beyond the photo, that of its nearest edge.

    ``image`` float32 (h, w, 3), sRGB 0..1. None where there is no vignette or the ``known`` part is no rectangle.
    """
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if not len(rows):
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if not known[box].all() or min(len(rows), len(columns)) < 16:
        return None
    falls = _falls(image[box])
    if not falls.any():
        return None
    y = _unit(np.arange(known.shape[0]), rows)
    x = _unit(np.arange(known.shape[1]), columns)
    fall: Floats = np.interp(_distance(y, x), EDGES, np.concatenate(((0,), np.cumsum(falls)))).astype(
        np.float32
    )
    fall = np.maximum(fall, np.float32(-MOST))
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    beyond = push_pull(fall[..., None], (known & ~inner).astype(np.float32))[..., 0]
    share: Floats = np.exp(np.where(known, fall, beyond)).astype(np.float32)
    return share


def even(image: Floats, known: Bools, light: Floats, reach: float) -> Floats:
    """``image`` (h, w, 3) without its vignette: ``light`` (h, w) is what that leaves.

    A guess goes on from the photo's dark rim, but from ``reach`` long sides outward it knows of no vignette.
    """
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    away = np.minimum(away / np.float32(reach * max(known.shape)), 1)
    evened: Floats = (image / np.power(light, 1 - away)[..., None]).astype(np.float32)
    return evened


def _unit(place: NDArray[np.intp], span: NDArray[np.intp]) -> Floats:
    """``place`` in units of half the ``span`` of the photo from its middle, -1..1, clipped to it."""
    unit = (place - span[0] + 0.5) / len(span) * 2 - 1
    clipped: Floats = np.clip(unit, -1, 1).astype(np.float32)
    return clipped


def _distance(y: Floats, x: Floats) -> Floats:
    """Distance (h, w) from the centre, 1 at the middle of each side."""
    total = np.abs(y[:, None]) ** ROUND + np.abs(x[None]) ** ROUND
    distance: Floats = np.power(total, 1 / ROUND).astype(np.float32)
    return distance


def _falls(photo: Floats) -> Floats:
    """How much the logarithm of light changes (<= 0) across each ring of ``photo`` (h, w, 3); 0 but in a vignette."""
    share = LONG / max(photo.shape[:2])
    size = tuple(max(8, round(side * share)) for side in photo.shape[1::-1])
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    light = cv2.GaussianBlur(np.log(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) + DARK), (0, 0), 1)
    height, width = light.shape
    y, x = _unit(np.arange(height), np.arange(height)), _unit(np.arange(width), np.arange(width))
    distance = _distance(y, x)
    (down, across), (out_y, out_x) = np.gradient(light), np.gradient(distance)
    slope = (down * out_y + across * out_x) / np.maximum(out_y**2 + out_x**2, 1e-9)
    angle = np.arctan2(*np.meshgrid(y, x, indexing="ij"))
    sector = ((angle + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    falls = np.zeros(len(EDGES) - 1, np.float32)
    outermost = int(np.searchsorted(EDGES, 0.95)) - 1
    rings = list(pairwise(EDGES))
    for way in (range(outermost, -1, -1), range(outermost + 1, len(rings))):
        for number in way:
            low, high = rings[number]
            ring = (distance >= low) & (distance < high)
            slopes = [slope[ring & (sector == k)] for k in range(SECTORS)]
            each = np.array([np.median(some) for some in slopes if len(some) >= 4])
            if len(each) < 3 or (each < 0).mean() < AGREE:
                break
            falls[number] = min(float(np.median(each)), 0) * (high - low)
        if not falls[outermost]:
            break
    return falls
