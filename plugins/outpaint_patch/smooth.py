"""A guess where there is no network: colours that go on smoothly from the known pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .pyramid import push_pull, shrink

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples


def smooth_guess(image: Samples, known: Bools, long: int = 96) -> Samples:
    """``image`` (H, W, 3) with its unknown pixels filled smoothly, worked out at ``long`` cells."""
    height, width = known.shape
    share = min(1.0, long / max(height, width))
    only: Samples = image * known[..., None]
    level = shrink(
        only,
        known,
        max(1, round(height * share)),
        max(1, round(width * share)),
    )
    top = np.iinfo(image.dtype).max
    if not level.known.any():
        mean = image[known].mean(0) if known.any() else np.full(3, top / 2)
        fill = np.broadcast_to(mean.astype(image.dtype), image.shape)
    else:
        filled = push_pull(level.image, level.known.astype(np.float32))
        small = (np.clip(filled, 0, 1) * top + 0.5).astype(image.dtype)
        fill = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    result: Samples = image.copy()
    np.copyto(result, fill, where=~known[..., None])
    return result
