"""Some cells beyond the frame, so that what is at its edge has whole patches around it, too.

Cells nearer to the frame's edge than a patch reaches would only be carried along with others further in, and at the
coarsest levels that is a good part of the picture: a strip of something else along its edge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .expected import Expected
from .pyramid import Level

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints
    from .stage import Completed

SHARE = 0.02
"""Of the frame's longer side, at each side on which nothing is known."""


@dataclass(frozen=True)
class Margin:
    """Cells beyond each side of the frame."""

    top: int
    bottom: int
    left: int
    right: int

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width with it of a frame of ``height`` by ``width`` cells."""
        return height + self.top + self.bottom, width + self.left + self.right

    def around(self, plane: Floats) -> Floats:
        """``plane`` (h, w, ...) with it, going on as at its edge."""
        sides = (self.top, self.bottom, self.left, self.right)
        result: Floats = cv2.copyMakeBorder(plane, *sides, cv2.BORDER_REPLICATE)
        return result

    def inside(self, plane: NDArray[Any]) -> NDArray[Any]:
        """``plane`` (h, w, ...) without it."""
        height, width = plane.shape[:2]
        return plane[self.top : height - self.bottom, self.left : width - self.right]

    def coarsely(self, plane: Floats, height: int, width: int) -> Floats:
        """``plane`` (p, q, c) of a frame of ``height`` by ``width`` cells, each of its own many of them, with it."""
        p, q, channels = plane.shape
        tall, wide = self.shape(height, width)
        rows, columns = round(p * tall / height), round(q * wide / width)
        # from the middle of each of its places to the same place without a margin
        down, across = p / height * tall / rows, q / width * wide / columns
        way = np.array(
            (
                (across, 0, 0.5 * across - self.left * q / width - 0.5),
                (0, down, 0.5 * down - self.top * p / height - 0.5),
            )
        )
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        parts = [
            cv2.warpAffine(part, way, (columns, rows), flags=how, borderMode=cv2.BORDER_REPLICATE)
            for part in (plane[..., start : start + 4] for start in range(0, channels, 4))
        ]
        return np.concatenate([part.reshape(rows, columns, -1) for part in parts], -1)

    def expected(self, found: Expected, height: int, width: int) -> Expected:
        """What is ``found`` to be expected in a frame of ``height`` by ``width`` cells, with it."""
        demand, definite = found.demand, found.definite
        return Expected(
            [self.coarsely(plane, height, width) for plane in found.planes],
            None if demand is None else self.coarsely(demand[..., None], height, width)[..., 0],
            None if definite is None else self.around(definite),
        )

    def level(self, level: Level) -> Level:
        """``level``, none of whose margin is known."""
        sides = (self.top, self.bottom, self.left, self.right)
        known = cv2.copyMakeBorder(level.known.astype(np.uint8), *sides, cv2.BORDER_CONSTANT, value=0)
        return Level(self.around(level.image), known > 0, tuple(self.level(guide) for guide in level.guides))

    def without(self, found: Completed) -> Completed:
        """``found`` for the frame alone: its cells are numbered anew."""
        level = self.bare(found.level)
        return replace(
            found,
            level=level,
            numbers=self._renumbered(self.inside(found.numbers), found.level, level),
            held=self.inside(found.held),
            tones=None if found.tones is None else self.inside(found.tones),
            light=None if found.light is None else self.inside(found.light),
        )

    def bare(self, level: Level) -> Level:
        """``level`` without it."""
        guides = tuple(self.bare(guide) for guide in level.guides)
        return Level(self.inside(level.image), self.inside(level.known), guides)

    def _renumbered(self, numbers: Ints, before: Level, after: Level) -> Ints:
        """Atlas ``numbers`` of ``before`` as those of ``after``, without the margin; see Level.atlas."""
        planes = 1 + len(before.guides)
        (h, w), (tall, wide) = before.shape, after.shape
        bank, place = np.divmod(numbers, planes * h * w)
        plane, cell = np.divmod(place, h * w)
        y, x = np.divmod(cell, w)
        y -= np.where(bank == 2, self.bottom, self.top)
        x -= np.where(bank == 1, self.right, self.left)
        result: Ints = (((bank * planes + plane) * tall + y) * wide + x).astype(np.int32)
        return result


def margin(known: Bools) -> Margin:
    """What goes around a frame of which cells (h, w) are ``known``."""
    cells = max(1, round(SHARE * max(known.shape)))
    edges = (known[0], known[-1], known[:, 0], known[:, -1])
    return Margin(*(0 if edge.any() else cells for edge in edges))
