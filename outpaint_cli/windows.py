"""Which windows a filler is asked for, and in which order: pure geometry, no pixels.

A large extension is grown ring by ring (recursive outpainting, van Hoorick 2019, section 3.4): each ring's
known part is the photo with all that was filled before. Within a ring, windows cover what is new; each is
scaled to a size that the filler's FillSpec allows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from outpaint_cli.frame import Frame
from outpaint_cli.plugin import FillSpec, Fixed, KnownRect, Multiple, Native, Rect

LONGEST_SHAPE = 2.0
"""A ring longer than this (long side over short) is cut into several windows, where each still sees enough."""

FEWEST_KNOWN = 8
"""The fewest working pixels across the known part; thinner photos are stretched to it."""

THINNEST = 4
"""Pixels; a photo thinner than this can't be slid along for a filler that knows one fixed rectangle."""


@dataclass(frozen=True)
class Window:
    """A working canvas laid over the frame.

    Working pixel (row i, column j) covers frame pixels ``x + j * step_x`` to ``x + (j + 1) * step_x``, and so
    on down. The canvas may reach beyond the frame; there it is unknown. ``visible`` bounds what the filler
    may know, in working pixels (for a filler that knows one fixed rectangle), or is None.
    """

    x: float
    y: float
    step_x: float
    step_y: float
    width: int
    height: int
    visible: Rect | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the canvas."""
        return self.height, self.width


@dataclass(frozen=True)
class Ring:
    """One step of growth: from ``known`` to ``grown``, both in frame pixels, through ``windows``.

    Without windows the ring is filled by repeating the edge: for photos too small for the filler.
    """

    known: Rect
    grown: Rect
    windows: tuple[Window, ...]


def plan_rings(frame: Frame, spec: FillSpec, known: Rect | None = None, zoom: float = 1.0) -> list[Ring]:
    """The rings from ``known`` (default: the photo) to the whole frame, inside out.

    ``zoom`` in (0, 1] shrinks the photo further on the canvas than it need be: variants use it.
    """
    inner = known or frame.photo
    rings = []
    while inner != frame.rect:
        if isinstance(spec.known, KnownRect):
            ring = _rect_ring(inner, frame.rect, spec, spec.known.rect)
        else:
            grown = inner if isinstance(spec.size, Native) else _grow(inner, frame.rect, spec.max_unknown)
            if isinstance(spec.size, Native):
                grown = frame.rect
            ring = Ring(inner, grown, _cover(inner, grown, spec, zoom))
        rings.append(ring)
        inner = ring.grown
    return rings


def _between(inner: Rect, outer: Rect, share: float) -> Rect:
    """``inner`` grown by ``share`` (0..1) of what is missing on each side; at least a pixel where any is."""

    def part(missing: int) -> int:
        return min(missing, max(1, math.floor(missing * share + 1e-9))) if missing else 0

    left, top = part(inner.x - outer.x), part(inner.y - outer.y)
    right, bottom = part(outer.right - inner.right), part(outer.bottom - inner.bottom)
    return Rect(inner.x - left, inner.y - top, inner.width + left + right, inner.height + top + bottom)


def _grow(inner: Rect, outer: Rect, max_unknown: float) -> Rect:
    """The largest rectangle on the way to ``outer`` whose unknown share is at most ``max_unknown``."""
    if 1 - inner.area / outer.area <= max_unknown:
        return outer
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if 1 - inner.area / _between(inner, outer, middle).area <= max_unknown:
            low = middle
        else:
            high = middle
    return _between(inner, outer, low)


# ------------------------------------------------------------------------- fillers that know any mask


def _cover(inner: Rect, grown: Rect, spec: FillSpec, zoom: float) -> tuple[Window, ...]:
    """As many windows along the longer side as leave each with enough known pixels; one for most photos."""
    long, short = max(grown.width, grown.height), min(grown.width, grown.height)
    most = 1
    if not isinstance(spec.size, Native):
        most = max(1, min(16, math.ceil(2 * long / (LONGEST_SHAPE * short)) - 1))
    for count in range(most, 0, -1):
        length = 2 * long / (count + 1)  # neighbours share half
        areas = []
        for i in range(count):
            start = i * length / 2
            if grown.width >= grown.height:
                areas.append((grown.x + start, float(grown.y), length, float(grown.height)))
            else:
                areas.append((float(grown.x), grown.y + start, float(grown.width), length))
        if count == 1 or all(_known_share(area, inner) >= 1 - spec.max_unknown for area in areas):
            return tuple(_canvas(area, inner, spec, zoom) for area in areas)
    raise AssertionError("one window always serves")


def _known_share(area: tuple[float, float, float, float], inner: Rect) -> float:
    x, y, width, height = area
    across = min(x + width, inner.right) - max(x, inner.x)
    down = min(y + height, inner.bottom) - max(y, inner.y)
    return max(0.0, across) * max(0.0, down) / (width * height)


def _canvas(area: tuple[float, float, float, float], inner: Rect, spec: FillSpec, zoom: float) -> Window:
    """The working canvas for ``area``, the area in its middle, the aspect kept unless a side would vanish."""
    x, y, width, height = area
    if isinstance(spec.size, Native):
        shrink = min(1.0, math.sqrt(spec.size.max_pixels / (width * height)))
        canvas_w, canvas_h = max(1, math.floor(width * shrink)), max(1, math.floor(height * shrink))
        return Window(x, y, width / canvas_w, height / canvas_h, canvas_w, canvas_h)
    if isinstance(spec.size, Multiple):
        largest_w = largest_h = spec.size.max
    else:
        largest_w, largest_h = spec.size.width, spec.size.height
    rim = 2 * spec.margin
    largest_w, largest_h = max(1, largest_w - rim), max(1, largest_h - rim)
    step_x = step_y = max(width / largest_w, height / largest_h) / zoom
    # A known part thinner than a few working pixels tells a filler nothing: stretch that direction.
    step_x = max(width / largest_w, min(step_x, min(inner.width, width) / FEWEST_KNOWN))
    step_y = max(height / largest_h, min(step_y, min(inner.height, height) / FEWEST_KNOWN))
    if isinstance(spec.size, Multiple):
        canvas_w, canvas_h = _side(width / step_x + rim, spec.size), _side(height / step_y + rim, spec.size)
    else:
        canvas_w, canvas_h = spec.size.width, spec.size.height
    x -= (canvas_w * step_x - width) / 2
    y -= (canvas_h * step_y - height) / 2
    return Window(x, y, step_x, step_y, canvas_w, canvas_h)


def _side(length: float, size: Multiple) -> int:
    smallest = math.ceil(size.min / size.k) * size.k
    return min(size.max, max(smallest, math.ceil(length / size.k - 1e-9) * size.k))


# ---------------------------------------------------------------- fillers that know one fixed rectangle


def _rect_ring(inner: Rect, outer: Rect, spec: FillSpec, rect: Rect) -> Ring:
    """A ring for a filler whose known part is always ``rect`` of its fixed size.

    The rectangle is slid along the edges that grow; it always lies inside what is known. Photos of extreme
    shape are stretched to the rectangle as a whole instead, as the paper does with every photo.
    """
    assert isinstance(spec.size, Fixed)
    if min(inner.width, inner.height) < THINNEST:
        return Ring(inner, _thicken(inner, outer), ())
    margins = (rect.x, rect.y, spec.size.width - rect.right, spec.size.height - rect.bottom)
    whole = max(inner.width, inner.height) > 3 * min(inner.width, inner.height)
    largest_x, largest_y = inner.width / rect.width, inner.height / rect.height
    if not whole:
        largest_x = largest_y = min(largest_x, largest_y)

    def steps(grown: Rect) -> tuple[float, float]:
        """Frame pixels a working pixel that this growth needs, across and down."""
        growth = (
            inner.x - grown.x,
            inner.y - grown.y,
            grown.right - inner.right,
            grown.bottom - inner.bottom,
        )
        need = [g / m if m else (math.inf if g else 0.0) for g, m in zip(growth, margins, strict=True)]
        return max(need[0], need[2]), max(need[1], need[3])

    def fits(grown: Rect) -> bool:
        across, down = steps(grown)
        return across <= largest_x and down <= largest_y

    low, high = 0.0, 1.0
    if fits(outer):
        low = 1.0
    else:
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(_between(inner, outer, middle)) else (low, middle)
    grown = outer if low == 1.0 else _between(inner, outer, low)
    if not fits(grown):
        return Ring(inner, grown, ())
    if whole:
        step_x, step_y = largest_x, largest_y
    else:
        step_x = step_y = max(*steps(grown), min(largest_x, 1.0))
    xs = _positions(inner.x, inner.width, rect.width * step_x)
    ys = _positions(inner.y, inner.height, rect.height * step_y)
    windows = []
    for row, y in enumerate(ys):
        for column, x in enumerate(xs):
            needed = (
                (row == 0 and grown.y < inner.y)
                or (row == len(ys) - 1 and grown.bottom > inner.bottom)
                or (column == 0 and grown.x < inner.x)
                or (column == len(xs) - 1 and grown.right > inner.right)
            )
            if needed:
                windows.append(
                    Window(
                        x - rect.x * step_x, y - rect.y * step_y, step_x, step_y,
                        spec.size.width, spec.size.height, rect,
                    )
                )  # fmt: skip
    return Ring(inner, grown, tuple(windows))


def _thicken(inner: Rect, outer: Rect) -> Rect:
    """The smallest growth that makes ``inner`` thick enough, or all of it where none does."""
    for step in range(1, 65):
        grown = _between(inner, outer, step / 64)
        if min(grown.width, grown.height) >= THINNEST:
            return grown
    return outer


def _positions(start: float, length: float, window: float) -> list[float]:
    """Where windows of ``window`` start so that they cover ``length`` evenly without leaving it."""
    count = max(1, math.ceil(length / window - 1e-9))
    if count == 1:
        return [start + (length - window) / 2]
    return [start + i * (length - window) / (count - 1) for i in range(count)]
