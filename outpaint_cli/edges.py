"""A step in colour between the known pixels and the guess, taken out of the guess.

What depends on the mask alone is worked out once and kept: most photos of a batch have one shape.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

EDGE_REACH, LUMA_REACH, HUE_REACH = 8.0, 3.0, 24.0
"""Working pixels over which steps between the guess and the photo's edge are taken out, see match_edge."""

ERROR_SIGMA, BAND_SIGMA = 3.0, 2.0
"""Pixels: Gaussians that average along the edge the filler's error, and the colours on both sides."""

NARROW = 4.0
"""Pixels; wider Gaussians are blurred on a coarser grid, where they cost little."""

STEP_GRID = 160
"""Pixels along the longer side of the grid on which a step alone is taken out, see take_out_step."""

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
GREY = np.stack((LUMA,) * 3)
"""The matrix that makes all three channels luma."""

KEPT_PIXELS = 1 << 14
"""Masks of at most so many pixels, 128 x 128, are remembered: a few megabytes each."""


def match_edge(given: Floats, known: Bools, filled: Floats) -> Floats:
    """Take a step in colour between the known pixels and the guess out of the guess.

    First the filler's error at known pixels beside the hole is carried into the hole and fades over
    ``EDGE_REACH`` pixels. What step is then left, against the known colours continued in a line across the
    edge, fades in luma over ``LUMA_REACH`` and in colour over ``HUE_REACH``: light changes within a scene,
    but small networks lean to grey. All (h, w, 3) or (h, w), 0..1; known pixels are not used afterwards.
    """
    if known.all() or not known.any():
        return filled
    packed = np.packbits(known).tobytes()
    edge = (_kept_edge if known.size <= KEPT_PIXELS else _edge)(known.shape, packed)
    result = edge.beside.mean(given - filled)
    result += filled
    if edge.outside is None or edge.behind is None:
        return result
    step = edge.near.mean(given)
    slope = step - edge.behind.mean(given)
    np.clip(slope, -0.1, 0.1, out=slope)
    step += slope
    step -= edge.outside.mean(result)
    step = _spread(step, edge)
    result += cv2.transform(step, GREY) * edge.luma_fade
    step *= edge.hue_fade
    result += step
    return result


