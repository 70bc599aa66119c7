"""reflect and edge by index, telea and ns through OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from outpaint_cli.plugin import AnyMask, Border, Context, FillSpec, Native

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def known_span(known: Bools, axis: int) -> tuple[int, int]:
    """First known index along ``axis`` (0 rows, 1 columns) of a bool (H, W) mask, and the one after the last."""
    at = np.flatnonzero(known.any(1 - axis))
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, known.shape[axis])


class _ByIndex:
    """Every pixel outside the known rectangle is a copy of one inside."""

    spec = FillSpec(size=Native(), known=Border(), max_unknown=1.0)
    device = "cpu"

    def index(self, at: NDArray[np.intp], low: int, high: int) -> NDArray[np.intp]:
        """The positions inside low..high-1 that ``at`` copies."""
        raise NotImplementedError

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats:
        """Images float32 (N, H, W, 3), known bool (N, H, W): the same shape, filled."""
        out = np.empty_like(images)
        for image, mask, result in zip(images, known, out, strict=True):
            height, width = mask.shape
            rows = self.index(np.arange(height), *known_span(mask, 0))
            columns = self.index(np.arange(width), *known_span(mask, 1))
            result[:] = image[rows[:, None], columns]
        return out


class Reflect(_ByIndex):
    """Mirrors the photo at its edges, as often as it takes (symmetric padding)."""

    def index(self, at: NDArray[np.intp], low: int, high: int) -> NDArray[np.intp]:
        """A triangle wave over the span."""
        length = high - low
        phase = (at - low) % (2 * length)
        return low + np.minimum(phase, 2 * length - 1 - phase)


class Edge(_ByIndex):
    """Repeats the photo's outermost pixels."""

    def index(self, at: NDArray[np.intp], low: int, high: int) -> NDArray[np.intp]:
        """The nearest position in the span."""
        return np.clip(at, low, high - 1)


class OpenCV:
    """One of OpenCV's two classical inpainting methods, radius 3, in 8 bit."""

    spec = FillSpec(size=Native(), known=AnyMask(), max_unknown=1.0)
    device = "cpu"

    def __init__(self, method: int) -> None:
        self._method = method

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats:
        """Images float32 (N, H, W, 3), known bool (N, H, W): the same shape, filled."""
        out = np.empty_like(images)
        for image, mask, result in zip(images, known, out, strict=True):
            ctx.check()
            pixels = np.round(image * 255).astype(np.uint8)
            filled = cv2.inpaint(pixels, (~mask).astype(np.uint8), 3, self._method)
            result[:] = filled.astype(np.float32) / 255
            result[mask] = image[mask]
        return out


def telea() -> OpenCV:
    """Fast marching inpainting, Telea 2004 (An image inpainting technique based on the fast marching method)."""
    return OpenCV(cv2.INPAINT_TELEA)


def navier_stokes() -> OpenCV:
    """Bertalmio et al. 2001 (Navier-Stokes, fluid dynamics, and image and video inpainting)."""
    return OpenCV(cv2.INPAINT_NS)
