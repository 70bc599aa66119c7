"""Tiny photos and pyramids that train in a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from outpaint_singan.settings import FAST, Settings

from outpaint_cli.plugin import HarmonizeJob, Rect

CPU = torch.device("cpu")
TINY: Settings = replace(
    FAST, iterations=3, coarse=1, bank=3, crop=32, penalty_crop=24, penalty_every=2, half=False
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def texture(height: int = 40, width: int = 48, seed: int = 0, dtype: type = np.uint8) -> NDArray[np.uint8]:
    """A photo of blotches and grain, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    blotches = cv2.GaussianBlur(rng.normal(0, 400, (height, width, 3)).astype(np.float32), (0, 0), 3)
    picture = np.clip(128 + blotches + rng.normal(0, 12, blotches.shape), 0, 255) / 255
    return (picture * np.iinfo(dtype).max).astype(dtype)


def border_job(
    height: int = 40, width: int = 48, pad: int = 8, dtype: type = np.uint8, scale: float = 5.0
) -> HarmonizeJob:
    """A photo with a blurred guess around it."""
    truth = texture(height + 2 * pad, width + 2 * pad, dtype=dtype)
    known = np.zeros(truth.shape[:2], bool)
    known[pad : pad + height, pad : pad + width] = True
    image = np.where(known[..., None], truth, cv2.GaussianBlur(truth, (0, 0), scale / 2))
    return HarmonizeJob(image, known, Rect(pad, pad, width, height), scale=scale)


def hole_job(height: int = 56, width: int = 60) -> HarmonizeJob:
    """A photo with a round hole and a scratch."""
    truth = texture(height, width)
    hole = np.zeros((height, width), np.uint8)
    cv2.circle(hole, (40, 30), 9, 1, -1)
    cv2.line(hole, (0, 4), (width - 1, 10), 1, 2)
    known = hole == 0
    image = np.where(known[..., None], truth, cv2.GaussianBlur(truth, (0, 0), 3))
    return HarmonizeJob(image, known, Rect(0, 0, width, height), scale=5.0)
