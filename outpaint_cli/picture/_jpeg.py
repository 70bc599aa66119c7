"""JPEG quantisation: what quality a file was written with, and tables that are no coarser."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# ITU-T T.81, K.1 and K.2, in natural order: what "quality" scales.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
)  # fmt: skip

Table = tuple[int, ...]


@functools.cache
def tables(quality: int) -> tuple[Table, Table]:
    """The luma and chroma tables of libjpeg for a quality of 1..100."""
    quality = min(100, max(1, quality))
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality

    def scaled(table: Table) -> Table:
        return tuple(min(255, max(1, (value * scale + 50) // 100)) for value in table)

    return scaled(_LUMA), scaled(_CHROMA)


@functools.cache
def _all_tables() -> NDArray[np.int64]:
    """Both tables of all qualities, (100, 2, 64), the highest first."""
    return np.array([tables(quality) for quality in range(100, 0, -1)])


def quality_of(qtables: Mapping[int, Table]) -> int:
    """The quality 1..100 whose tables come nearest."""
    own = [qtables[key] for key in sorted(qtables)][:2]
    if not own:
        return 75
    distances = np.abs(_all_tables()[:, : len(own)] - np.array(own)).sum((1, 2))
    return 100 - int(distances.argmin())


def no_coarser(qtables: Mapping[int, Table], quality: int, *, one: bool) -> list[list[int]]:
    """Tables that keep at least what both the file's own and that quality keep.

    ``one``: a single table for all components, as CMYK is written.
    """
    luma, chroma = tables(quality)
    keys = sorted(qtables)
    own_luma = qtables[keys[0]]
    own_chroma = qtables[keys[1]] if len(keys) > 1 else own_luma
    first = [min(pair) for pair in zip(luma, own_luma, strict=True)]
    second = [min(pair) for pair in zip(chroma, own_chroma, strict=True)]
    if one:
        return [[min(pair) for pair in zip(first, second, strict=True)]]
    return [first, second]
