"""What a cell may choose from: its own source, those that its neighbours go by, and the photo's continuation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .agree import IMPOSSIBLE
from .layout import nearest_of
from .search import NEIGHBOURS, Sources, Targets, distances

if TYPE_CHECKING:
    from .search import Bools, Floats, Ints

JUMPS = (1, 3, 8)
"""How far away, in cells, neighbours are asked."""


def offers(
    numbers: Ints,
    targets: Targets,
    sources: Sources,
    known: Bools,
    going: tuple[Ints, Ints],
    radius: int,
    common: int,
    keep: int,
) -> tuple[NDArray[np.int64], Floats]:
    """Offsets (keep, n) from the ``targets``' cells, and what they cost there (keep, n).

    Asked are the cell itself, its neighbours a few cells away in the map ``numbers`` (h, w), the ``common``
    most frequent offsets of all, and ``going``: cells at the photo's edge and the offsets at which the photo
    goes on there; each cell hears the one nearest to it. The last and its own stay; of the others the cheapest.
    """
    cells = targets.where
    flat = numbers.reshape(-1)
    own = flat[cells] - cells
    ahead = _nearest(going, known.shape)[cells]
    steps = [own, ahead, *_beside(numbers, cells, own, known, radius)]
    kinds, counts = np.unique(own[~known.ravel()[cells]], return_counts=True)
    kinds = kinds[np.argsort(-counts, kind="stable")[:common]]
    steps += [np.full(len(cells), kind) for kind in kinds]
    table = np.stack(steps).astype(np.int64)
    cost = np.stack([_cost(targets, sources, cells + step) for step in table])
    rank = np.where(_again(table), 2 * IMPOSSIBLE, cost)
    rank[0] = -2
    rank[1] = np.where(rank[1] < IMPOSSIBLE, -1, rank[1])
    best = np.argsort(rank, 0, kind="stable")[:keep]
    return np.take_along_axis(table, best, 0), np.take_along_axis(cost, best, 0)


def _nearest(going: tuple[Ints, Ints], shape: tuple[int, int]) -> Ints:
    """For each cell (h * w,) the second of ``going`` of the nearest of the first; 0 if there are none."""
    cells, offsets = going
    mark, step = np.zeros(shape, np.bool_), np.zeros(shape[0] * shape[1], np.int32)
    mark.ravel()[cells] = True
    step[cells] = offsets
    nearest: Ints = step[nearest_of(mark).ravel()]
    return nearest


def _beside(numbers: Ints, cells: Ints, own: Ints, known: Bools, radius: int) -> list[Ints]:
    """The offsets that the unknown ones among each cell's neighbours go by, else its ``own``."""
    height, width = known.shape
    y, x = cells // width, cells % width
    flat, seen = numbers.reshape(-1), known.ravel()
    found = []
    for jump in JUMPS:
        for dy, dx in NEIGHBOURS[:4]:
            ny = np.clip(y + dy * jump, radius, height - 1 - radius)
            nx = np.clip(x + dx * jump, radius, width - 1 - radius)
            beside = ny * width + nx
            found.append(np.where(seen[beside], own, flat[beside] - beside).astype(np.int32))
    return found


def _cost(targets: Targets, sources: Sources, numbers: NDArray[np.int64]) -> Floats:
    """What atlas ``numbers`` (n,) cost the targets, IMPOSSIBLE where that is no source."""
    cost: Floats = np.minimum(
        distances(targets, sources, sources.lookup(numbers.astype(np.int32))), IMPOSSIBLE
    )
    return cost


def _again(table: NDArray[np.int64]) -> Bools:
    """Which entries of each column of ``table`` (m, n) stand further up in it already."""
    order = np.argsort(table, 0, kind="stable")
    ranked = np.take_along_axis(table, order, 0)
    again: Bools = np.zeros(table.shape, bool)
    np.put_along_axis(again, order[1:], ranked[1:] == ranked[:-1], 0)
    return again
