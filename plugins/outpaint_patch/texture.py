"""What texture a picture has, place by place: how strong its detail is, how fine, and which way it runs.

Two places of like colour may be grass and a painted wall. Mean squares of band-pass responses tell them apart
(Malik and Perona 1990, Preattentive texture discrimination with early vision mechanisms); their logarithms
differ by about as much as the eye says.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Floats

LONG = 128
"""Cells along the long side of the frame at which texture is told."""

FINE = 3
"""Pixels a cell at which it is measured."""

MULTIPLE = 16
"""The network halves its input four times."""

CHANNELS = 10
"""Four bands of lightness, gradients across and along at two scales, two of colour."""

SPREAD = 5 / 3
"""How far around a cell its texture is measured: the Gaussian's sigma in cells."""

FLOOR = 1e-5
"""Below a difference of one part in 300 there is no texture."""

LEAST = np.float32(np.log10(FLOOR) / 2)
"""What is told where there is none."""


def cells(height: int, width: int) -> tuple[int, int]:
    """The height and width in cells at which the texture of a frame is told: multiples of 16, 128 at most."""
    long = max(height, width)
    tall, wide = (max(2, round(LONG * side / long / MULTIPLE)) * MULTIPLE for side in (height, width))
    return tall, wide


def energies(image: Floats) -> Floats:
    """Squared responses (h, w, CHANNELS) of ``image`` float32 (FINE h, FINE w, 3), sRGB 0..1."""
    unit = max(image.shape[:2]) / (FINE * LONG)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB) / np.array((100, 255, 255), np.float32)
    light = np.ascontiguousarray(lab[..., 0])

    def smooth(plane: Floats, sigma: float) -> Floats:
        result: Floats = cv2.GaussianBlur(plane, (0, 0), sigma * unit)
        return result

    bands = [light, *(smooth(light, sigma) for sigma in (1, 2, 4, 8))]
    found = [fine - coarse for fine, coarse in pairwise(bands)]
    for plane in (bands[1], smooth(light, 3)):
        found += [cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)]
    found += [plane - smooth(plane, 5) for plane in (lab[..., 1].copy(), lab[..., 2].copy())]
    size = (image.shape[1] // FINE, image.shape[0] // FINE)
    return np.stack([cv2.resize(np.square(f), size, interpolation=cv2.INTER_AREA) for f in found], -1)


def texture(energy: Floats, share: Floats | None = None) -> Floats:
    """Half the decimal logarithms (h, w, CHANNELS), -2.5 to about 0, of ``energy`` around each cell.

    Cells count as much as ``share`` (h, w) says; where none around counts, there is none.
    """
    heeded = energy if share is None else energy * share[..., None]
    mean: Floats = np.stack(
        [cv2.GaussianBlur(plane, (0, 0), SPREAD) for plane in np.moveaxis(heeded, -1, 0)], -1
    )
    if share is not None:
        near: Floats = cv2.GaussianBlur(share, (0, 0), SPREAD)
        mean /= np.maximum(near, np.float32(1e-6))[..., None]
    result: Floats = np.log10(mean + np.float32(FLOOR)) / 2
    return result
