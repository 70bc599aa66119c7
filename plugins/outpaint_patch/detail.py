"""Full resolution: every unknown pixel is copied from where the source map says, in tiles.

Inside a stretch of cells with one offset it is a plain copy, so detail and grain are the photo's own. Where
offsets meet, the pixels between the cells blend the few sources around, steeply. Colours get the correction
of :mod:`seam`, and a thin band along the photo takes out what step is left.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .search import Ints

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Rect, Samples

STEEP = 3
"""How fast one source gives way to another: weights are proportional to share ** STEEP."""

CLEAR = 0.88
"""The share of one source beyond which the others' weights, below (0.12 / 0.88) ** STEEP, are left out."""


@dataclass(frozen=True)
class Copies:
    """Where cells are copied from, in full-resolution pixels, and what is added to their colours (0..1).

    A pixel (Y, X) of a cell comes from (rise * Y + down, sign * X + across).
    """

    down: Floats  # (h, w)
    across: Floats  # (h, w)
    sign: Floats  # (h, w), 1 or, from the mirrored picture, -1
    rise: Floats  # (h, w), 1 or, from the picture upside down, -1
    label: Ints  # (h, w), equal where offset and picture are
    colour: Floats  # (h, w, 3)


@dataclass(frozen=True)
class Around:
    """Which offsets there are in the nine cells around each cell, row by row: told once, asked for by every pixel."""

    number: NDArray[np.uint8]  # (h w, 9) of each one's offset: 0, 1 of the next that differs, and so on
    first: NDArray[np.uint8]  # (h w, 9) by that number: the first of the nine that has it
    last: NDArray[np.uint8]  # (h w,) the largest of these numbers


def copies(
    numbers: Ints,
    known: Bools,
    correction: Floats,
    height: int,
    width: int,
    planes: int = 1,
    reflected: Bools | None = None,
    photo: Rect | None = None,
) -> Copies:
    """Offsets in pixels for a frame of ``height`` x ``width``; known cells go with the nearest unknown
    one.

    Cells that are ``reflected`` (h, w) at an edge of the ``photo`` are so at its last pixels: at the middle of
    its last cells, as their numbers say, a step would be left.
    """
    h, w = numbers.shape
    y, x = np.mgrid[:h, :w].astype(np.int32)
    mirrored = np.zeros((h, w), bool) if reflected is None else reflected
    if known.any():
        _, nearest = cv2.distanceTransformWithLabels(
            known.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
        )
        at = np.zeros(int(nearest.max()) + 1, np.int32)
        at[nearest[~known]] = np.flatnonzero(~known)
        from_ = at[nearest]
        correction = correction.reshape(-1, 3)[from_]
        numbers, mirrored = numbers.ravel()[from_], mirrored.ravel()[from_]
        y, x = from_ // w, from_ % w
    bank = numbers // (planes * h * w)
    row = (numbers % (planes * h * w)) // w
    plane, dy = row // h, row % h - y
    dx = numbers % w - x
    down = np.rint(dy * (height / h))
    across = np.rint(dx * (width / w))
    label = ((dy + h) * planes + plane) * (6 * w) + (dx + w) * 3 + bank
    sign = np.where(bank == 1, -1.0, 1.0)
    across = np.where(bank == 1, width - 1 - across, across)
    rise = np.where(bank == 2, -1.0, 1.0)
    down = np.where(bank == 2, height - 1 - down, down) + plane * height
    if photo is not None and mirrored.any():
        low = y * height >= h * (photo.y + photo.bottom) / 2
        right = x * width >= w * (photo.x + photo.right) / 2
        down = np.where(mirrored & (bank == 2), 2 * np.where(low, photo.bottom - 1, photo.y), down)
        across = np.where(mirrored & (bank == 1), 2 * np.where(right, photo.right - 1, photo.x), across)
    return Copies(
        down.astype(np.float32),
        across.astype(np.float32),
        sign.astype(np.float32),
        rise.astype(np.float32),
        label.astype(np.int32),
        np.ascontiguousarray(correction, np.float32),
    )


