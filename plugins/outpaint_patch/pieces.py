"""A small piece of the photo whose border shows is a scrap, and gives way to what is around it.

Where joins show is what cut.py counts, but it moves them cell by cell: a scrap that would have to go as a whole has
as long a border wherever that is moved to, and stays. So what its border costs is shared out among its cells, and
they are chosen again. (A move of a whole label at a time, as in Boykov et al. 2001, Fast approximate energy
minimization via graph cuts, would find that too, and needs a solver.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .cut import Joins, joint_costs

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints

SMALL = 0.03
"""Share of the frame up to which a piece is small; one of twice that is not."""


def scraps(steps: NDArray[np.int64], known: Bools, free: Bools, atlas: Floats, joins: Joins) -> Floats:
    """What the border of the piece that each ``free`` cell (h, w) is of costs, a cell of it; 0 in large pieces.

    ``steps`` (h, w) lead from a cell's number into ``atlas`` (n, 3). ``joins`` tell what differences cost; here a
    join is no worse for being the ``known`` cells' edge.
    """
    seen = replace(joins, straight=1, any=0, stamp=0)
    steps = np.where(known, 0, steps)
    label = pieces(steps, free)
    count = int(label.max()) + 1
    border = np.zeros(count)
    for axis in range(2):
        cost = joint_costs(steps[None], known, free, atlas, seen, axis)[0, 0]
        for part in (slice(None, -1), slice(1, None)):
            side = label[part] if axis == 0 else label[:, part]
            border += np.bincount(side.ravel(), cost.ravel(), count)
    area = np.maximum(np.bincount(label.ravel(), minlength=count), 1)
    small = np.clip(2 - area / (SMALL * label.size), 0, 1)
    each = (border / area * small).astype(np.float32)
    each[0] = 0
    result: Floats = each[label]
    return result


def pieces(steps: NDArray[np.int64], free: Bools) -> Ints:
    """Numbers (h, w) of the pieces of ``free`` cells, side by side and of the same ``steps`` (h, w); elsewhere 0."""
    height, width = free.shape
    # cells, and between them whether they are of one piece: for OpenCV, which tells pieces of one colour
    links = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    links[::2, ::2] = free
    links[1::2, ::2] = free[:-1] & free[1:] & (steps[:-1] == steps[1:])
    links[::2, 1::2] = free[:, :-1] & free[:, 1:] & (steps[:, :-1] == steps[:, 1:])
    label: Ints = cv2.connectedComponents(links, connectivity=4)[1][::2, ::2]
    return label
