"""Nearest sources: exact by matrix products at coarse sizes, by propagation along the map at finer ones.

A *source* is a place whose whole patch is known, in the picture, in a guide or in their mirror images, left
to right or, near edges where a reflection would go on from it, upside down. The *sheet* is the picture with
the planes of the p - 1 guides below it; a source's number in the *atlas* is ``bank * p * h * w + y * w + x``
with bank 0 the sheet, bank 1 its left-right mirror image and bank 2 its planes upside down, so that a step in
the atlas is the same step in the picture and mirrored sources need no special care. A *map* holds for each
cell the atlas number of its source (Barnes et al. 2009, PatchMatch, call it the nearest neighbour field).
The last planes of the sheet may be enlargements of the picture (nearer.py): those are not searched, each of their
cells is a source for its own place alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


MOST_PAIRS = 150_000_000
"""Of targets and sources compared in one exact search; beyond it, it looks at a sample of the sources."""


@dataclass
class Sources:
    """All places to copy from at one level. ``rows`` maps atlas numbers to rows of ``features``, -1 for
    none.
    """

    shape: tuple[int, int]
    where: Ints  # (n,) atlas numbers
    rows: Ints  # (3 p h w,)
    features: Floats  # (n, f)
    penalty: Floats  # (n,) added to every distance
    sought: Ints | None = None  # rows that a search looks at; None: all

    def lookup(self, numbers: Ints) -> Ints:
        """Rows of atlas ``numbers``; -1 where there is no source."""
        inside = (numbers >= 0) & (numbers < len(self.rows))
        return np.where(inside, self.rows[np.where(inside, numbers, 0)], -1).astype(np.int32)


@dataclass
class Targets:
    """Cells that look for a source. ``weights`` (n, f) says how much each feature counts at each of them."""

    where: Ints  # (n,) cell numbers y * w + x
    features: Floats  # (n, f)
    weights: Floats  # (n, f)


def alone(codes: Floats, y: Ints, x: Ints, reach: int, alike: float) -> Floats:
    """How unlike the rest each patch (n, components) is: its distance (n,) to the k-th nearest of the others.

    k is the share ``alike`` of all patches. Those within ``reach`` cells overlap it and don't count. Sky and
    leaves recur and get little; a face, a sign, a flower on its own are far from all else, and a second one
    would be noticed (after Goferman et al. 2010, Context-aware saliency detection).
    """
    some = np.arange(0, len(codes), max(1, len(codes) // 5000))
    square = np.square(codes).sum(1)
    kth = min(int(len(some) * alike), len(some) - 1)
    result = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), 1024):
        a = slice(start, start + 1024)
        # no product of matrices: in the last digits BLAS's depend on how many threads there are
        table = square[a, None] + square[None, some] - 2 * np.einsum("ac,bc->ab", codes[a], codes[some])
        near = (np.abs(y[a, None] - y[None, some]) <= reach) & (np.abs(x[a, None] - x[None, some]) <= reach)
        table[near] = np.inf
        result[a] = np.partition(table, kth, 1)[:, kth]
    finite = np.isfinite(result)
    result[~finite] = result[finite].max() if finite.any() else 0
    return np.maximum(result, 0)


def distances(targets: Targets, sources: Sources, rows: Ints) -> Floats:
    """Squared weighted distance of every target to the source in ``rows`` (n,); infinite where that is -1."""
    total = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), 16384):
        piece = slice(start, start + 16384)
        row = rows[piece]
        step = sources.features.take(np.maximum(row, 0), 0)
        step -= targets.features[piece]
        np.square(step, out=step)
        total[piece] = np.einsum("nf,nf->n", step, targets.weights[piece])
        total[piece] += sources.penalty[np.maximum(row, 0)]
        total[piece][row < 0] = np.inf
    return total


def uncommon(rarity: Floats, regular: float = 0.0) -> Floats:
    """``rarity`` as a share 0..1, of the same shape: a half where it is as usual, 0 where it is not known (0).

    Where all recurs, as in stripes, what is usual is next to nothing; it is taken to be ``regular`` at least.
    """
    known = rarity > 0
    usual = np.square(np.float32(np.median(rarity[known]) if known.any() else 1)) + np.float32(regular**2)
    share: Floats = np.square(rarity) / (np.square(rarity) + usual)
    return share


def nearest(
    targets: Targets,
    sources: Sources,
    rng: np.random.Generator,
    check: Callable[[], None],
    threads: int = 1,
) -> tuple[Ints, Floats]:
    """The row of the exact nearest source of every target, and its distance.

    sum w (t - s)^2 = sum w t^2 + [-2 w t, w, 1] . [s, s^2, penalty]: one matrix product a block of targets.
    Blocks are shared out among ``threads``; how many there are changes no sum.
    """
    count = len(targets.where)
    some = np.arange(len(sources.where), dtype=np.int32) if sources.sought is None else sources.sought
    if count * len(some) > MOST_PAIRS:
        some = np.sort(rng.choice(some, max(1, MOST_PAIRS // count), replace=False))
    chosen = sources.features[some]
    keys = np.concatenate((chosen, np.square(chosen), sources.penalty[some, None]), 1).T
    keys = np.ascontiguousarray(keys)
    best = np.empty(count, np.int32)
    cost = np.empty(count, np.float32)
    step = max(16, min(2048, (16 << 20) // len(some)))
    ones = np.ones((step, 1), np.float32)

    def work(start: int) -> None:
        t, w = targets.features[start : start + step], targets.weights[start : start + step]
        table = np.concatenate((-2 * w * t, w, ones[: len(t)]), 1) @ keys
        chosen = table.argmin(1)
        best[start : start + step] = some[chosen]
        least = np.take_along_axis(table, chosen[:, None], 1)[:, 0]
        cost[start : start + step] = least + np.einsum("nf,nf,nf->n", w, t, t)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(0, count, step)):
            check()
    return best, np.maximum(cost, 0)


NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


def disagreement(numbers: Ints, cells: Ints, offered: Ints, shape: tuple[int, int]) -> Floats:
    """Share (0..1) of the eight neighbours of ``cells`` that do not go on from source ``offered``.

    ``numbers`` (h, w) is the map, with a cell's own number where it is known.
    """
    height, width = shape
    y, x = cells // width, cells % width
    flat = numbers.ravel()
    count = np.zeros(len(cells), np.float32)
    for dy, dx in NEIGHBOURS:
        ny, nx = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
        beside = ny * width + nx
        count += flat[beside] - beside != offered - cells
    return count / np.float32(len(NEIGHBOURS))


def propagate(
    numbers: Ints,
    cost: Floats,
    targets: Targets,
    sources: Sources,
    *,
    coherence: float,
    jumps: tuple[int, ...],
    wander: int,
    rng: np.random.Generator,
) -> None:
    """Let neighbours offer their sources, and try places near the own one; better ones are taken in place.

    What is minimised is the distance plus ``coherence`` times the share of neighbours that disagree (a Potts
    term over offsets, as in shift-maps, Pritch 2009). Half of the cells, drawn at random, change at a time:
    all at once would let two neighbours swap their offsets forever.
    """
    height, width = sources.shape
    flat = numbers.reshape(-1)
    y, x = targets.where // width, targets.where % width
    steps = [(dy * jump, dx * jump) for jump in jumps for dy, dx in NEIGHBOURS]
    order = rng.permutation(len(steps))
    own = disagreement(numbers, targets.where, flat[targets.where], sources.shape) * coherence + cost
    for turn in order:
        dy, dx = steps[turn]
        ny, nx = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
        beside = ny * width + nx
        offered = (flat[beside] + targets.where - beside).astype(np.int32)
        turn_of = np.flatnonzero((offered != flat[targets.where]) & (rng.random(len(y)) < 0.6))
        _offer(numbers, cost, own, targets, sources, turn_of, offered[turn_of], coherence)
    for reach in range(wander, 0, -1):
        dy, dx = rng.integers(-reach, reach + 1, (2, len(y)))
        offered = (flat[targets.where] + dy * width + dx).astype(np.int32)
        turn_of = np.flatnonzero((dy != 0) | (dx != 0))
        _offer(numbers, cost, own, targets, sources, turn_of, offered[turn_of], coherence)


def _offer(
    numbers: Ints,
    cost: Floats,
    own: Floats,
    targets: Targets,
    sources: Sources,
    at: NDArray[np.intp],
    offered: Ints,
    coherence: float,
) -> None:
    """Take ``offered`` sources at targets ``at`` where they lower the energy."""
    rows = sources.lookup(offered)
    fine = rows >= 0
    at, offered, rows = at[fine], offered[fine], rows[fine]
    some = Targets(targets.where[at], targets.features[at], targets.weights[at])
    apart = disagreement(numbers, some.where, offered, sources.shape) * coherence
    possible = apart < own[at]
    at, offered, rows, apart = at[possible], offered[possible], rows[possible], apart[possible]
    some = Targets(some.where[possible], some.features[possible], some.weights[possible])
    new = distances(some, sources, rows)
    better = new + apart < own[at]
    chosen = at[better]
    cost[chosen] = new[better]
    own[chosen] = new[better] + apart[better]
    numbers.reshape(-1)[targets.where[chosen]] = offered[better]
