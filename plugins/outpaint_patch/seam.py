"""Colour corrections that make copied cells meet without a seam, in gradients.

After Pérez et al. 2003 (Poisson image editing): what is copied should keep the gradients of its sources,
meet the photo at its edge, and lean to the guess's colours far from it. Only the correction is solved for,
at the size of the source map; it is added to full-resolution pixels, whose fine detail needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .search import Ints

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    Cells = tuple[slice, ...]


SLIGHT = np.float32(4e-4)
"""Squared steps between neighbours about which two sources may differ, and both are believed."""


def corrections(
    copied: Floats,
    atlas: Floats,
    numbers: Ints,
    known: Bools,
    wanted: Floats,
    pull: Floats,
    *,
    largest: float = 0.12,
    firm: float = 3.0,
    iterations: int = 60,
) -> Floats:
    """What to add to each unknown cell, float32 (h, w, 3); 0 at known cells.

    ``copied`` (h, w, 3) the picture of copied cells; ``atlas`` (n, 3) colours by source number;
    ``numbers`` (h, w) the map; ``wanted`` (h, w, 3) the correction that the guess asks for and ``pull`` (h,
    w) how strongly (1 / squared cells). A step larger than ``largest`` (0..1) between neighbours is an edge
    that does not fit rather than a difference in light, and is not spread out. Smaller ones between unknown
    cells count ``firm`` times as much as the correction's own smoothness: along a join where they differ, all are
    to be gone. (Not so at the photo's edge: a photo that is darker there would stand in a dark frame.)
    """
    across, firm_x = _steps(copied, atlas, numbers, known, 1, largest)
    down, firm_y = _steps(copied, atlas, numbers, known, 0, largest)
    free = (~known)[..., None].astype(np.float32)
    pull = pull[..., None].astype(np.float32)
    edge_x = np.maximum(free[:, 1:], free[:, :-1]) * (1 + np.float32(firm - 1) * firm_x[..., None])
    edge_y = np.maximum(free[1:], free[:-1]) * (1 + np.float32(firm - 1) * firm_y[..., None])
    across *= edge_x
    down *= edge_y

    def system(c: Floats) -> Floats:
        """Normal equations of sum edge |dc - step|^2 + pull |c - wanted|^2, at free cells."""
        dx = (c[:, 1:] - c[:, :-1]) * edge_x
        dy = (c[1:] - c[:-1]) * edge_y
        return _gather(dx, dy, pull * c) * free

    right = _gather(across, down, pull * wanted) * free
    result = wanted * free
    residual = right - system(result)
    direction = residual.copy()
    norm = _dot(residual, residual)
    first = norm.max() + 1e-12
    for _ in range(iterations):
        if norm.max() < 1e-5 * first:
            break
        product = system(direction)
        step = norm / np.maximum(_dot(direction, product), 1e-20)
        result += step * direction
        residual -= step * product
        after = _dot(residual, residual)
        direction *= after / np.maximum(norm, 1e-20)
        direction += residual
        norm = after
    clipped: Floats = np.clip(result, -2 * largest, 2 * largest)
    return clipped


def _dot(a: Floats, b: Floats) -> Floats:
    """Inner products by channel."""
    result: Floats = np.einsum("hwc,hwc->c", a, b)
    return result


def _gather(dx: Floats, dy: Floats, data: Floats) -> Floats:
    """Minus the divergence of a field on edges, plus what each cell adds."""
    total = data.copy()
    total[:, 1:] += dx
    total[:, :-1] -= dx
    total[1:] += dy
    total[:-1] -= dy
    return total


def apart(numbers: Ints, known: Bools, axis: int) -> tuple[Cells, Cells, Bools]:
    """Slices of the cells before and after along ``axis``, and at which of these pairs there is a join."""
    before = tuple(slice(None, -1) if i == axis else slice(None) for i in range(2))
    after = tuple(slice(1, None) if i == axis else slice(None) for i in range(2))
    stride = known.shape[1] if axis == 0 else 1
    joins: Bools = (numbers[after] - numbers[before] != stride) & ~(known[before] & known[after])
    return before, after, joins


def _steps(
    copied: Floats, atlas: Floats, numbers: Ints, known: Bools, axis: int, largest: float
) -> tuple[Floats, Bools]:
    """The steps that the correction should take between neighbours along ``axis``: 0 where a source goes on.

    And at which joins between unknown cells no channel's is larger than ``largest``.
    """
    a, b, joins = apart(numbers, known, axis)
    stride = known.shape[1] if axis == 0 else 1
    steps = np.zeros((*joins.shape, 3), np.float32)
    na, nb = numbers[a][joins], numbers[b][joins]
    ua, ub = ~known[a][joins], ~known[b][joins]
    here = copied[b][joins] - copied[a][joins]
    ahead = atlas[np.minimum(na + stride, len(atlas) - 1)] - atlas[na] - here
    behind = atlas[nb] - atlas[np.maximum(nb - stride, 0)] - here
    # a source that ends where the join is, as sky does at a roof, has a step of its own there: the other is right
    share_a = ua / (np.square(ahead).mean(1) + SLIGHT)
    share_b = ub / (np.square(behind).mean(1) + SLIGHT)
    share = (share_a / np.maximum(share_a + share_b, np.float32(1e-12)))[:, None]
    wanted = share * ahead + (1 - share) * behind
    steps[joins] = np.clip(wanted, -largest, largest)
    firm: Bools = np.zeros(joins.shape, bool)
    firm[joins] = ua & ub & (np.abs(wanted).max(1) <= largest)
    return steps, firm
