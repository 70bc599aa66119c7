"""The picture at a few sizes: shrunk pixels, what is known there, and smooth colours to be guided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

    from .nearer import Nearer


@dataclass
class Level:
    """One size of the picture, in cells. ``image`` float32 (h, w, 3) 0..1, ``known`` bool (h, w).

    A cell is known only if every one of its pixels is: a cell on the photo's rim mixes photo and guess, and
    a source with guess in it would carry the guess's blur along. ``guides`` are further pictures, each in a
    plane of the same size.
    """

    image: Floats
    known: Bools
    guides: tuple[Level, ...] = ()
    nearer: Nearer | None = None  # if there is one, the last of the guides are the level itself, enlarged so

    @property
    def photos(self) -> int:
        """How many of the planes are photos, and not enlargements."""
        return 1 + len(self.guides) - (self.nearer.count if self.nearer else 0)

    def with_enlarged(self, planes: NDArray[Any]) -> NDArray[Any]:
        """``planes`` (q h, w, ...) of the photos, and below them the first enlarged as the level is."""
        if self.nearer is None:
            return planes
        return np.concatenate([planes, *self.nearer.enlarged(planes[: self.shape[0]])])

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.known.shape[0], self.known.shape[1]

    def sheet(self) -> Floats:
        """All planes one above the other, float32 (p h, w, 3): what there is to copy from."""
        return np.concatenate([self.image, *(guide.image for guide in self.guides)])

    def atlas(self) -> Floats:
        """Colours (3 p h w, 3) by atlas number: the sheet, its mirror image, and its planes upside down."""
        return np.concatenate([bank.reshape(-1, 3) for bank in banks(self.sheet(), self.shape[0])])


def banks(sheet: NDArray[Any], height: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The banks of the atlas, views or copies of ``sheet`` (p h, w, ...) with planes of ``height``.

    As it is, mirrored left to right, and each plane upside down.
    """
    upside_down = sheet.reshape(-1, height, *sheet.shape[1:])[:, ::-1].reshape(sheet.shape)
    return sheet, sheet[:, ::-1], upside_down


def shrink(image: Samples, known: Bools, height: int, width: int) -> Level:
    """``image`` (H, W, 3) and ``known`` (H, W) at a smaller size, by area, without a float copy of the
    whole.
    """
    top = np.float32(np.iinfo(image.dtype).max)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    share = cv2.resize(known.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
    return Level(small.astype(np.float32) / top, share == 255)


def shrink_further(level: Level, height: int, width: int) -> Level:
    """``level`` at a smaller size, by area."""
    if (height, width) == level.shape:
        return level
    image = cv2.resize(level.image, (width, height), interpolation=cv2.INTER_AREA)
    share = cv2.resize(level.known.view(np.uint8) * 255.0, (width, height), interpolation=cv2.INTER_AREA)
    guides = tuple(shrink_further(guide, height, width) for guide in level.guides)
    return Level(image.astype(np.float32), share >= 254.99, guides, level.nearer)


def level_sizes(
    height: int, width: int, coarsest: float, finest: float, factor: float
) -> list[tuple[int, int]]:
    """Sizes (h, w) whose long side goes from ``coarsest`` to ``finest``, each about ``factor`` times the
    last.
    """
    long = max(height, width)
    finest = min(max(finest, coarsest), long)
    coarsest = min(coarsest, finest)
    count = 1 + max(0, round(np.log(finest / coarsest) / np.log(factor)))
    sizes: list[tuple[int, int]] = []
    for side in np.geomspace(coarsest, finest, count):
        size = max(1, round(height * side / long)), max(1, round(width * side / long))
        if size not in sizes:
            sizes.append(size)
    return sizes


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur with reflected edges; ``sigma`` in cells."""
    result: Floats = cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_REFLECT)
    return result


def local_mean(values: Floats, weight: Bools | Floats, spread: float, least: float = 1e-3) -> Floats:
    """Local weighted means of ``values`` (h, w, ...); where weights' mean is less than ``least`` they fade."""

    def blur(plane: Floats) -> Floats:
        result: Floats = cv2.GaussianBlur(plane, (0, 0), spread, borderType=cv2.BORDER_REFLECT)
        return result

    share = weight.astype(np.float32)
    deep = (..., *[None] * (values.ndim - 2))
    mean: Floats = (blur(values * share[deep]) / np.maximum(blur(share), least)[deep]).astype(np.float32)
    return mean


def share_of(spread: Floats, scales: Sequence[float], number: int) -> Floats:
    """The weight (h, w), 0..1, of one of the ``scales`` for a ``spread`` (h, w) between two or below the first."""
    stops = (0, *scales, np.inf)
    below, at, above = stops[number : number + 3]
    rising = (spread - below) / (at - below)
    falling = (above - spread) / (above - at) if np.isfinite(above) else np.ones_like(spread)
    share: Floats = np.clip(np.minimum(rising, falling), 0, 1).astype(np.float32)
    return share


def push_pull(image: Floats, weight: Floats) -> Floats:
    """Fill smoothly where ``weight`` (h, w) is 0, after Gortler et al. 1996 (The Lumigraph, section 3.4).

    ``image`` float32 (h, w, c); where the weight is 1 it comes back as it was.
    """
    height, width = weight.shape
    flat = image.reshape(height, width, -1)
    if min(height, width) < 2 or height * width < 4:
        total = max(float(weight.sum()), 1e-6)
        mean = (flat * weight[..., None]).sum((0, 1)) / total
        filled = flat * weight[..., None] + mean * (1 - weight[..., None])
        whole: Floats = filled.reshape(image.shape).astype(np.float32)
        return whole
    half = (max(1, width // 2), max(1, height // 2))
    share = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(flat * weight[..., None], half, interpolation=cv2.INTER_AREA)
    sums = sums.reshape(half[1], half[0], -1)
    mean = sums / np.maximum(share, 1e-6)[..., None]
    coarse = push_pull(mean, np.minimum(share * 4, 1)) if share.min() < 0.25 else mean
    up = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(flat.shape)
    mixed: Floats = flat * weight[..., None] + up * (1 - weight[..., None])
    return mixed.reshape(image.shape).astype(np.float32)
