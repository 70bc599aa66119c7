"""Sample sheets: rows of small pictures as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sheet(rows: Sequence[Sequence[NDArray[Any]]], gap: int = 4) -> NDArray[np.uint8]:
    """Pictures, uint8 or float in 0..1, (h, w, 3) each, in rows on white: uint8 (H, W, 3)."""
    pictures = [[_bytes(picture) for picture in row] for row in rows]
    height = max(p.shape[0] for row in pictures for p in row)
    width = max(p.shape[1] for row in pictures for p in row)
    columns = max(len(row) for row in pictures)
    canvas = np.full(
        (len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, dtype=np.uint8
    )
    for r, row in enumerate(pictures):
        for c, picture in enumerate(row):
            y, x = r * (height + gap), c * (width + gap)
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return canvas


def save_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write (H, W, 3) as PNG, whole or not at all."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    Image.fromarray(picture).save(beside, "PNG")
    beside.replace(path)


def _bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    if picture.dtype != np.uint8:
        picture = np.rint(np.clip(picture, 0, 1) * 255)
    return picture.astype(np.uint8, copy=False)
