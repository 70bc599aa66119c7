"""The photo itself, enlarged about one of its points, goes on around it.

Who steps back sees more around them, and what they saw before smaller: seen from where a road leads, the road, the
posts beside it, the coast and the clouds above are alike at every size. So the photo's outer part, enlarged, is
what may lie outside of it: in one piece and in perspective, where patches of one size only make a wall of it.
(Sources that are transformed are Mansfield et al. 2011, Transforming image completion.) Each enlargement is one more
plane to copy from, each cell from where it is itself.

About which point, and by how much, is told by the photo: its outer part, inside, is foretold from what lies further
in, and where that is right it is likely to be right outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .lines import DOWN, MISS
from .onward import THIN
from .pyramid import Level, shrink

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

    from .lines import Lines
    from .onward import Onward

LONG = 128
"""Pixels along the photo's longer side at which it is foretold."""

POINTS = np.linspace(0.25, 0.75, 11)
"""Places tried for the point, in the photo's heights and widths."""

SCALES = (1.3, 1.4, 1.5, 1.6)
"""Enlargements tried. With less there would be many copies of the same narrow rim, with more they are soft."""

LARGEST = 1.75
"""The largest that is taken if with less there would be too few to reach the frame's edge."""

FINER = 1 / 2, 1 / 4
"""Parts of the steps between these that are tried around the best."""

MOST = 3
"""Enlargements of enlargements, lest they be blurs."""

RIM = 1 / 6
"""How much of the photo, in its shorter sides from the edge, is foretold."""

MOVED = 0.08
"""What has moved less, in shorter sides, is foretold by being much where it was: that tells nothing."""

WAYS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
"""Ways outward, in the photo's heights and widths: what is foretold as well by going on as it is, needs no more."""

RELIEF, FINEST = 0.06, 0.8
"""What is compared: nothing coarser, in longer sides, nor finer, in pixels; a Gaussian's standard deviations."""

AROUND = 0.035
"""How far around, in longer sides, likeness is measured: a Gaussian's standard deviation."""

TORN = 0.03
"""Mean squared step along an edge, in relief and summed over channels, that shows as much as any."""

NOISE = 6e-4
"""Mean squared relief, summed over channels, that counts as little as none."""

ALIKE = 0.4, 0.8
"""Correlation from which on what is foretold is right at all, and from which on altogether."""

PLAIN = 0.01
"""Root of the mean squared relief beside which there is little to go by."""

PIXELS = 2.0, 4.0
"""Pixels to a cell of the finest level up to which softness shows, and from which on it doesn't: of a picture of so
many, looked at whole, single pixels are not seen."""

MARGIN = 0.3
"""By how much, in the photo's shorter sides, enlargements overlap the photo, and each other: with little room for
joins, these are cuts as straight as the photo's edges."""

TILE = 1024
"""Pixels a side of what is drawn at once."""

NEAR = 3
"""Cells around those that are used whose pixels are blended with theirs."""


