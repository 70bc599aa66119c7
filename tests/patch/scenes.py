"""Small pictures drawn in code: known answers for texture, structure and grain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from outpaint_cli.plugin import HarmonizeJob, Rect


def landscape(height: int = 180, width: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """A grainy sky over a meadow, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.empty((height, width, 3), np.float32)
    horizon = height // 2
    picture[:horizon] = np.linspace((110, 150, 220), (170, 190, 230), horizon)[:, None]
    picture[horizon:] = (70, 130, 60)
    blades = cv2.GaussianBlur(rng.normal(0, 60, (height - horizon, width, 3)).astype(np.float32), (0, 0), 1.2)
    picture[horizon:] += blades
    picture += rng.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def stripes(height: int = 144, width: int = 216, period: int = 12) -> NDArray[np.uint8]:
    """Upright stripes, uint8 (height, width, 3)."""
    wave = np.sin(np.arange(width) * (2 * np.pi / period)) > 0
    row = np.where(wave[:, None], (200, 60, 40), (240, 230, 210))
    return np.broadcast_to(row, (height, width, 3)).astype(np.uint8).copy()


def central(height: int, width: int, share: float = 1 / 6) -> NDArray[np.bool_]:
    """Known pixels: all but a border of ``share`` of each side."""
    known = np.zeros((height, width), bool)
    y, x = round(height * share), round(width * share)
    known[y : height - y, x : width - x] = True
    return known


def rough_job(truth: NDArray[np.uint8], known: NDArray[np.bool_], **more: object) -> HarmonizeJob:
    """A job whose guess is the truth, blurred beyond recognition: right in colour, empty of detail."""
    height, width = known.shape
    few = max(1, width * 16 // max(known.shape)), max(1, height * 16 // max(known.shape))
    guess = cv2.resize(cv2.resize(truth, few, interpolation=cv2.INTER_AREA), (width, height))
    image = np.where(known[..., None], truth, guess).astype(truth.dtype)
    y, x = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    photo = Rect(int(x[0]), int(y[0]), int(x[-1] - x[0] + 1), int(y[-1] - y[0] + 1))
    return HarmonizeJob(image, known, photo, scale=4.0, **more)  # type: ignore[arg-type]
