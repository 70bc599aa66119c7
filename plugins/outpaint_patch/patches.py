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
    flat = patches.reshape(-1, size).astype(np.float32)
    mean = flat.mean(0)
    flat = flat - (mean + _mirror(mean[None], k)[0]) / 2
    mean = (mean + _mirror(mean[None], k)[0]) / 2
    spread = flat.T @ flat / np.float32(max(len(flat), 1))
    values, vectors = [], []
    for folding in _foldings(k):
        value, vector = np.linalg.eigh((folding.T @ spread @ folding).astype(np.float64))
        values.append(value)
        vectors.append(folding @ vector)
    odd = np.arange(size) >= len(values[0])
    best = np.argsort(-np.concatenate(values), kind="stable")[: min(components, size)]
    matrix = np.concatenate(vectors, 1)[:, best] / np.sqrt(size)
    return PatchBasis(radius, mean.astype(np.float32), matrix.astype(np.float32), odd[best])


def _mirror(flat: Floats, k: int) -> Floats:
    """Patches (n, k * k * 3) reflected left to right."""
    return flat.reshape(-1, k, k, 3)[:, :, ::-1].reshape(flat.shape)


def _foldings(k: int) -> tuple[Floats, Floats]:
    """Orthonormal bases (k * k * 3, m) of the patches that reflection leaves as they are, and of those it
    negates.

    Reflection commutes with the covariance of patches and mirrored patches, so that its eigenvectors can be
    found in either subspace alone, in an eighth of the time.
    """
    units = np.eye(k * k * 3, dtype=np.float32).reshape(k, k, 3, -1)
    mirror = units[:, ::-1]
    half = k // 2
    even = ((units + mirror) / np.sqrt(np.float32(2)))[:, : half + 1]
    even[:, half] /= np.sqrt(np.float32(2))
    odd = ((units - mirror) / np.sqrt(np.float32(2)))[:, :half]
    return even.reshape(-1, k * k * 3).T.copy(), odd.reshape(-1, k * k * 3).T.copy()