def take_out_step(given: Floats, known: Bools, made: Floats) -> Floats:
    """``made`` without the step to the known pixels of ``given``; nothing further off changes.

    The step against the known colours, continued in a line across the edge, fades over ``LUMA_REACH`` pixels of
    a grid whose longer side is ``STEP_GRID`` at most. All (h, w, 3), 0..1, as is the result.
    """
    height, width = known.shape
    share = min(1.0, STEP_GRID / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    inside, behind, outside = known, given, made
    if share < 1:
        inside = cv2.resize(known.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 127
        weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
        behind, outside = (
            cv2.resize(picture * mask[..., None], size, interpolation=cv2.INTER_AREA) / np.maximum(part, 1e-3)
            for picture, mask, part in ((given, known, weight), (made, ~known, 1 - weight))
        )
    if inside.all() or not inside.any():
        return made
    edge = (_kept_edge if inside.size <= KEPT_PIXELS else _edge)(inside.shape, np.packbits(inside).tobytes())
    if edge.outside is None or edge.behind is None:
        return made
    step = edge.near.mean(behind)
    step += np.clip(step - edge.behind.mean(behind), -0.1, 0.1)
    step = _spread(step - edge.outside.mean(outside), edge) * (edge.luma_fade + edge.hue_fade)
    if share < 1:
        step = cv2.resize(step, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.where(known[..., None], made, made + step), 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Band:
    """Pixels along an edge: their mean around any pixel, with a Gaussian of ``sigma``, times ``gain``.

    ``where`` is 1 there; both float32 (h, w, 3).
    """

    where: Floats
    sigma: float
    gain: Floats

    def mean(self, values: Floats) -> Floats:
        """Of ``values`` float32 (h, w, 3); 0 far away."""
        mean = _blur(values * self.where, self.sigma)
        mean *= self.gain
        return mean


@dataclass(frozen=True)
class Edge:
    """What of :func:`match_edge` depends on the mask alone; all float32 (h, w, 3).

    ``beside`` are the known pixels beside the hole, ``near`` the same for narrower means, ``behind`` those that
    follow, ``outside`` the unknown ones beside the known part; both None where no step can be told.
    ``told`` is 1 where it can, and ``spread`` says how it is carried on: Gaussians with their shares.
    """

    beside: Band
    near: Band
    behind: Band | None
    outside: Band | None
    told: Floats
    spread: tuple[tuple[float, Floats], ...]
    luma_fade: Floats
    hue_fade: Floats


def _edge(shape: tuple[int, int], packed: bytes) -> Edge:
    known = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1]).astype(np.bool_)
    known = known.reshape(shape)
    hole = (~known).astype(np.uint8)
    wide = np.ones((5, 5), np.uint8)
    reached = cv2.dilate(hole, wide)
    beside = (reached > 0) & known
    behind = (cv2.dilate(reached, wide) > 0) & known & ~beside
    outside = (cv2.dilate(known.astype(np.uint8), wide) > 0) & ~known
    distance = cv2.distanceTransform(hole, cv2.DIST_L2, 5)
    error, _ = _band(beside, ERROR_SIGMA)
    error.gain[:] *= np.exp(-distance / EDGE_REACH)[..., None]
    near, reach_edge = _band(beside, BAND_SIGMA)
    further, reach_further = _band(behind, BAND_SIGMA)
    beyond, reach_outside = _band(outside, BAND_SIGMA)
    # Where one of the bands is out of reach, as behind a known part that is too thin, no step can be told.
    told = outside & (reach_edge > 1e-3) & (reach_further > 1e-3) & (reach_outside > 1e-3)
    some = bool(told.any())
    further_out = np.maximum(distance - 1, 0)
    hue = np.exp(-further_out / HUE_REACH)
    return Edge(
        error,
        near,
        further if some else None,
        beyond if some else None,
        _three(told),
        _shares(told) if some else (),
        _three((np.exp(-further_out / LUMA_REACH) - hue).astype(np.float32)),
        _three(hue.astype(np.float32)),
    )


_kept_edge = functools.lru_cache(maxsize=8)(_edge)


def _band(where: Bools, sigma: float) -> tuple[Band, Floats]:
    """And how much of the Gaussian around each pixel lies on ``where``, (h, w)."""
    weight = _blur(where.astype(np.float32), sigma)
    gain: Floats = np.divide(weight > 1e-3, np.maximum(weight, np.float32(1e-3)), dtype=np.float32)
    return Band(_three(where), sigma, _three(gain)), weight


def _shares(where: Bools) -> tuple[tuple[float, Floats], ...]:
    """Means over Gaussians of growing width, the narrowest that reaches ``where`` counting most by far."""
    marked = where.astype(np.float32)
    found = []
    total: Floats = np.zeros_like(marked)
    sigma, trust = 2.0, 1.0
    while sigma <= max(where.shape):
        weight = _blur(marked, sigma)
        share = np.float32(trust) * (weight > 1e-3)
        total += share * weight
        found.append((sigma, share))
        sigma, trust = 2 * sigma, trust / 100
    total = np.maximum(total, np.float32(1e-12))
    return tuple((sigma, _three(share / total)) for sigma, share in found)


def _spread(values: Floats, edge: Edge) -> Floats:
    """``values`` where a step can be told, carried to all pixels."""
    marked = values * edge.told
    spread: Floats = np.zeros_like(marked)
    for sigma, share in edge.spread:
        cv2.accumulateProduct(_blur(marked, sigma), share, spread)
    return spread


def _three(values: Floats | Bools) -> Floats:
    """(h, w) as float32 (h, w, 3): products of arrays of one shape are several times as quick."""
    return np.repeat(values[..., None].astype(np.float32), 3, axis=2)


def _blur(image: Floats, sigma: float) -> Floats:
    """A Gaussian of ``sigma`` pixels over (h, w) or (h, w, C), zeros outside; wide ones on a coarser grid."""
    if sigma <= NARROW:
        narrow: Floats = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        return narrow
    factor = 2 ** math.ceil(math.log2(sigma / NARROW))
    height, width = image.shape[:2]
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    missing = rows * factor - height, columns * factor - width
    if any(missing):
        image = cv2.copyMakeBorder(image, 0, missing[0], 0, missing[1], cv2.BORDER_CONSTANT)
    means = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(means, (0, 0), sigma / factor, borderType=cv2.BORDER_CONSTANT)
    blurred: Floats = cv2.resize(coarse, (columns * factor, rows * factor), interpolation=cv2.INTER_LINEAR)[
        :height, :width
    ]
    return blurred
