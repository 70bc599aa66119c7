"""Which pixels are known: seeded masks for training. Every mask is bool (height, width), True = known."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]


def border(height: int, width: int, left: float, top: float, right: float, bottom: float) -> Bools:
    """Unknown margins, each a share (0..1) of the picture's width or height."""
    known = np.zeros((height, width), np.bool_)
    known[
        round(top * height) : height - round(bottom * height),
        round(left * width) : width - round(right * width),
    ] = True
    return known


def centre(height: int, width: int, share: float = 2 / 3) -> Bools:
    """The middle is known: ``share`` of each side, as in van Hoorick 2019 (128 of 192 pixels)."""
    margin = (1 - share) / 2
    return border(height, width, margin, margin, margin, margin)


def random_border(rng: np.random.Generator, height: int, width: int) -> Bools:
    """Outer borders as they are asked for: all four sides, one, two opposite ones, or any."""
    kind = rng.random()
    sides = np.zeros(4)
    if kind < 0.45:
        sides = rng.uniform(0.07, 0.23, 4)
    elif kind < 0.6:
        sides[rng.integers(4)] = rng.uniform(0.05, 0.4)
    elif kind < 0.75:
        first = int(rng.integers(2))
        sides[[first, first + 2]] = rng.uniform(0.05, 0.25, 2)
    else:
        sides = rng.uniform(0.02, 0.3, 4) * (rng.random(4) < 0.6)
    if not sides.any():
        sides[:] = 1 / 6
    known = border(height, width, *(float(side) for side in sides))
    return known if not known.all() else centre(height, width)
