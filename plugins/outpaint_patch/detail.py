"""Full resolution: every unknown pixel is copied from where the source map says, in tiles.

Inside a stretch of cells with one offset it is a plain copy, so detail and grain are the photo's own. Where
offsets meet, the pixels between the cells blend the few sources around, steeply. Colours get the correction of
:mod:`seam`, and a thin band along the photo takes out what step is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .search import Ints

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

STEEP = 3
"""How fast one source gives way to another: weights are proportional to share ** STEEP."""


@dataclass(frozen=True)
class Copies:
    """Where cells are copied from, in full-resolution pixels, and what is added to their colours (0..1).

    A pixel (Y, X) of a cell comes from (Y + down, sign * X + across).
    """

    down: Floats  # (h, w)
    across: Floats  # (h, w)
    sign: Floats  # (h, w), 1 or, from the mirrored picture, -1
    label: Ints  # (h, w), equal where offset and picture are
    colour: Floats  # (h, w, 3)


def copies(numbers: Ints, known: Bools, correction: Floats, height: int, width: int) -> Copies:
    """Offsets in pixels for a frame of ``height`` x ``width``; known cells go with the nearest unknown one."""
    h, w = numbers.shape
    y, x = np.mgrid[:h, :w].astype(np.int32)
    if known.any():
        _, nearest = cv2.distanceTransformWithLabels(
            known.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
        )
        at = np.zeros(int(nearest.max()) + 1, np.int32)
        at[nearest[~known]] = np.flatnonzero(~known)
        from_ = at[nearest]
        correction = correction.reshape(-1, 3)[from_]
        numbers = numbers.ravel()[from_]
        y, x = from_ // w, from_ % w
    bank = numbers >= h * w
    dy = (numbers % (h * w)) // w - y
    dx = numbers % w - x
    down = np.rint(dy * (height / h))
    across = np.rint(dx * (width / w))
    label = (dy + h) * (4 * w) + (dx + w) * 2 + bank
    sign = np.where(bank, -1.0, 1.0)
    across = np.where(bank, width - 1 - across, across)
    return Copies(
        down.astype(np.float32), across.astype(np.float32), sign.astype(np.float32), label.astype(np.int32),
        np.ascontiguousarray(correction, np.float32),
    )


def render(
    image: Samples, known: Bools, plan: Copies, progress: Callable[[float], None], tile: int = 512
) -> Samples:
    """A copy of ``image`` (H, W, 3) whose unknown pixels are copied as ``plan`` says."""
    height, width = known.shape
    result = image.copy()
    tops = range(0, height, tile)
    for number, top in enumerate(tops):
        for left in range(0, width, tile):
            block = slice(top, min(height, top + tile)), slice(left, min(width, left + tile))
            if not known[block].all():
                _tile(image, known, plan, block, result)
        progress((number + 1) / len(tops))
    return result


def _grid(start: int, stop: int, full: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """For pixels start..stop: the cells before and after their centres, and the share (0..1) of the latter."""
    place = (np.arange(start, stop) + 0.5) * (cells / full) - 0.5
    first = np.floor(place)
    share = (place - first).astype(np.float32)
    low = np.clip(first, 0, cells - 1).astype(np.intp)
    high = np.clip(first + 1, 0, cells - 1).astype(np.intp)
    return low, high, share


def _tile(image: Samples, known: Bools, plan: Copies, block: tuple[slice, slice], result: Samples) -> None:
    """Render one tile, with a halo from which the band along the photo is worked out."""
    height, width = known.shape
    h, w = plan.label.shape
    cell = max(height / h, width / w)
    sigma = max(1.0, cell / 3)
    halo = int(3 * sigma) + 3
    y0, y1 = max(0, block[0].start - halo), min(height, block[0].stop + halo)
    x0, x1 = max(0, block[1].start - halo), min(width, block[1].stop + halo)
    some = known[y0:y1, x0:x1]
    if not some.any():
        y0, y1, x0, x1 = block[0].start, block[0].stop, block[1].start, block[1].stop
        some = known[y0:y1, x0:x1]
    top = float(np.iinfo(image.dtype).max)
    ya, yb, ty = _grid(y0, y1, height, h)
    xa, xb, tx = _grid(x0, x1, width, w)
    rows = np.where(ty < 0.5, ya, yb)
    columns = np.where(tx < 0.5, xa, xb)
    yy = np.arange(y0, y1, dtype=np.float32)[:, None]
    xx = np.arange(x0, x1, dtype=np.float32)[None]
    at = np.ix_(rows, columns)
    map_y = plan.down[at] + yy
    map_x = plan.sign[at] * xx + plan.across[at]
    pixels = _take(image, map_x, map_y)
    colour = plan.colour[ya] * (1 - ty)[:, None, None] + plan.colour[yb] * ty[:, None, None]
    colour = colour[:, xa] * (1 - tx)[:, None] + colour[:, xb] * tx[:, None]
    colour *= np.float32(top)
    colour += pixels
    mixed = _mixed(plan.label)
    seams = np.flatnonzero(mixed[np.ix_(ya + (ya == yb) * 0, xa)].ravel())
    if len(seams):
        sy, sx = np.divmod(seams, x1 - x0)
        colour.reshape(-1, 3)[seams] = _blend(image, plan, sy + y0, sx + x0, (ya, yb, ty), (xa, xb, tx), sy, sx)
    if some.any():
        _meet(image[y0:y1, x0:x1], some, colour, sigma)
    inside = slice(block[0].start - y0, block[0].stop - y0), slice(block[1].start - x0, block[1].stop - x0)
    done = np.clip(colour[inside] + 0.5, 0, top).astype(image.dtype)
    np.copyto(result[block], done, where=~some[inside][..., None])


def _take(image: Samples, map_x: Floats, map_y: Floats) -> Samples:
    """Pixels at whole places. OpenCV is quickest, but knows no side beyond 32767."""
    if max(image.shape[:2]) < 32767:
        taken: Samples = cv2.remap(image, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        return taken
    y = np.clip(map_y, 0, image.shape[0] - 1).astype(np.intp)
    x = np.clip(map_x, 0, image.shape[1] - 1).astype(np.intp)
    found: Samples = image[y, x]
    return found


def _mixed(label: Ints) -> Bools:
    """Whether the four cells from (y, x) to (y + 1, x + 1) have different offsets."""
    wide = np.pad(label, ((0, 1), (0, 1)), mode="edge")
    first = wide[:-1, :-1]
    return (first != wide[:-1, 1:]) | (first != wide[1:, :-1]) | (first != wide[1:, 1:])


def _blend(
    image: Samples, plan: Copies, y: Any, x: Any, rows: Any, columns: Any, sy: Any, sx: Any
) -> Floats:
    """Pixels (n, 3) at (y, x) between cells of different offsets: the sources around them, steeply weighted."""
    ya, yb, ty = rows
    xa, xb, tx = columns
    w = plan.label.shape[1]
    v, u = ty[sy], tx[sx]
    corners = (
        (ya[sy] * w + xa[sx], (1 - v) * (1 - u)),
        (ya[sy] * w + xb[sx], (1 - v) * u),
        (yb[sy] * w + xa[sx], v * (1 - u)),
        (yb[sy] * w + xb[sx], v * u),
    )
    labels = [plan.label.ravel()[cell] for cell, _ in corners]
    total = np.zeros((len(y), 3), np.float32)
    mass = np.zeros(len(y), np.float32)
    top = np.float32(np.iinfo(image.dtype).max)
    height, width = image.shape[:2]
    flat = image.reshape(-1, 3)
    for (cell, share), label in zip(corners, labels, strict=True):
        alike = np.zeros(len(y), np.float32)
        for (_, other), theirs in zip(corners, labels, strict=True):
            alike += other * (theirs == label)
        weight = share * alike ** (STEEP - 1)
        from_y = np.clip(y + plan.down.ravel()[cell], 0, height - 1).astype(np.intp)
        from_x = np.clip(plan.sign.ravel()[cell] * x + plan.across.ravel()[cell], 0, width - 1).astype(np.intp)
        pixel = flat[from_y * width + from_x] + plan.colour.reshape(-1, 3)[cell] * top
        total += pixel * weight[:, None]
        mass += weight
    return total / np.maximum(mass, 1e-12)[:, None]


def _meet(photo: Samples, known: Bools, colour: Floats, sigma: float) -> None:
    """Take the step that is left along the photo's edge out of ``colour``, fading over a few pixels.

    Two pixels inside the photo are copied too, as if they were unknown; their difference to the photo is
    what the unknown side is corrected by, coarse first, then fine.
    """
    unknown = (~known).astype(np.uint8)
    band = cv2.dilate(unknown, np.ones((5, 5), np.uint8)) * known
    if not band.any():
        return
    weight = band.astype(np.float32)
    for spread in (sigma, 1.0):
        apart = (photo - colour) * weight[..., None]
        share = cv2.GaussianBlur(weight, (0, 0), spread)
        step = cv2.GaussianBlur(apart, (0, 0), spread)
        fade = 0.15 * float(share[band > 0].mean())
        colour += step / (share + fade)[..., None]
