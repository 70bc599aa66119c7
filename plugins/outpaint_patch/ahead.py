"""What the photo's edge cuts goes on a little way, before the guess has a say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .patches import windows
from .pyramid import banks

if TYPE_CHECKING:
    from .search import Bools, Floats, Ints, Sources


MOST_NUMBERS = 4 << 20
"""In a table of distances, of cells by sources."""


def continuations(
    image: Floats,
    known: Bools,
    sheet: Floats,
    cells: Ints,
    around: Floats,
    sources: Sources,
    heed: Floats,
    radius: int,
) -> tuple[Ints, Floats, Floats]:
    """Rows of the sources that go on best from the known part of each of ``cells``' patches, and how well.

    ``cells`` (n,) are those whose patch holds both known and unknown cells of ``image`` (h, w, 3). They look
    for sources by their known cells alone, exactly, and as far as ``heed`` (f,) says by what is ``around`` (n,
    f) them: the guess's colours and the place. ``sheet`` (p h, w, 3) is copied from. Returns rows (n,),
    distances (n,) and the sources' patches (n, k * k * 3).
    """
    height, width = known.shape
    y, x = cells // width - radius, cells % width - radius
    flat = windows(image, radius)[y, x].reshape(len(cells), -1)
    mask = np.repeat(known[..., None], 3, 2).astype(np.float32)
    weight = windows(mask, radius)[y, x].reshape(len(cells), -1)
    weight = weight / weight.sum(1, keepdims=True)
    patches = _patches(sheet, height, sources.where, radius)
    theirs = sources.features[:, -len(heed) :]
    # Not as matrix times vector: BLAS may flag an invalid number in its scratch space (numpy issue 24067).
    rest = np.einsum("nf,nf,f->n", theirs, theirs, heed) + sources.penalty
    keys = np.concatenate((patches, np.square(patches), theirs * heed, rest[:, None]), 1).T
    ones = np.ones((len(cells), 1), np.float32)
    asked = np.concatenate((-2 * weight * flat, weight, -2 * around, ones), 1)
    best = np.zeros(len(cells), np.int32)
    cost = np.einsum("nf,nf,nf->n", weight, flat, flat) + np.einsum("nf,nf,f->n", around, around, heed)
    step = max(16, MOST_NUMBERS // len(sources.where))
    for start in range(0, len(cells), step):
        table = asked[start : start + step] @ keys
        best[start : start + step] = table.argmin(1)
        cost[start : start + step] += table.min(1)
    return best, np.maximum(cost, 0), patches[best]


def go_on(
    picture: Floats, known: Bools, cells: Ints, cost: Floats, patches: Floats, radius: int
) -> tuple[Floats, Bools]:
    """``picture`` (h, w, 3) with a band along its known part that goes on as that does, and the band (h, w).

    A guess that has lost what the edge cuts would otherwise have it end there. The band holds what the
    ``patches`` (n, k * k * 3) found for ``cells`` (n,) say, weighted by how well they fit: their ``cost`` (n,).
    """
    height, width = known.shape
    side = 2 * radius + 1
    sure = np.exp(-cost / (np.median(cost) + 1e-5)).astype(np.float32)
    chosen = patches.reshape(len(cells), side, side, 3)
    total = np.zeros((height * width, 3), np.float32)
    mass = np.zeros(height * width, np.float32)
    for dy in range(side):
        for dx in range(side):
            to = cells + (dy - radius) * width + dx - radius
            np.add.at(total, to, chosen[:, dy, dx] * sure[:, None])
            np.add.at(mass, to, sure)
    band = (mass > 1e-6) & ~known.ravel()
    result = picture.copy()
    result.reshape(-1, 3)[band] = total[band] / mass[band, None]
    return result, band.reshape(height, width)


def _patches(sheet: Floats, tall: int, numbers: Ints, radius: int) -> Floats:
    """The patches (n, k * k * 3) around atlas ``numbers``; planes of ``sheet`` are ``tall`` cells high."""
    height, width = sheet.shape[:2]
    side = 2 * radius + 1
    result = np.empty((len(numbers), side * side * 3), np.float32)
    for bank, plane in enumerate(banks(sheet, tall)):
        here = numbers // (height * width) == bank
        place = numbers[here] % (height * width)
        view = windows(plane, radius)
        result[here] = view[place // width - radius, place % width - radius].reshape(
            len(place), side * side * 3
        )
    return result
