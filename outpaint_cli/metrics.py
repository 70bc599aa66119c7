"""The scores: how good is a filled ring, measured against the truth or against the photo itself.

All pictures are sRGB arrays (H, W, 3), uint8 or uint16 over their whole range or float in 0..1; ``known`` is
bool (H, W). Everything is measured over the ring, the unknown pixels. Luma is Rec. 601's weighted sum of the
gamma-encoded channels. What every score means is in docs/benchmarks.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Bools: TypeAlias = NDArray[np.bool_]
    Features: TypeAlias = Callable[[Floats], Sequence[Floats]]

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
FLOOR = 0.25 / 255  # a quarter of an 8-bit step: fainter gradients can't be told from none
SHRINK = 16
PATCH = 7
PATCHES = 4096
DIRECTIONS = 64


def scores(
    result: NDArray[Any],
    truth: NDArray[Any],
    known: Bools,
    features: Features | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """All scores of ``result`` against ``truth``, both (H, W, 3), over the pixels that are not ``known``.

    mse, mse16 (0 is right); sharp, seam (ratios, 1 is right); bias_luma, bias_contrast (0 is right, positive
    is too bright, too contrasty); patch (0 is right); perceptual (0 is right) only where ``features`` is
    given: a function from float32 (N, H, W, 3) in 0..1 to a few feature maps (N, C, h, w).

    Raises ValueError when shapes differ or nothing is unknown.
    """
    a, b = as_float(result), as_float(truth)
    if a.shape != b.shape or a.shape[:2] != known.shape:
        raise ValueError(f"shapes differ: result {a.shape}, truth {b.shape}, known {known.shape}")
    ring = ~known
    if not ring.any():
        raise ValueError("there is nothing to score: all pixels are known")
    luma_a, luma_b = luma(a), luma(b)
    found = {
        "mse": mse(a, b, ring),
        "mse16": mse_shrunk(a, b, ring, SHRINK),
        "sharp": ratio(gradient(luma_a, ring), gradient(luma_b, ring)),
        "seam": ratio(edge_step(luma_a, known), edge_step(luma_b, known)),
        "bias_luma": float(luma_a[ring].mean() - luma_b[ring].mean()),
        "bias_contrast": float(luma_a[ring].std() - luma_b[ring].std()),
        "patch": patch_distance(a, b, ring, seed),
    }
    if features is not None:
        found["perceptual"] = perceptual(a, b, ring, features)
    return found


def own_scores(result: NDArray[Any], known: Bools) -> dict[str, float]:
    """sharp and seam where there is no truth: over the photo's own, the known pixels of ``result``.

    sharp compares the mean gradient in the ring with that of the photo; seam the step across the photo's
    edge with the steps one pixel further in, across the same edge. A score that can't be had (no ring, no
    photo) is left out.
    """
    y = luma(as_float(result))
    ring = ~known
    found: dict[str, float] = {}
    if ring.any() and known.any():
        found["sharp"] = ratio(gradient(y, ring), gradient(y, known))
        found["seam"] = ratio(edge_step(y, known), inner_step(y, known))
    return found


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Mean and median over photos of every score that all of them have."""
    names = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
    columns = {name: np.array([row[name] for row in rows], np.float64) for name in names}
    return {name: (float(v.mean()), float(np.median(v))) for name, v in columns.items()}


# --------------------------------------------------------------------------------------- single scores


def as_float(image: NDArray[Any]) -> Floats:
    """``image`` as float32 in 0..1; integers are divided by their type's largest value."""
    if image.dtype.kind == "u":
        return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    return image.astype(np.float32, copy=False)


def luma(image: Floats) -> Floats:
    """Rec. 601 luma (H, W) of an sRGB picture (H, W, 3), in 0..1."""
    y: Floats = image @ LUMA
    return y


def mse(a: Floats, b: Floats, ring: Bools) -> float:
    """Mean squared difference over the ring's pixels and channels."""
    return float(np.square(a[ring] - b[ring], dtype=np.float64).mean())


