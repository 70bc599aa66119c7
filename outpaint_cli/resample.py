"""Exact resampling between grids that lie anywhere over each other: area means down, Catmull-Rom up.

OpenCV's warps round positions to 1/32 pixel, which shows as steps when a 128-pixel guess is enlarged fifty
times, and Pillow's resize can't look beyond a picture's edge; two small matrix products do both exactly.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FEW = 16
"""New samples that are made at once: they need few of the old ones."""

SMALL = 1 << 16
"""Weights, as many of which are kept for the next picture of the same size."""


@dataclass(frozen=True)
class Weights:
    """How samples of a new grid are made from those of an old one.

    ``source`` are the old samples that matter, ``matrix`` float32 (new samples, length of ``source``) the weights.
    """

    source: slice
    matrix: Floats

    @functools.cached_property
    def _blocks(self) -> dict[tuple[int, int], list[tuple[int, int, Floats]]]:
        return {}

    def blocks(self, length: int, channels: int = 0) -> list[tuple[int, int, Floats]]:
        """The matrix cut into blocks of ``length`` rows: nearly all of it is zero but for a few neighbours.

        Each is its first row, its first column that is not all zero, and what lies between that and the last
        such column: (rows, columns). With ``channels`` a block is to be multiplied with from the right, by lines of
        samples with so many interleaved values each: (columns * channels, rows * channels).
        """
        found = self._blocks.get((length, channels))
        if found is None:
            found = self._blocks[length, channels] = [
                _block(self.matrix[at : at + length], at, channels)
                for at in range(0, len(self.matrix), length)
            ]
        return found


def _block(rows: Floats, at: int, channels: int) -> tuple[int, int, Floats]:
    used = np.flatnonzero(rows.any(0))
    first, last = int(used[0]), int(used[-1]) + 1
    dense = np.ascontiguousarray(rows[:, first:last])
    if not channels:
        return at, first, dense
    wide = np.zeros((last - first, channels, len(rows), channels), np.float32)
    for channel in range(channels):
        wide[:, channel, :, channel] = dense.T
    return at, first, wide.reshape((last - first) * channels, len(rows) * channels)


def axis_weights(
    source_start: float, source_step: float, source_count: int, start: float, step: float, count: int
) -> Weights:
    """Weights that make ``count`` samples of a new grid from ``source_count`` samples of an old one.

    Sample i of a grid covers ``start + i * step`` to ``start + (i + 1) * step`` (any unit). Coarser grids take
    area means, finer ones Catmull-Rom interpolation at the sample's centre; beyond the source its edge repeats.
    The rows of the matrix sum to 1. It may be shared: it is not to be changed.
    """
    make = _kept_weights if source_count * count <= SMALL else _weights
    return make(source_start, source_step, source_count, start, step, count)


def _weights(
    source_start: float, source_step: float, source_count: int, start: float, step: float, count: int
) -> Weights:
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
    return Weights(slice(int(cells[0]), int(cells[-1]) + 1), matrix.astype(np.float32))


_kept_weights = functools.lru_cache(maxsize=64)(_weights)


def resample(image: NDArray[np.generic], rows: Weights, columns: Weights) -> Floats:
    """``image`` (H, W, C) on a new grid: rows and columns as :func:`axis_weights` gives them; float32."""
    part = np.ascontiguousarray(image[rows.source, columns.source], dtype=np.float32)
    height, width, channels = part.shape
    lines = part.reshape(height, width * channels)
    down = np.empty((len(rows.matrix), width * channels), np.float32)
    for at, first, block in rows.blocks(FEW):
        np.matmul(block, lines[first : first + block.shape[1]], out=down[at : at + len(block)])
    out = np.empty((len(rows.matrix), len(columns.matrix) * channels), np.float32)
    for at, first, block in columns.blocks(FEW, channels):
        old = down[:, first * channels : first * channels + len(block)]
        out[:, at * channels : at * channels + block.shape[1]] = old @ block
    return out.reshape(len(rows.matrix), len(columns.matrix), channels)


def axis_cover(low: float, high: float, start: float, step: float, count: int) -> Floats:
    """How much (0..1) of each sample of a grid lies between ``low`` and ``high``; float32 (count,)."""
    edges = start + step * np.arange(count + 1)
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) / step
    cover: Floats = inside.astype(np.float32)
    return cover
