"""Exact resampling between grids that lie anywhere over each other: area means down, Catmull-Rom up.

OpenCV's warps round positions to 1/32 pixel, which shows as steps when a 128-pixel guess is enlarged fifty
times, and Pillow's resize can't look beyond a picture's edge; two small matrix products do both exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def axis_weights(
    source_start: float, source_step: float, source_count: int, start: float, step: float, count: int
) -> tuple[slice, Floats]:
    """Weights that make ``count`` samples of a new grid from ``source_count`` samples of an old one.

    Sample i of a grid covers ``start + i * step`` to ``start + (i + 1) * step`` (any unit). Coarser grids take
    area means, finer ones Catmull-Rom interpolation at the sample's centre; beyond the source its edge repeats.
    Returns the slice of source samples that matter and a float32 matrix (count, slice length), rows summing to 1.
    """
    if step > source_step * (1 + 1e-9):
        edges = np.clip((start + step * np.arange(count + 1) - source_start) / source_step, 0, source_count)
        low, high = edges[:-1], edges[1:]
        # Outside the source an interval is empty: take the nearest sample instead.
        empty = high - low < 1e-9
        nearest = np.clip(np.floor(low), 0, source_count - 1)
        low, high = np.where(empty, nearest, low), np.where(empty, nearest + 1, high)
        first, last = int(np.floor(low.min())), min(source_count, int(np.ceil(high.max() - 1e-12)))
        cells = np.arange(first, max(last, first + 1))
        matrix = np.minimum(high[:, None], cells + 1) - np.maximum(low[:, None], cells)
        matrix = np.maximum(matrix, 0)
    else:
        centre = (start + step * (np.arange(count) + 0.5) - source_start) / source_step - 0.5
        base = np.floor(centre).astype(int)
        t = centre - base
        taps = np.stack(
            [
                ((2 - t) * t - 1) * t / 2,
                ((3 * t - 5) * t * t + 2) / 2,
                ((4 - 3 * t) * t + 1) * t / 2,
                (t - 1) * t * t / 2,
            ],
            1,
        )
        wanted = base[:, None] + np.arange(-1, 3)
        columns = np.clip(wanted, 0, source_count - 1)
        first, last = int(columns.min()), int(columns.max()) + 1
        if source_count > 1 and (wanted != columns).any():
            first, last = min(first, source_count - 2), max(last, 2)
        cells = np.arange(first, last)
        matrix = np.zeros((count, len(cells)))
        rows = np.arange(count)
        # A tap one beyond the edge continues the last two samples in a line, or a ramp would flatten there.
        inside = (centre > -1) & (centre < source_count) & (source_count > 1)
        for tap in range(4):
            weight, over = taps[:, tap], wanted[:, tap] - columns[:, tap]
            line = inside & (np.abs(over) == 1)
            np.add.at(matrix, (rows, columns[:, tap] - first), np.where(line, 2 * weight, weight))
            inner = np.clip(columns[:, tap] - over, 0, source_count - 1) - first
            np.add.at(matrix, (rows[line], inner[line]), -weight[line])
    matrix /= matrix.sum(1, keepdims=True)
    return slice(int(cells[0]), int(cells[-1]) + 1), matrix.astype(np.float32)


def resample(image: NDArray[np.generic], rows: tuple[slice, Floats], columns: tuple[slice, Floats]) -> Floats:
    """``image`` (H, W, C) on a new grid: rows and columns as :func:`axis_weights` gives them; float32."""
    part = np.ascontiguousarray(image[rows[0], columns[0]], dtype=np.float32)
    height, width, channels = part.shape
    down = rows[1] @ part.reshape(height, width * channels)
    out: Floats = np.matmul(columns[1], down.reshape(len(rows[1]), width, channels))
    return out


def axis_cover(low: float, high: float, start: float, step: float, count: int) -> Floats:
    """How much (0..1) of each sample of a grid lies between ``low`` and ``high``; float32 (count,)."""
    edges = start + step * np.arange(count + 1)
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) / step
    cover: Floats = inside.astype(np.float32)
    return cover
