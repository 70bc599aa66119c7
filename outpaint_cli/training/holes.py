"""Irregular holes: seeded masks in the six classes of hole-to-image ratio of Liu et al. 2018.

Liu et al. (arXiv 1804.07723, section 4.1) take occlusions between video frames, dilate, rotate and crop them, and
sort them into classes, with and without contact with the picture's border. Here strokes and blobs are drawn
until the ratio is reached. Every mask is bool (height, width), True = known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools: TypeAlias = NDArray[np.bool_]
    Bytes: TypeAlias = NDArray[np.uint8]

RATIOS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
"""The classes: a hole's share of the picture is above the first and at most the second number."""

CLEAR = 50 / 512  # of a side: how far holes without border contact stay away from it (section 4.1)
THINNEST, THICKEST = 0.012, 0.14  # of the shorter side


def irregular(
    rng: np.random.Generator, height: int, width: int, ratio: tuple[float, float], border: bool
) -> Bools:
    """A mask whose hole covers more than ``ratio[0]`` and at most ``ratio[1]`` of the picture.

    With ``border`` the hole touches the picture's border somewhere; without, it stays 50/512 of each side
    away. Raises ValueError where no such hole fits, as in pictures of a few pixels.
    """
    pixels = height * width
    inner = (0, 0) if border else (math.ceil(CLEAR * height), math.ceil(CLEAR * width))
    least, most = math.floor(ratio[0] * pixels) + 1, math.floor(ratio[1] * pixels)
    room = (height - 2 * inner[0]) * (width - 2 * inner[1])
    if not 0 < least <= min(most, room):
        raise ValueError(f"no hole with a ratio of {ratio[0]:g} to {ratio[1]:g} fits {width}x{height} pixels")
    wanted = int(rng.integers(least, min(most, room) + 1))
    hole = np.zeros((height, width), np.uint8)
    thickness = min(height, width) * math.exp(rng.uniform(math.log(THINNEST), math.log(THICKEST)))
    count, first = 0, True
    while count < wanted:
        shape = (
            _blob(rng, hole.shape)
            if rng.random() < 0.2
            else _stroke(rng, hole.shape, thickness, border and first)
        )
        if not border:
            _clear(shape, inner)
        new = (shape & ~hole) > 0
        added = int(new.sum())
        if count + added > wanted:
            new = _core(new, hole, wanted - count)
            added = wanted - count
        if border and first and not _touches(new):
            continue
        hole[new] = 1
        count, first = count + added, False
    known: Bools = hole == 0
    return known


def random_irregular(rng: np.random.Generator, height: int, width: int) -> Bools:
    """A mask of any class, with or without border contact, all equally likely."""
    ratio = RATIOS[int(rng.integers(len(RATIOS)))]
    return irregular(rng, height, width, ratio, bool(rng.integers(2)))


# ------------------------------------------------------------------------------------------ small parts


def _stroke(rng: np.random.Generator, shape: tuple[int, ...], thickness: float, at_border: bool) -> Bytes:
    """A walk of a few straight steps that bends as it goes, as a hand or a branch draws it."""
    height, width = shape
    start = rng.random(2)
    if at_border:
        start[rng.integers(2)] = rng.integers(2)
    steps = int(rng.integers(2, 12))
    bend = rng.uniform(0.1, 1.2)
    angles = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, bend, steps))
    lengths = rng.uniform(0.02, 0.16, steps) * min(height, width)
    moves = np.stack((np.cos(angles), np.sin(angles)), 1) * lengths[:, None]
    points = start * (width - 1, height - 1) + np.concatenate((np.zeros((1, 2)), np.cumsum(moves, 0)))
    drawn = np.zeros(shape, np.uint8)
    own = max(1, round(thickness * rng.uniform(0.6, 1.5)))
    cv2.polylines(drawn, [np.rint(points).astype(np.int32)], False, 1, own)
    return drawn


def _blob(rng: np.random.Generator, shape: tuple[int, ...]) -> Bytes:
    """A smooth closed outline around a centre, about as large as a twelfth of the picture at most."""
    height, width = shape
    centre = rng.random(2) * (width, height)
    radius = min(height, width) * rng.uniform(0.02, 0.16)
    turns = np.arange(24) * (2 * math.pi / 24)
    outline = np.ones(24)
    for wave in (1, 2, 3, 4):
        outline += rng.normal(0, 0.35 / wave) * np.cos(wave * turns + rng.uniform(0, 2 * math.pi))
    stretch, tilt = math.exp(rng.normal(0, 0.35)), rng.uniform(0, math.pi)
    x, y = np.cos(turns) * outline * radius * stretch, np.sin(turns) * outline * radius / stretch
    points = np.stack((x * math.cos(tilt) - y * math.sin(tilt), x * math.sin(tilt) + y * math.cos(tilt)), 1)
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [np.rint(points + centre).astype(np.int32)], 1)
    return drawn


def _clear(drawn: Bytes, inner: tuple[int, int]) -> None:
    """Take out what lies within ``inner`` rows and columns of the border."""
    y, x = inner
    drawn[:y], drawn[-y:], drawn[:, :x], drawn[:, -x:] = 0, 0, 0, 0


def _core(new: Bools, hole: Bytes, count: int) -> Bools:
    """The ``count`` pixels of ``new`` that lie deepest in it and in ``hole``, which it adds to."""
    padded = np.pad(new | (hole > 0), 1, mode="edge").astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    order = np.argsort(-depth[new], kind="stable")
    chosen = np.zeros(len(order), np.bool_)
    chosen[order[:count]] = True
    core = np.zeros_like(new)
    core[new] = chosen
    return core


def _touches(hole: Bools) -> bool:
    return bool(hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any())
