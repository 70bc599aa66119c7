"""Patches as short vectors: a mirror-symmetric principal component basis of a photo's own patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PatchBasis:
    """Projects patches of (2 radius + 1)^2 pixels to few numbers that keep their distances.

    Squared distances between codes estimate the mean squared difference a pixel and channel. The basis is
    built from patches and their mirror images together, so each component is either even or odd under
    left-right reflection (``odd``): a mirrored patch has the same code with the odd components negated.
    """

    radius: int
    mean: Floats  # (k * k * 3,)
    matrix: Floats  # (k * k * 3, components)
    odd: NDArray[np.bool_]  # (components,)

    @property
    def components(self) -> int:
        """Numbers a code has."""
        return int(self.matrix.shape[1])

    def mirrored(self, codes: Floats) -> Floats:
        """The codes of the left-right mirrored patches."""
        signs = np.where(self.odd, np.float32(-1), np.float32(1))
        return codes * signs

    def encode(self, image: Floats) -> Floats:
        """Codes (h - 2r, w - 2r, components) of all whole patches of ``image`` (h, w, 3)."""
        rows = windows(image, self.radius)
        height, width = rows.shape[:2]
        codes = np.empty((height, width, self.components), np.float32)
        shift = self.mean @ self.matrix
        step = max(1, 32768 // width)  # rows a piece: the copy of the windows stays in the cache's reach
        for top in range(0, height, step):
            piece = rows[top : top + step]
            flat = piece.reshape(-1, self.matrix.shape[0])
            codes[top : top + step] = (flat @ self.matrix - shift).reshape(*piece.shape[:2], -1)
        return codes


def windows(image: Floats, radius: int) -> Floats:
    """A view (h - 2r, w - 2r, k, 3 k) of all patches of ``image`` (h, w, 3); nothing is copied."""
    k = 2 * radius + 1
    image = np.ascontiguousarray(image)
    height, width = image.shape[:2]
    row, column, sample = image.strides
    return np.lib.stride_tricks.as_strided(
        image,
        (height - k + 1, width - k + 1, k, 3 * k),
        (row, column, row, sample),
        writeable=False,
    )


def fit_basis(patches: Floats, radius: int, components: int) -> PatchBasis:
    """The basis of ``patches`` (n, k, 3 k) and their mirror images, most important components first."""
    k = 2 * radius + 1
    size = k * k * 3
    n = len(patches)
    straight = patches.reshape(n, k, k, 3)
    mirror = straight[:, :, ::-1]
    even = ((straight + mirror) / 2).reshape(n, size).astype(np.float64)
    odd = ((straight - mirror) / 2).reshape(n, size).astype(np.float64)
    mean = even.mean(0)
    even -= mean
    values, vectors, kinds = [], [], []
    for part, is_odd in ((even, False), (odd, True)):
        value, vector = np.linalg.eigh(part.T @ part / max(n, 1))
        values.append(value)
        vectors.append(vector)
        kinds.append(np.full(size, is_odd))
    best = np.argsort(-np.concatenate(values), kind="stable")[: min(components, size)]
    matrix = np.concatenate(vectors, 1)[:, best] / np.sqrt(size)
    return PatchBasis(
        radius, mean.astype(np.float32), matrix.astype(np.float32), np.concatenate(kinds)[best]
    )
