"""Cells choose again among a few sources each, by how visible the joins between them would be.

The Potts cost of agree.py charges every join alike; an eye does not. Two stretches that meet within the same
sky join for free, a scrap of sky before a wall shows all around. Here a join costs what the two sources differ
on both sides of it (Kwatra et al. 2003, Graphcut textures, equation 1). Every cell has its own few candidates,
so that messages stay small (Komodakis and Tziritas 2007, Image completion using efficient belief propagation
via priority scheduling and dynamic pruning; Besse et al. 2014, PMBP: PatchMatch belief propagation).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .agree import BACK, PAIRS

if TYPE_CHECKING:
    from .search import Bools, Floats, Ints


PERIOD = 6
"""Cells: stripes and tiles repeated at so small a period, or a smaller one, show as such."""


@dataclass(frozen=True)
class Joins:
    """What it costs where neighbouring cells have different offsets."""

    difference: float  # a squared difference of colours along the join
    straight: float  # times that if the join is the photo's edge, a straight line
    any: float  # every join
    stamp: float  # a join at which what was copied a few cells ago is copied again


def cut(
    offsets: NDArray[np.int64],
    data: Floats,
    known: Bools,
    free: Bools,
    atlas: Floats,
    joins: Joins,
    threads: int = 1,
    rounds: int = 16,
    again: Callable[[Ints], Floats] | None = None,
) -> Ints:
    """Which of its candidates 0..c-1 each ``free`` cell (h, w) takes.

    ``offsets`` (c, h, w) lead from a cell's number into ``atlas`` (n, 3) and cost ``data`` (c, h, w) there.
    ``known`` cells keep what they have; those that are neither known nor free do not matter. What candidates cost
    ``again`` (c, h, w), on top, is asked once they have been chosen, and they are chosen again. How many ``threads``
    there are changes no sum.
    """
    offsets = np.where(known, 0, offsets)
    data = np.where(free, data, np.float32(0))
    with ThreadPoolExecutor(min(threads, 4)) as pool:
        tables = list(pool.map(lambda axis: _joins(offsets, known, free, atlas, joins, axis), (1, 0)))
        messages = np.zeros((4, *data.shape), np.float32)
        total = data

        def send(direction: int) -> Floats:
            toward = (total - messages[BACK[direction]])[PAIRS[direction][1]]
            table = tables[direction // 2]  # of the cell before along the axis, and of the one after
            if direction % 2:
                table = table.swapaxes(0, 1)
            sent: Floats = toward[0] + table[0]
            further = np.empty_like(sent)
            # one table at a time stays in the cache
            for own, costs in zip(toward[1:], table[1:], strict=True):
                np.minimum(sent, np.add(own, costs, out=further), out=sent)
            sent -= sent.min(0)
            return sent

        for turn in range(rounds if again is None else 2 * rounds):
            if again is not None and turn == rounds:
                data = data + again(total.argmin(0).astype(np.int32))
                messages[:] = 0  # what has been agreed on would be hard to give up
                total = data
            for direction, sent in enumerate(list(pool.map(send, range(4)))):
                messages[direction] *= np.float32(0.5)
                messages[direction][PAIRS[direction][0]] += np.float32(0.5) * sent
            total = data + messages.sum(0)
    best: Ints = total.argmin(0).astype(np.int32)
    return best


def _joins(
    offsets: NDArray[np.int64], known: Bools, free: Bools, atlas: Floats, joins: Joins, axis: int
) -> Floats:
    """What it costs (c, c, ...) if a cell takes its candidate a and the next along ``axis`` its candidate b."""
    height, width = known.shape
    cells = np.arange(height * width, dtype=np.int64).reshape(height, width)
    before = tuple(slice(None, -1) if i == axis else slice(None) for i in range(2))
    after = tuple(slice(1, None) if i == axis else slice(None) for i in range(2))
    part = free | known
    matters = part[before] & part[after] & (free[before] | free[after])
    a, b = offsets[(slice(None), *before)][:, None], offsets[(slice(None), *after)][None]
    total = np.zeros((len(offsets), len(offsets), *matters.shape), np.float32)
    for place, other in ((before, after), (after, before)):
        # a known cell's source has nothing on the other side of the photo's edge: its own side counts twice
        share = np.where(known[other], 0, np.where(known[place], 2 * joins.straight, 1)) * matters
        scale = np.sqrt(share * (joins.difference / 3), dtype=np.float32)[..., None]
        of_a = atlas[np.clip(a + cells[place], 0, len(atlas) - 1)] * scale
        of_b = atlas[np.clip(b + cells[place], 0, len(atlas) - 1)] * scale
        for channel in range(3):
            step = of_a[..., channel] - of_b[..., channel]
            total += np.square(step, out=step)
    total += np.float32(joins.any) * ((a != b) & matters)
    total += np.float32(joins.stamp) * (_repeats(b - a, axis, width) & matters)
    return total


def _repeats(steps: NDArray[np.int64], axis: int, width: int) -> Bools:
    """Where ``steps`` from one offset to the next along ``axis`` lead back to what has just been copied.

    A row more or less, or a column where the axis is down, makes no difference to the eye.
    """
    down = (steps + width // 2) // width
    over = steps - down * width
    along, across = (over, down) if axis == 1 else (down, over)
    repeats: Bools = (along < 0) & (along >= -PERIOD) & (np.abs(across) <= 1)
    return repeats
