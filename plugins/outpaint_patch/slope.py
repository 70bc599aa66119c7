"""Where the photo gets darker toward its edge, what is beyond goes on so for a while.

A copy that meets the photo's last pixels in colour, but not in how that changes, shows as a line along the edge: to
the eye a bend in brightness is a stripe (Mach 1865). A reflection is worst, it turns every fall into a rise. So in
smooth areas, sky, water, what is out of focus, tones go on as they were going and come to rest over some cells;
then they become the copies' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .layout import nearest_of
from .pyramid import local_mean, share_of

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .search import Ints

SPREAD = 4.0
"""Standard deviation, in cells, of the weights of known cells that tell how tones change."""

REST = 0.02
"""Long sides over which a slope comes to rest."""

FADE = 0.1
"""Long sides over which what tones differ by fades."""

SCALES = (0.5, 1.0, 2.0, 4.0, 6.0)
"""How coarsely tones are compared, in cells: the farther from the photo, the coarser."""

COARSER = 0.5
"""Cells a cell away from it: a blur that reached the photo would see one side only."""

PLAIN = np.float32(0.02)
"""Detail (root of mean squared differences of colours, 0..1) of areas that are half smooth."""

MOST = np.float32(0.06)
"""Differences of tones (0..1) that are half believed: larger ones are things that end, or begin."""


def slopes(photo: Floats, known: Bools, picture: Floats) -> Floats:
    """What to add to ``picture`` (h, w, 3) for its tones to go on from the ``known`` cells of ``photo`` (h, w, 3).

    Colours are 0..1, known cells get 0.
    """
    free = (~known).astype(np.float32)
    long = np.float32(max(known.shape))
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    nearest = nearest_of(known)
    off = _wanted(photo, known, nearest, away, np.float32(REST) * long) - picture
    coarse = _pyramid(off, free, np.float32(COARSER) * (away - 1))
    rough = np.maximum(
        _rough(photo, known.astype(np.float32)).ravel()[nearest], _rough(picture, np.ones_like(free))
    )
    share = np.exp(-away / (np.float32(FADE) * long))
    share /= 1 + (local_mean(rough, free, SCALES[-1]) / PLAIN) ** 4
    share /= 1 + np.square(np.abs(local_mean(off, free, SCALES[-1])).max(2) / MOST)
    result: Floats = (local_mean(share, free, SPREAD) * free)[..., None] * coarse
    return result


def _pyramid(values: Floats, free: Floats, spread: Floats) -> Floats:
    """Means of ``values`` (h, w, 3) where ``free`` (h, w), by a ``spread`` (h, w) in cells within SCALES."""
    result = np.zeros_like(values)
    spread = np.clip(spread, SCALES[0], SCALES[-1])
    for number, scale in enumerate(SCALES):
        result += share_of(spread, SCALES, number)[..., None] * local_mean(values, free, scale)
    return result


def _wanted(photo: Floats, known: Bools, nearest: Ints, away: Floats, rest: np.float32) -> Floats:
    """Tones (h, w, 3) as they would be if each cell went on from the ``nearest`` known one, within ``rest`` cells."""
    width = known.shape[1]
    rim = np.unique(nearest[~known])
    tone, down, across = _fit(photo, known, rim)
    row = np.searchsorted(rim, nearest[~known])
    at = np.flatnonzero(~known)
    steps = np.stack((at // width - rim[row] // width, at % width - rim[row] % width), -1).astype(np.float32)
    steps *= (rest * (1 - np.exp(-away[~known] / rest)) / np.maximum(away[~known], 1e-6))[:, None]
    result = photo.copy()
    result[~known] = tone[row] + down[row] * steps[:, :1] + across[row] * steps[:, 1:]
    return result


def _fit(photo: Floats, known: Bools, rim: Ints) -> tuple[Floats, Floats, Floats]:
    """Tone at each cell of ``rim`` (n,) and its slopes down and across, (n, 3) each, of a plane through known cells.

    Normalised convolution of the first order (Knutsson and Westin 1993).
    """
    reach = np.arange(-round(3 * SPREAD), round(3 * SPREAD) + 1, dtype=np.float32)
    bell = np.exp(-np.square(reach / np.float32(SPREAD)) / 2)
    bell /= bell.sum()

    def moment(plane: Floats, y: int, x: int) -> Floats:
        found = cv2.sepFilter2D(plane, -1, bell * reach**x, bell * reach**y, borderType=cv2.BORDER_CONSTANT)
        values: Floats = found.reshape(known.size, -1)[rim]
        return values

    weight = known.astype(np.float32)
    seen = photo * weight[..., None]
    mass = moment(weight, 0, 0)
    y, x = moment(weight, 1, 0) / mass, moment(weight, 0, 1) / mass
    mean = moment(seen, 0, 0) / mass
    # what one row of cells cannot tell is no slope
    least = np.float32(0.05 * SPREAD**2)
    yy = moment(weight, 2, 0) / mass - y * y + least
    xx = moment(weight, 0, 2) / mass - x * x + least
    xy = moment(weight, 1, 1) / mass - x * y
    with_y = moment(seen, 1, 0) / mass - y * mean
    with_x = moment(seen, 0, 1) / mass - x * mean
    # by hand: LAPACK's result would depend on how many threads there are
    whole = yy * xx - xy * xy
    down, across = (with_y * xx - with_x * xy) / whole, (with_x * yy - with_y * xy) / whole
    return mean - down * y - across * x, down, across


def _rough(image: Floats, weight: Floats) -> Floats:
    """Detail (h, w) around each cell that counts."""
    fine = np.square(image - local_mean(image, weight, 3.0)).mean(2)
    result: Floats = np.sqrt(np.maximum(local_mean(fine, weight, 4.0), 0))
    return result
