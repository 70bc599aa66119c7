"""What is unlike the rest of the photo is not to be seen twice, but what its edge cuts is to go on.

After Goferman et al. 2010 (Context-aware saliency detection), whose distance to the nearest others search.alone
takes. A face is far from all else, and so are the hills at the photo's edge: a second face is wrong, hills that go
on are not. What tells them apart is where they are, at the edge or amid the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from .search import Bools, Floats


def excess(rarity: Floats) -> Floats:
    """By how much (h, w) what is in each cell is rarer than most; ``rarity`` is 0 where it is not told."""
    told = rarity > 0
    usual = np.float32(np.median(rarity[told]) if told.any() else 0)
    result: Floats = np.maximum(rarity - usual, 0).astype(np.float32)
    return result


def amid(known: Sequence[Bools], reach: float) -> Floats:
    """How much (p h, w) cells of the planes ``known`` (h, w) are amid them: 0 at an edge, 1 from ``reach`` on."""
    inside = [cv2.distanceTransform(plane.astype(np.uint8), cv2.DIST_L2, 5) for plane in known]
    result: Floats = np.clip(np.concatenate(inside) / np.float32(reach), 0, 1).astype(np.float32)
    return result
