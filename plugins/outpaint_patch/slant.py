"""How far what is around a place leans one way.

Turned over, what runs level or upright stays as it is, and so does what leans all ways. What leans one way only,
furrows down a hill, a wave's crest, a lattice mast, leans the other way: beside itself it makes a V, and an axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .pyramid import local_mean

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .pyramid import Level

REACH = 0.03
"""Over what share of the longer side of a level leaning is measured: a Gaussian's standard deviation."""

FAINT = np.float32(2e-5)
"""Squared slope of colours, summed over channels, a cell (0..1 a cell), that counts as little as none."""


def slant(image: Floats, known: Bools, spread: float) -> Floats:
    """-1..1 (h, w): 1 where all edges of ``image`` (h, w, 3) rise to the right at 45 degrees, -1 where they fall.

    Twice the mixed entry of the structure tensor (Bigun and Granlund 1987) by its trace, over a Gaussian of a
    ``spread`` in cells, of what is ``known``. 0 where edges are level or upright, lean all ways or are faint.
    """
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(np.float32)
    across, down = (cv2.Sobel(image, cv2.CV_32F, *axis) / np.float32(8) for axis in ((1, 0), (0, 1)))
    planes = ((across * down).sum(2), (np.square(across) + np.square(down)).sum(2), np.ones_like(inside))
    mixed, trace, mass = (cv2.GaussianBlur(plane * inside, (0, 0), spread) for plane in planes)
    # rows count downward: where both slopes are of one sign, level lines rise to the right
    result: Floats = 2 * mixed / (trace + FAINT * mass + np.float32(1e-9))
    return result


def leaning(level: Level) -> Floats:
    """How much (p h, w), 0..1, leans one way in each cell of ``level`` and its guides: the squared slant.

    Of outlines and texture: how light falls off is no line, and looks no different the other way about. What is
    never turned over, enlargements, has 0.
    """
    spread = max(1.0, REACH * max(level.shape))
    planes = []
    for plane in (level, *level.guides)[: level.photos]:
        relief = plane.image - local_mean(plane.image, plane.known, spread)
        planes.append(slant(relief, plane.known, spread))
    enlarged = len(level.guides) + 1 - level.photos
    result: Floats = np.square(np.concatenate([*planes, *enlarged * [np.zeros_like(planes[0])]]))
    return result