def render(
    image: Samples,
    known: Bools,
    plan: Copies,
    progress: Callable[[float], None],
    threads: int = 2,
    tile: int = 512,
    sheet: Samples | None = None,
) -> Samples:
    """A copy of ``image`` (H, W, 3) whose unknown pixels are copied as ``plan`` says.

    ``sheet`` (p H, W, 3) is ``image`` with the planes of guides below it, where there are any.
    """
    sheet = image if sheet is None else sheet
    height, width = known.shape
    result = image.copy()
    around = _around(plan.label)
    mixed = (around.last > 0).reshape(plan.label.shape)
    blocks = [
        (slice(top, min(height, top + tile)), slice(left, min(width, left + tile)))
        for top in range(0, height, tile)
        for left in range(0, width, tile)
    ]
    blocks = [block for block in blocks if not known[block].all()]

    def work(block: tuple[slice, slice]) -> None:
        _tile(image, sheet, known, plan, mixed, around, block, result)

    with ThreadPoolExecutor(threads) as pool:  # tiles write apart from each other: the order changes nothing
        for number, _ in enumerate(pool.map(work, blocks)):
            progress((number + 1) / len(blocks))
    return result


def _grid(start: int, stop: int, full: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """For pixels start..stop: the cells before and after their centres, and the share (0..1) of the
    latter.
    """
    place = (np.arange(start, stop) + 0.5) * (cells / full) - 0.5
    first = np.floor(place)
    share = (place - first).astype(np.float32)
    low = np.clip(first, 0, cells - 1).astype(np.intp)
    high = np.clip(first + 1, 0, cells - 1).astype(np.intp)
    return low, high, share


def _mixing(low: NDArray[np.intp], high: NDArray[np.intp], share: Floats, cells: int) -> Floats:
    """Linear interpolation as a matrix (pixels, cells): quicker than indexing by pixels."""
    matrix = np.zeros((len(low), cells), np.float32)
    rows = np.arange(len(low))
    matrix[rows, low] += 1 - share
    matrix[rows, high] += share
    return matrix


def _tile(
    image: Samples,
    sheet: Samples,
    known: Bools,
    plan: Copies,
    mixed: Bools,
    around: Around,
    block: tuple[slice, slice],
    result: Samples,
) -> None:
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
    map_y = plan.rise[at] * yy + plan.down[at]
    map_x = plan.sign[at] * xx + plan.across[at]
    pixels = _take(sheet, map_x, map_y)
    ca, cb, ra, rb = int(xa[0]), int(xb[-1]) + 1, int(ya[0]), int(yb[-1]) + 1
    part = plan.colour[ra:rb, ca:cb]
    down, over = _mixing(ya - ra, yb - ra, ty, rb - ra), _mixing(xa - ca, xb - ca, tx, cb - ca).T
    colour = np.empty((y1 - y0, x1 - x0, 3), np.float32)
    for channel in range(3):
        colour[..., channel] = down @ part[..., channel] @ over
    colour *= np.float32(top)
    colour += pixels
    band = _band(some, known, map_x, map_y)
    seams = np.flatnonzero(mixed[at].ravel() & (band | ~some).ravel())
    if len(seams):
        sy, sx = np.divmod(seams, x1 - x0)
        v, u = np.where(ty < 0.5, ty, ty - 1), np.where(tx < 0.5, tx, tx - 1)
        share = _own_share(around, rows[sy] * w + columns[sx], v[sy], u[sx])
        open_ = share < CLEAR
        seams, sy, sx = seams[open_], sy[open_], sx[open_]
        colour.reshape(-1, 3)[seams] = _blend(
            sheet, plan, around, sy + y0, sx + x0, rows[sy], columns[sx], v[sy], u[sx]
        )
    if band.any():
        _meet(image[y0:y1, x0:x1], band, colour, sigma)
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


def _around(label: Ints) -> Around:
    """What there is in the nine cells around each of those with ``label`` (h, w)."""
    h, w = label.shape
    wide = np.pad(label, 1, mode="edge")
    nine = np.stack([wide[i : i + h, j : j + w].ravel() for i in range(3) for j in range(3)], -1)
    number, first = np.zeros((2, *nine.shape), np.uint8)
    count, cells = np.zeros(h * w, np.uint8), np.arange(h * w)
    for k in range(9):
        same = nine[:, :k] == nine[:, k, None]
        seen = same.any(1)
        before = same.argmax(1) if k else np.zeros(h * w, np.intp)
        number[:, k] = np.where(seen, number[cells, before], count)
        first[cells[~seen], count[~seen]] = k
        count += ~seen
    return Around(number, first, count - np.uint8(1))


def _own_share(around: Around, cells: NDArray[np.intp], v: Floats, u: Floats) -> Floats:
    """How much (0..1) of what the spline sees at pixels in ``cells`` has their own cell's offset."""
    number = around.number.take(cells, 0)
    table = (number == number[:, 4, None]).astype(np.float32).reshape(-1, 3, 3)
    down, over = np.stack(_spline(v), -1), np.stack(_spline(u), -1)
    share: Floats = np.einsum("nij,ni,nj->n", table, down, over)
    return share


def _spline(place: Floats) -> tuple[Floats, Floats, Floats]:
    """Quadratic B-spline weights of the cells before, at and after, for ``place`` -0.5..0.5 in a cell."""
    half = np.float32(0.5)
    return half * np.square(half - place), np.float32(0.75) - np.square(place), half * np.square(half + place)


def _blend(
    image: Samples,
    plan: Copies,
    around: Around,
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    cell_y: NDArray[np.intp],
    cell_x: NDArray[np.intp],
    v: Floats,
    u: Floats,
) -> Floats:
    """Pixels (n, 3) at (y, x) between cells of different offsets: the sources around them, steeply weighted.

    ``cell_y, cell_x`` is the cell that a pixel lies in, ``v, u`` (-0.5..0.5) where in it. A spline over nine
    cells says how much of each offset is around: its level lines are smooth where cells make stairs.
    """
    height, width = image.shape[:2]
    h, w = plan.label.shape
    top = np.float32(np.iinfo(image.dtype).max)
    count = len(y)
    own = cell_y * w + cell_x
    down, over = np.stack(_spline(v), -1), np.stack(_spline(u), -1)
    shares = (down[:, :, None] * over[:, None]).reshape(count, 9)
    rows = np.clip(cell_y[:, None] + np.repeat((-1, 0, 1), 3), 0, h - 1)
    cells = rows * w + np.clip(cell_x[:, None] + np.tile((-1, 0, 1), 3), 0, w - 1)
    numbers, last = around.number.take(own, 0), around.last.take(own)
    colours = plan.colour.reshape(-1, 3).take(cells, 0)
    flat = image.reshape(-1, 3)
    total = np.zeros((count, 3), np.float32)
    mass = np.zeros(count, np.float32)
    for number in range(int(last.max(initial=0)) + 1):
        some = np.flatnonzero(last >= number)
        parts = shares[some] * (numbers[some] == number)
        share = parts.sum(1)
        colour = np.einsum("nk,nkc->nc", parts, colours[some])
        first = cells[some, around.first[own[some], number]]
        from_y = plan.rise.ravel()[first] * y[some] + plan.down.ravel()[first]
        from_y = np.clip(from_y, 0, height - 1).astype(np.intp)
        from_x = plan.sign.ravel()[first] * x[some] + plan.across.ravel()[first]
        from_x = np.clip(from_x, 0, width - 1).astype(np.intp)
        pixel = flat[from_y * width + from_x] + colour * (top / np.maximum(share, 1e-6))[:, None]
        weight = share**STEEP
        total[some] += pixel * weight[:, None]
        mass[some] += weight
    return (total / np.maximum(mass, np.float32(1e-12))[:, None]).astype(np.float32)


def _band(some: Bools, known: Bools, map_x: Floats, map_y: Floats) -> Bools:
    """The last two of the known pixels (``some``) of a tile before those that are not, where they tell something.

    They don't where what they would be copied from is no picture but the guess: a reflection of the photo's last
    pixels is of what is beyond its edge. Guides' planes, below the photo's, are picture.
    """
    band: Bools = (cv2.dilate((~some).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & some
    height, width = known.shape
    y = np.maximum(map_y[band], 0).astype(np.intp)
    x = np.clip(map_x[band], 0, width - 1).astype(np.intp)
    band[band] = (y >= height) | known[np.minimum(y, height - 1), x]
    return band


def _meet(photo: Samples, band: Bools, colour: Floats, sigma: float) -> None:
    """Take the step that is left along the photo's edge out of ``colour``, fading over a few pixels.

    Pixels of the photo in a ``band`` along its edge are copied too, as if they were unknown; their difference
    to the photo is what the unknown side is corrected by, coarse first, then fine.
    """
    weight = band.astype(np.float32)
    for spread in (sigma, 1.2, 0.6):
        apart = (photo - colour) * weight[..., None]
        share = cv2.GaussianBlur(weight, (0, 0), spread)
        step = cv2.GaussianBlur(apart, (0, 0), spread)
        fade = np.float32(0.15 * float(share[band > 0].mean()))
        colour += step / (share + fade)[..., None]
