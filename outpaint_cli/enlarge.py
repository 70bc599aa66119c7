"""A filled ring at full resolution, tile by tile: what most of the time of a large output goes into."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from outpaint_cli.fill import FilledRing, Grid, Layer, blend_layers
from outpaint_cli.plugin import Rect
from outpaint_cli.resample import axis_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outpaint_cli.plugin import Floats, Samples

LONGEST = 8192
"""Rows and columns of what of a seam is done at once."""

KEPT_PIXELS = 1 << 14
"""Pieces of a seam of at most so many pixels are the same in every picture of a size, and remembered."""

ROWS, COLUMNS = 128, 512
"""Of a tile: so few floats that they stay in a processor's own cache."""


def ring_values(filled: FilledRing, strip: Rect, top: float, every: int = 1) -> Iterator[tuple[Rect, Floats]]:
    """Tiles of ``strip``, which lies within the ring, with their values 0..``top``, float32 (h, w, 3).

    With ``every`` 2 a value stands for 2x2 pixels, or what of them lies in the tile.
    """
    if len(filled.layers) == 1:
        yield from _layer_values(filled.layers[0], strip, top, every)
        return
    for x in range(strip.x, strip.right, COLUMNS):
        for y in range(strip.y, strip.bottom, ROWS):
            tile = Rect(x, y, min(COLUMNS, strip.right - x), min(ROWS, strip.bottom - y))
            grid = Grid(x, y, every, every, -(-tile.width // every), -(-tile.height // every))
            values = blend_layers(filled, grid)
            values *= np.float32(top)
            yield tile, values


def _layer_values(layer: Layer, strip: Rect, top: float, every: int) -> Iterator[tuple[Rect, Floats]]:
    """As ``fill.blend_layers`` for one layer: first across, where there are few rows, then down."""
    w = layer.window
    height, width = -(-strip.height // every), -(-strip.width // every)
    rows = axis_weights(w.y, w.step_y, w.height, strip.y, every, height)
    columns = axis_weights(w.x, w.step_x, w.width, strip.x, every, width)
    image = layer.image[rows.source, columns.source] * np.float32(top)
    lines = len(image)
    flat = np.ascontiguousarray(image.transpose(1, 0, 2)).reshape(-1, lines * 3)
    for x, first, weights in columns.blocks(COLUMNS):
        wide = weights @ flat[first : first + weights.shape[1]]
        wide = np.ascontiguousarray(wide.reshape(-1, lines, 3).transpose(1, 0, 2)).reshape(lines, -1)
        for y, start, part in rows.blocks(ROWS):
            values = part @ wide[start : start + part.shape[1]]
            tile = Rect(strip.x + every * x, strip.y + every * y, every * len(weights), every * len(part))
            yield tile.intersect(strip), values.reshape(len(part), len(weights), 3)


def seam_8_bit(out: Samples, frame: Rect, known: Rect, band: float) -> None:
    """Fade the mirrored edge of the known part into ``out`` (H, W, C) over ``band`` pixels outside it, in place."""
    reach = math.ceil(band) + 1
    for y, height in span(frame.y, frame.bottom, known.y, known.bottom, reach):
        for x, width in span(frame.x, frame.right, known.x, known.right, reach):
            if known.intersect(Rect(x, y, width, height)).area:
                continue
            for left in range(x, x + width, LONGEST):
                for upper in range(y, y + height, LONGEST):
                    piece = Rect(
                        left, upper, min(LONGEST, x + width - left), min(LONGEST, y + height - upper)
                    )
                    _fade(out, piece, known, band)


def _fade(out: Samples, piece: Rect, known: Rect, band: float) -> None:
    kept = piece.area <= KEPT_PIXELS
    rows, columns, rest, weight = (_kept_shares if kept else _shares)(piece, known, band)
    edge = _take(_take(out, rows, 0), columns, 1)
    part = out[piece.slices()]
    part[:] = cv2.blendLinear(np.ascontiguousarray(part), np.ascontiguousarray(edge), rest, weight)


def _shares(
    piece: Rect, known: Rect, band: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """Rows and columns of the mirrored edge that lies over ``piece``, what stays of ``piece``, and its own share."""
    ys, xs = np.arange(piece.y, piece.bottom), np.arange(piece.x, piece.right)
    down = np.maximum(np.maximum(known.y - ys, ys - known.bottom + 1), 0).astype(np.float32)[:, None]
    across = np.maximum(np.maximum(known.x - xs, xs - known.right + 1), 0).astype(np.float32)[None, :]
    # Beside an edge, away from corners, the distance is that to the edge: one value a row or a column.
    distance = down if not across.any() else across if not down.any() else np.hypot(down, across)
    share = np.clip((np.float32(0.5) - distance) / np.float32(band) + 1, 0, 1)
    share *= share * (3 - 2 * share)
    weight = np.empty((piece.height, piece.width), np.float32)
    weight[:] = share
    rows = mirror_index(ys, known.y, known.bottom)
    columns = mirror_index(xs, known.x, known.right)
    return rows, columns, 1 - weight, weight


_kept_shares = functools.lru_cache(maxsize=64)(_shares)


def _take(samples: Samples, index: NDArray[np.intp], axis: int) -> Samples:
    """``np.take`` of (h, w, C), quicker where ``index`` runs evenly up or down."""
    step = int(index[-1]) - int(index[0]) if len(index) > 1 else 0
    if abs(step) != len(index) - 1:
        taken: Samples = np.take(samples, index, axis)
        return taken
    low, high = int(index.min()), int(index.max()) + 1
    cut = (slice(low, high), slice(None)) if axis == 0 else (slice(None), slice(low, high))
    part = samples[cut]
    return cv2.flip(part, axis) if step < 0 else part


def span(low: int, high: int, known_low: int, known_high: int, reach: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of what of ``low`` to ``high`` lies before, within and behind the known part."""
    for first, last in (
        (known_low - reach, known_low),
        (known_low, known_high),
        (known_high, known_high + reach),
    ):
        start, stop = max(low, first), min(high, last)
        if start < stop:
            yield start, stop - start


def mirror_index(at: np.ndarray, low: int, high: int) -> np.ndarray:
    """Where each of ``at`` falls when mirrored at the edges of ``low`` to ``high``."""
    mirrored = np.where(at < low, 2 * low - 1 - at, np.where(at >= high, 2 * high - 1 - at, at))
    return np.clip(mirrored, low, high - 1)