def psnr(a: Floats, b: Floats) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; equal pictures have 100."""
    error = float(np.square(a - b, dtype=np.float64).mean())
    return -10 * math.log10(max(error, 1e-10))


def ssim(a: Floats, b: Floats) -> float:
    """Structural similarity of two pictures (H, W, 3), the mean over channels and places: 1 is equal.

    Wang et al. 2004 (Image quality assessment: from error visibility to structural similarity, section III
    B): a Gaussian window of 11x11 with deviation 1.5, K1 = 0.01, K2 = 0.03; only windows that lie wholly in
    the picture count, so both sides are at least 11 pixels. Raises ValueError where they aren't.
    """
    import cv2

    if min(a.shape[:2]) < 11:
        raise ValueError(f"a picture of {a.shape[1]}x{a.shape[0]} is too small for windows of 11x11")

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = cv2.GaussianBlur(x, (11, 11), 1.5)
        return blurred[5:-5, 5:-5]

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((above / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean())


def mse_shrunk(a: Floats, b: Floats, ring: Bools, factor: int) -> float:
    """``mse`` after shrinking by area: layout and colour without texture.

    Every block of ``factor`` x ``factor`` pixels is averaged over the part of it that lies in the ring and
    counts by that part's area, so that a ring that is no multiple of the block is measured whole.
    """
    height, width = ring.shape
    bottom, right = -height % factor, -width % factor
    difference = np.where(ring[..., None], a - b, 0)
    blocks = np.pad(difference, ((0, bottom), (0, right), (0, 0)))
    shape = ((height + bottom) // factor, factor, (width + right) // factor, factor)
    total = blocks.reshape(*shape, 3).sum((1, 3), dtype=np.float64)
    count = np.pad(ring, ((0, bottom), (0, right))).reshape(shape).sum((1, 3))
    mean = total / np.maximum(count, 1)[..., None]
    return float((np.square(mean).mean(-1) * count).sum() / count.sum())


def _steps(y: Floats) -> tuple[Floats, Floats]:
    return np.abs(np.diff(y, axis=1)), np.abs(np.diff(y, axis=0))


def _mean_where(steps: tuple[Floats, Floats], where: tuple[Bools, Bools]) -> float:
    chosen = np.concatenate([step[mask] for step, mask in zip(steps, where, strict=True)])
    return float(chosen.mean(dtype=np.float64)) if chosen.size else 0.0


def gradient(y: Floats, region: Bools) -> float:
    """Mean |step| between horizontal and vertical neighbours that both lie in ``region``."""
    return _mean_where(_steps(y), (region[:, 1:] & region[:, :-1], region[1:] & region[:-1]))


def edge_step(y: Floats, known: Bools) -> float:
    """Mean |step| between neighbours of which one is known and one is not."""
    return _mean_where(_steps(y), (known[:, 1:] ^ known[:, :-1], known[1:] ^ known[:-1]))


def inner_step(y: Floats, known: Bools) -> float:
    """Mean |step| between the outermost known pixels and their known neighbours away from the edge."""

    def inside(known: Bools) -> Bools:
        """Along the rows: pairs of known pixels whose next pixel to the left or the right is unknown."""
        pair = known[:, 1:] & known[:, :-1]
        beside = np.zeros_like(pair)
        beside[:, 1:] |= ~known[:, :-2]
        beside[:, :-1] |= ~known[:, 2:]
        return pair & beside

    return _mean_where(_steps(y), (inside(known), inside(known.T).T))


def ratio(value: float, reference: float) -> float:
    """``value`` over ``reference``; what is below :data:`FLOOR` counts as that, so that flat is 1 of flat."""
    return max(value, FLOOR) / max(reference, FLOOR)


def patch_distance(a: Floats, b: Floats, ring: Bools, seed: int = 0) -> float:
    """Sliced Wasserstein-1 distance between the rings' high-passed 7x7 patches.

    Rabin et al. 2011 (Wasserstein barycenter and its application to texture mixing, section 2.3): the mean
    over seeded directions of the distance between sorted projections. It asks whether the ring is made of the
    same kind of detail, wherever that lies. In units of sRGB 0..1; patches that lie wholly in the ring where
    there are any, else those centred in it.
    """
    import cv2

    rng = np.random.default_rng(seed)
    reach = PATCH // 2
    inside = cv2.erode(ring.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8), borderValue=0) > 0
    ys, xs = np.nonzero(inside if inside.any() else ring)
    if len(ys) > PATCHES:
        chosen = np.sort(rng.choice(len(ys), PATCHES, replace=False))
        ys, xs = ys[chosen], xs[chosen]
    directions = rng.standard_normal((PATCH * PATCH * 3, DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)

    def projections(image: Floats) -> Floats:
        high = image - cv2.GaussianBlur(image, (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)
        padded = np.pad(high, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(0, 1))
        patches = windows[ys, xs].reshape(len(ys), -1)
        projected: Floats = np.sort(patches @ directions, axis=0)
        return projected

    return float(np.abs(projections(a) - projections(b)).mean(dtype=np.float64))


def perceptual(a: Floats, b: Floats, ring: Bools, features: Features) -> float:
    """Squared distance of unit-normalised features, summed over the maps, averaged over the ring.

    After Zhang et al. 2018 (arXiv 1801.03924, equation 1) without their learned weights, so it is not LPIPS.
    A place in a map counts by the share of it that the ring covers.
    """
    import cv2

    total = 0.0
    for map_a, map_b in zip(features(a[None]), features(b[None]), strict=True):
        distance = np.square(unit(map_a[0]) - unit(map_b[0])).sum(0)
        height, width = distance.shape
        weight = cv2.resize(ring.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        total += float((distance * weight).sum(dtype=np.float64) / max(float(weight.sum()), 1e-9))
    return total


def unit(maps: Floats) -> Floats:
    """Features (C, h, w) divided by their length over the channels."""
    length = np.sqrt(np.square(maps).sum(0, keepdims=True))
    unit_maps: Floats = maps / np.maximum(length, np.float32(1e-6))
    return unit_maps
