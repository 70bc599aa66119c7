"""What lies far outside is not to be of the same few patches, over and over, but of all that would do there.

Far from the photo every place looks for much the same, and the best answer to the same question is always the same:
one tuft of grass in rows. So places and sources are given addresses by chance, smooth and independent of each
other, and where little else tells sources apart a place prefers those of an address near its own. Neighbouring
places then prefer different sources, and every source is preferred somewhere. Efros and Freeman (2001, Image
quilting, section 2.1) choose by chance among all that fit about as well; an address is weighed against the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from .search import Bools, Floats

NUMBERS = 4
"""Of an address: with fewer most addresses are alike."""

LONG = 96
"""Addresses along the frame's longer side that are drawn; in between they are interpolated."""

GRAIN = 0.025
"""How smooth they are: the standard deviation of a Gaussian, in longer sides."""


def addresses(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Addresses (2, h, w, NUMBERS) for the places and for the sources of a frame; any level's fit it.

    Squared distances between the two have a mean of 1.
    """
    share = LONG / max(height, width)
    h, w = (max(4, round(side * share)) for side in (height, width))
    planes = []
    for _ in range(2):
        noise = rng.normal(size=(h, w, NUMBERS)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), GRAIN * LONG, borderType=cv2.BORDER_REFLECT)
        smooth = (smooth - smooth.mean((0, 1))) / np.maximum(smooth.std((0, 1)), np.float32(1e-6))
        planes.append(smooth / np.float32(np.sqrt(2 * NUMBERS)))
    return np.stack(planes)


def addressed(drawn: Floats, known: Bools, guides: int) -> Floats:
    """``drawn`` for each cell (p h, w, NUMBERS): sources' where ``known`` (h, w) and in guides, else places'."""
    height, width = known.shape
    there, here = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in drawn)
    frame = np.where(known[..., None], here, there)
    result: Floats = np.concatenate([frame, *[here] * guides])
    return result