@dataclass(frozen=True)
class Nearer:
    """Enlargements of the frame about one point: once, twice and so on by the same scale."""

    y: float  # of that point, in heights of the frame
    x: float  # and in its widths
    scale: float
    count: int
    sure: Floats  # (h, w) of the frame, at some size: how much better it foretells the photo's rim than what follows
    again: Floats  # (h, w), 0..1: how well that is foretold by going on at the same size
    fine: float  # 0..1: whether pixels are so fine that an enlargement looks as sharp as the photo
    lines: Floats | None = None  # (n,) along the photo's lower edge, how sure a line comes from the point
    breaks: tuple[Floats, ...] = ()  # along its top, bottom, left, right edge, 0..1: how a join there shows

    def enlarged(self, plane: NDArray[Any], how: int = cv2.INTER_LINEAR) -> list[NDArray[Any]]:
        """``plane`` (h, w, ...) of the frame, at each of the enlargements."""
        height, width = plane.shape[:2]
        flat = plane.reshape(height, width, -1)
        results = []
        for number in range(1, self.count + 1):
            matrix = _matrix(self.y * height - 0.5, self.x * width - 0.5, self.scale**number)
            parts = [  # OpenCV takes four channels at a time at most
                cv2.warpAffine(
                    np.ascontiguousarray(flat[..., start : start + 4]),
                    matrix,
                    (width, height),
                    flags=how | cv2.WARP_INVERSE_MAP,
                    borderMode=cv2.BORDER_REPLICATE,
                ).reshape(height, width, -1)
                for start in range(0, flat.shape[2], 4)
            ]
            whole = np.concatenate(parts, 2) if len(parts) > 1 else parts[0] if parts else plane.copy()
            results.append(whole.reshape(plane.shape))
        return results

    def draw(self, image: Samples, used: Bools, planes: Samples) -> None:
        """Draw ``image`` (H, W, 3) at each of the enlargements into ``planes`` (count, H, W, 3) where it is ``used``.

        ``used`` (count, h, w) is told for cells. Whole tiles are drawn, and only they take memory.
        """
        height, width = image.shape[:2]
        down, across = used.shape[1] / height, used.shape[2] / width
        y, x = self.y * height - 0.5, self.x * width - 0.5
        for number, (cells, plane) in enumerate(zip(used, planes, strict=True), 1):
            whole = _matrix(y, x, self.scale**number).astype(np.float64)
            for top in range(0, height, TILE):
                rows = slice(max(0, int(top * down) - NEAR), int((top + TILE) * down) + NEAR + 1)
                for left in range(0, width, TILE):
                    columns = slice(max(0, int(left * across) - NEAR), int((left + TILE) * across) + NEAR + 1)
                    if not cells[rows, columns].any():
                        continue
                    tile = plane[top : top + TILE, left : left + TILE]
                    matrix = whole.copy()
                    matrix[:, 2] += whole[:, :2] @ (left, top)
                    tile[:] = cv2.warpAffine(
                        image,
                        matrix,
                        (tile.shape[1], tile.shape[0]),
                        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                        borderMode=cv2.BORDER_REPLICATE,
                    )

    def onward(self, known: Bools) -> Floats | None:
        """How sure (h, w), 0..1, each cell is part of what runs out of the lower edge of the ``known`` ones.

        None if nothing is known to run from the point. What does becomes wider as it comes nearer.
        """
        if self.lines is None:
            return None
        height, width = known.shape
        rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
        size = len(columns), 1
        edge = np.minimum(THIN * cv2.resize(self.lines[None], size, interpolation=cv2.INTER_AREA), 1)
        y, x = self.y * height - 0.5, self.x * width - 0.5
        down = np.arange(height, dtype=np.float32)[:, None] - np.float32(y)
        beyond = down > rows[-1] - y
        share = np.where(beyond, (rows[-1] - y) / np.maximum(down, 1e-3), 1)
        at = x + (np.arange(width) - x) * share - columns[0]
        told = cv2.remap(edge, at.astype(np.float32), np.zeros_like(at, np.float32), cv2.INTER_LINEAR)
        result: Floats = np.where(beyond, told, np.float32(0))
        return result

    def aimed(self, going: Onward, known: Bools) -> Bools:
        """In which cells (h, w) below the ``known`` ones what would run on as it is comes from the point."""
        rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
        missed = self._missed(going)
        result: Bools = (going.weight > 0) & (missed < MISS * len(columns)) & (going.way[..., 0] < DOWN)
        result[: rows[-1] + 1] = False
        return result

    def broken(self, known: Bools) -> Floats:
        """How much (h, w), 0..1, a join along the photo's edge would show where a cell's way to the point crosses it.

        So would one where an enlargement ends: its border is the photo's edge, enlarged. 0 if nothing is told of it.
        """
        height, width = known.shape
        result = np.zeros((height, width), np.float32)
        rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
        y, x = self.y * height - 0.5, self.x * width - 0.5
        down, over = np.arange(height)[:, None] - y, np.arange(width) - x
        sides = down / (rows[0] - y), down / (rows[-1] - y), over / (columns[0] - x), over / (columns[-1] - x)
        far = np.stack(np.broadcast_arrays(*sides))  # 1 where the photo ends on that side
        side, most = far.argmax(0), np.maximum(far.max(0), 1e-3)
        at = (x + over / most - columns[0]) / len(columns), (y + down / most - rows[0]) / len(rows)
        for number, edge in enumerate(self.breaks):
            along = np.clip(at[number // 2] * len(edge), 0, len(edge) - 1).astype(np.intp)
            result = np.where(side == number, edge[along], result)
        return result

    def against(self, going: Onward) -> Floats:
        """How sure (h, w), 0..1, it is that something thick runs on in a cell and misses the point.

        It has to miss it by more than MISS of the frame's width.
        """
        off = self._missed(going) > MISS * going.weight.shape[1]
        result: Floats = np.where(off, going.weight * going.thick, np.float32(0))
        return result

    def _missed(self, going: Onward) -> Floats:
        """By how many cells (h, w) what runs on in each misses the point."""
        height, width = going.weight.shape
        down, over = (
            self.y * height - 0.5 - np.arange(height)[:, None],
            self.x * width - 0.5 - np.arange(width),
        )
        wy, wx = going.way[..., 0], going.way[..., 1]
        missed: Floats = np.abs(down * wx - over * wy) / np.maximum(np.hypot(wy, wx), 1e-6)
        return missed

    def rings(self, known: Bools) -> list[Bools]:
        """Which cells (h, w) of each enlargement are picture that those before, and the ``known`` cells, have not.

        They overlap by a MARGIN, within which joins may be.
        """
        margin = max(2, round(MARGIN * min(int(known.any(1).sum()), int(known.any(0).sum()))))
        around = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
        results, before = [], known
        for plane in self.enlarged(known.astype(np.float32)):
            inner = cv2.erode(before.astype(np.uint8), around, borderValue=1) > 0
            before = plane > 0.999
            results.append(before & ~inner)
        return results


def nearer(
    image: Floats, known: Bools, cell: float, most: int = MOST, threads: int = 1, lines: Lines | None = None
) -> Nearer | None:
    """How ``image`` (h, w, 3), 0..1, is best enlarged where it is not ``known``, up to ``most`` times.

    Its cells are ``cell`` pixels of the frame wide. ``lines`` that run out of it may tell the point. None if what is
    known is no rectangle, or so small that there is nothing to be told by, or all there is.
    """
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if min(len(rows), len(columns)) < 16:
        return None
    most = min(MOST, most)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    if not known[box].all():
        return None
    height, width = known.shape
    inside = image[box]
    share = min(1, LONG / max(inside.shape[:2]))
    size = tuple(max(8, round(side * share)) for side in inside.shape[1::-1])
    rim = _Rim.of(cv2.resize(inside, size, interpolation=cv2.INTER_AREA))
    point = lines.come_from(inside) if lines is not None else None
    y, x, scale = _best(rim, threads, point)
    through = None
    if lines is not None and point is not None:
        through = lines.through(y, x, len(rows))
        # lines are to go on to the frame's lower edge, near which there must be whole patches of them
        far = ((height + 2 * NEAR - rows[0]) / len(rows) - y) / (1 - y)
        scale = max(scale, min(far ** (1 / most), LARGEST))
    top, bottom = rows[0] / height, (rows[-1] + 1) / height
    left, right = columns[0] / width, (columns[-1] + 1) / width
    around = (rows[0], height - rows[-1] - 1), (columns[0], width - columns[-1] - 1)
    sides = [tuple(round(side * share) for side in both) for both in around]
    of_rim = (rim.right(y, x, scale), rim.repeated())
    told, again = (np.pad(rim.around(plane), sides, "edge") for plane in of_rim)
    breaks = rim.breaks(y, x, scale)
    y, x = top + y * (bottom - top), left + x * (right - left)
    # so many times the photo, about that point, is the whole frame
    reach = max(y / (y - top), (1 - y) / (bottom - y), x / (x - left), (1 - x) / (right - x))
    count = min(most, int(np.ceil(np.log(reach) / np.log(scale) - 1e-6)))
    few, many = PIXELS
    fine = float(np.clip((cell - few) / (many - few), 0, 1))
    if count < 1:
        return None
    return Nearer(float(y), float(x), float(scale), count, told - again, again, fine, through, breaks)


def _best(rim: _Rim, threads: int, point: tuple[float, float] | None = None) -> tuple[float, float, float]:
    """The point, in heights and widths, and the scale that foretell ``rim`` best; the ``point`` may be known."""
    best: list[tuple[float, tuple[float, float, float]]] = []
    points = product(POINTS, POINTS) if point is None else [point]
    tried = [(float(y), float(x), scale) for y, x in points for scale in SCALES]
    step, growth = (POINTS[1] - POINTS[0]) if point is None else 0, SCALES[1] - SCALES[0]
    with ThreadPoolExecutor(threads) as pool:
        for part in (*FINER, 0):
            scores = pool.map(lambda at: rim.score(*at), tried)
            best = [max(*best, *zip(scores, tried, strict=True))]
            y, x, scale = best[0][1]
            ways = [np.array((-1, 0, 1)) * part * size for size in (step, step, growth)]
            tried = [(float(y + dy), float(x + dx), float(scale + more)) for dy, dx, more in product(*ways)]
    return best[0][1]


def add_enlarged(level: Level, found: Nearer, larger: Sequence[Samples], light: Floats | None) -> Level:
    """``level`` with the enlargements (H, W, 3) of its picture as further planes.

    They are evened out as it is, if it is: ``light`` (h, w) is what its vignette leaves.
    """
    more = []
    lights = [None] * found.count if light is None else found.enlarged(light)
    for image, known, left in zip(larger, found.rings(level.known), lights, strict=True):
        plane = replace(shrink(image, known, *level.shape), known=known)
        if left is not None:
            plane.image /= left[..., None]
        more.append(plane)
    return replace(level, guides=(*level.guides, *more), nearer=found)


@dataclass(frozen=True)
class _Rim:
    """A photo's rim, to be foretold from what lies further in."""

    relief: Floats  # (h, w, 3)
    energy: Floats  # (h, w) its mean square, summed over channels
    weight: Floats  # (h, w) how much there is to be right about

    @classmethod
    def of(cls, photo: Floats) -> _Rim:
        height, width = photo.shape[:2]
        relief = _mean(photo - _mean(photo, RELIEF * max(height, width)), FINEST)
        energy = _mean(np.square(relief).sum(2), AROUND * max(height, width))
        y, x = np.arange(height)[:, None], np.arange(width)
        away = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
        return cls(relief, energy, np.sqrt(energy) * (away < RIM * min(height, width)))

    def right(self, y: float, x: float, scale: float) -> Floats:
        """How right (h, w), 0..1, the photo enlarged by ``scale`` about a point, in heights and widths, is."""
        height, width = self.energy.shape
        y, x = y * height - 0.5, x * width - 0.5
        right = self._right(_matrix(y, x, scale))
        moved = np.hypot(np.arange(height)[:, None] - y, np.arange(width) - x) * (1 - 1 / scale)
        right *= moved > MOVED * min(height, width)
        return right

    def repeated(self) -> Floats:
        """How right (h, w), 0..1, the photo is moved outward and not enlarged; the best of some ways to go.

        Told is each of the four sides by what lies further in.
        """
        height, width = self.energy.shape
        deep = round(RIM * min(height, width))
        best = np.zeros((height, width), np.float32)
        for side, along, sign in (
            (np.s_[:deep], (0, 1), height),
            (np.s_[height - deep :], (0, -1), height),
            (np.s_[:, :deep], (1, 0), width),
            (np.s_[:, width - deep :], (-1, 0), width),
        ):
            for share in WAYS:
                way = round(share * sign)
                matrix = np.array([[1, 0, way * along[0]], [0, 1, way * along[1]]], np.float32)
                best[side] = np.maximum(best[side], self._right(matrix)[side])
        return best

    def breaks(self, y: float, x: float, scale: float) -> tuple[Floats, ...]:
        """Along the top, bottom, left and right edge, 0..1: how much shows if the photo enlarged begins there.

        What runs along the edge, as a beam does, has no place at which to break: only what crosses it counts.
        """
        height, width = self.energy.shape
        matrix = _matrix(y * height - 0.5, x * width - 0.5, scale)
        there = cv2.warpAffine(
            self.relief, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        step, spread, edges = self.relief - there, AROUND * max(height, width), []
        for side, axis in ((np.s_[1:4], 0), (np.s_[-4:-1], 0), (np.s_[:, 1:4], 1), (np.s_[:, -4:-1], 1)):
            along = step[side].mean(axis)[None]
            across = np.square(along - _along(along, spread)).sum(2)
            edges.append(np.minimum(_along(across, spread)[0] / np.float32(TORN), 1))
        return tuple(edges)

    def _right(self, matrix: NDArray[np.float32]) -> Floats:
        """How right (h, w), 0..1, the photo warped by ``matrix`` is."""
        height, width = self.energy.shape
        there = cv2.warpAffine(
            self.relief, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        spread = AROUND * max(height, width)
        both, energy = (_mean((there * other).sum(2), spread) for other in (self.relief, there))
        alike = 2 * both / (self.energy + energy + np.float32(2 * NOISE))
        low, high = ALIKE
        right: Floats = np.clip((alike - low) / (high - low), 0, 1).astype(np.float32)
        return right

    def score(self, y: float, x: float, scale: float) -> float:
        """How much of the rim is right on its four sides, 0..4; see :meth:`right`."""
        height, width = self.energy.shape
        deep = round(RIM * min(height, width))
        told = self.right(y, x, scale) * self.weight
        sides = (np.s_[:deep], np.s_[height - deep :], np.s_[:, :deep], np.s_[:, width - deep :])
        return sum(float(told[side].sum() / (self.weight[side] + PLAIN).sum()) for side in sides)

    def around(self, right: Floats) -> Floats:
        """How ``right`` (h, w) what is foretold of the rim is around each place (h, w), 0..1; 0 where it is plain."""
        spread = AROUND * max(self.energy.shape)
        result: Floats = _mean(right * self.weight, spread) / (_mean(self.weight, spread) + np.float32(PLAIN))
        return result


def _matrix(y: float, x: float, scale: float) -> NDArray[np.float32]:
    """From places in the enlargement to those in the picture, for OpenCV."""
    share = 1 / scale
    return np.array([[share, 0, x * (1 - share)], [0, share, y * (1 - share)]], np.float32)


def _along(row: Floats, spread: float) -> Floats:
    """A Gaussian's means along ``row`` (1, n, ...)."""
    result: Floats = cv2.GaussianBlur(row, (0, 0), sigmaX=spread, sigmaY=0.1)
    return result


def _mean(plane: Floats, spread: float) -> Floats:
    result: Floats = cv2.GaussianBlur(plane, (0, 0), spread)
    return result
