"""Neighbouring cells agree on offsets: loopy belief propagation over the offsets that most cells ask for.

Each cell's own best source makes a mosaic in which few sources are stamped again and again. A few frequent
offsets, of which every cell takes the one that suits it and its neighbours, copy whole stretches of the
photo instead (He and Sun 2012, Statistics of patch offsets; Pritch et al. 2009, Shift-map image editing).
A cell that none of them suits may keep its own, alone among its neighbours: made to choose among offsets that
suit most of the others, it would take the end of a path into the sky. Their graph cut needs a solver of its
own; min-sum messages with a Potts cost are plain array work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .search import Targets, distances

if TYPE_CHECKING:
    from .search import Floats, Ints, Sources

IMPOSSIBLE = np.float32(1e3)
"""Stands for the cost of an offset that leads out of the photo."""

BACK = (1, 0, 3, 2)
"""The direction opposite to each of: from the left, right, above, below."""


def agree(
    numbers: Ints,
    cost: Floats,
    targets: Targets,
    sources: Sources,
    weight: float,
    offsets: int,
    rounds: int = 16,
) -> Floats:
    """Give ``targets`` the offsets that suit them and their neighbours; ``numbers`` (h, w) changes in place.

    ``cost`` (n,) is the distance of each target to its source now, ``weight`` what two neighbours of different
    offsets cost, ``offsets`` how many of the most frequent ones there are to choose from. Returns the new
    costs (n,).
    """
    height, width = sources.shape
    flat, cells = numbers.reshape(-1), targets.where
    kinds, counts = np.unique(flat[cells] - cells, return_counts=True)
    kinds = kinds[np.argsort(-counts, kind="stable")[:offsets]]
    data = np.zeros((len(kinds) + 1, height * width), np.float32)
    for row, kind in zip(data[:-1], kinds, strict=True):
        found = sources.lookup((cells + kind).astype(np.int32))
        row[cells] = np.minimum(distances(targets, sources, found), IMPOSSIBLE)
    data[-1, cells] = cost
    inside = np.zeros(height * width, np.float32)
    inside[cells] = 1
    belief = _propagate(data.reshape(-1, height, width), inside.reshape(height, width), weight, rounds)
    best = belief.reshape(len(data), -1)[:, cells].argmin(0)
    common = best < len(kinds)
    flat[cells[common]] = cells[common] + kinds[best[common]]
    chosen: Floats = data[best, cells]
    return chosen


def _propagate(data: Floats, inside: Floats, weight: float, rounds: int) -> Floats:
    """Beliefs (k, h, w) after ``rounds`` of damped min-sum messages; cells that are not ``inside`` send none.

    The last of the k is another offset in each cell: it agrees with none.
    """
    messages = np.zeros((4, *data.shape), np.float32)
    total, sent = np.empty_like(data), np.empty_like(data)
    for _ in range(rounds):
        np.add(data, messages.sum(0, out=total), out=total)
        for direction in range(4):
            # in place: tables are large, and to ask for memory anew takes longer than to add
            np.subtract(total, messages[BACK[direction]], out=sent)
            low = sent.min(0)
            np.minimum(sent, low + np.float32(weight), out=sent)
            sent -= low
            sent[-1] = weight
            sent *= np.float32(0.5) * inside
            into = messages[direction]
            into *= np.float32(0.5)
            to, of = PAIRS[direction]
            into[to] += sent[of]
    result: Floats = data + messages.sum(0)
    return result


_ALL = slice(None)
_NEXT, _LAST = slice(1, None), slice(None, -1)
PAIRS = (
    ((_ALL, _ALL, _NEXT), (_ALL, _ALL, _LAST)),
    ((_ALL, _ALL, _LAST), (_ALL, _ALL, _NEXT)),
    ((_ALL, _NEXT, _ALL), (_ALL, _LAST, _ALL)),
    ((_ALL, _LAST, _ALL), (_ALL, _NEXT, _ALL)),
)
"""For each direction, the slices of the cells that a message reaches, and of those that send it."""
