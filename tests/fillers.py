"""Fillers that return known patterns: they prove that every pixel arrives where it belongs."""

from __future__ import annotations

import numpy as np

from outpaint_cli.plugin import Context, Filled, FillSpec


class Plane:
    """Fits a plane to the known pixels of each channel and returns it everywhere: ramps go on as ramps."""

    device = "cpu"

    def __init__(self, spec: FillSpec) -> None:
        self.spec = spec
        self.calls: list[tuple[int, ...]] = []

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> Filled:
        self.calls.append(images.shape)
        assert not images[~known].any(), "unknown pixels must hold 0"
        out = np.empty_like(images)
        for image, mask, result in zip(images, known, out, strict=True):
            if mask.all():
                result[:] = image
                continue
            rows, columns = np.indices(mask.shape).astype(np.float64)
            at = mask.ravel()
            given = image.reshape(-1, 3)[at].astype(np.float64)
            slopes = np.stack([rows.ravel(), columns.ravel()], 1)
            centre, colour = slopes[at].mean(0), given.mean(0)
            slopes -= centre
            # Degenerate known parts (one row) leave a slope open: the pseudo-inverse then takes none.
            normal = np.linalg.pinv(slopes[at].T @ slopes[at], rcond=1e-9, hermitian=True)
            weights = normal @ (slopes[at].T @ (given - colour))
            result[:] = (slopes @ weights + colour).reshape(image.shape)
        return Filled(out, np.ones(known.shape, np.float32))


class Truth:
    """Returns a picture that it was given beforehand, where the window is the whole frame."""

    device = "cpu"

    def __init__(self, spec: FillSpec, truth: np.ndarray) -> None:
        self.spec, self.truth = spec, truth

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        out = images.copy()
        out[0] = np.where(known[0][..., None], images[0], self.truth)
        return out


def plane(width: int, height: int, dtype: type = np.uint16) -> np.ndarray:
    """A ramp from 0.1 to 0.9 of the range, another in each channel; (H, W, 3)."""
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    red = np.broadcast_to(x[None, :], (height, width))
    green = np.broadcast_to(y[:, None], (height, width))
    picture = 0.1 + 0.8 * np.stack([red, green, (red + green) / 2], 2)
    return np.round(picture * np.iinfo(dtype).max).astype(dtype)
