"""What to expect where the photo ends: texture, measured where it is known and told by a network elsewhere,
and which parts of the photo belong there.

The guess tells colours and layout; its own texture is mush. A search that goes by colour alone puts leaves
into a grey sky and a wall's joints into a lawn. The network (network.py) has seen many photos and says of each
place how strong and how fine its detail ought to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .texture import CHANNELS, FINE, LEAST, cells, energies, texture

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats
    from outpaint_cli.runtime import Session

    from .pyramid import Level

ALIKE = 3
"""Places: what is so near is mostly of one kind, as the standard deviation of a blur."""

MOST_NUMBERS = 2 << 20
"""In a table of likelihoods, of places by places."""


@dataclass(frozen=True)
class Expected:
    """What is expected of the picture and of each guide, and of the photo's places."""

    planes: list[Floats]  # features (h, w, c) a plane, weighted
    demand: Floats | None = None  # (h, w): how often a known place is likely to be wanted elsewhere
    definite: Floats | None = None  # the picture (h, w, 3) with a guess of what is likeliest: see modes.py


def expect(level: Level, calmer: float, network: Session) -> Floats:
    """Texture (h, w, CHANNELS), as in texture.py, that each place of ``level`` has or ought to have.

    Where it is expected and not measured it is lower by ``calmer``.
    """
    energy, known = _seen(level)
    expected = np.maximum(_told(level, energy, known, network) - np.float32(calmer), LEAST)
    return np.where(known[..., None], measured(energy, known), expected)


def embed(level: Level, network: Session) -> Floats:
    """Where each place of ``level`` belongs: embeddings (h, w, c), see network.py for what they are.

    The closer a known place's is to that of an unknown one, the likelier is the like of it there.
    """
    energy, known = _seen(level)
    return _told(level, energy, known, network)


def demand(level: Level, belongs: Floats) -> Floats:
    """How often each known place of ``level`` is likely to be wanted elsewhere (h, w), in places.

    ``belongs`` (h, w, c) are :func:`embed`'s. Each unknown place wants one in all, shared out by likelihood.
    Where nothing is known it means nothing.
    """
    height, width = belongs.shape[:2]
    known = _resize(level.known.astype(np.float32), height, width) > 0.999
    if known.all() or not known.any():
        return np.zeros((height, width), np.float32)
    there, here = belongs[~known], belongs[known]
    sums = np.zeros(len(here), np.float32)
    step = max(16, MOST_NUMBERS // len(here))
    for start in range(0, len(there), step):
        # minus squared distances, but for what is common to a row
        near = 2 * there[start : start + step] @ here.T - np.square(here).sum(1)
        likely = np.exp(near - near.max(1, keepdims=True))
        sums += (likely / likely.sum(1, keepdims=True)).sum(0)
    wanted = np.zeros((height, width), np.float32)
    wanted[known] = sums
    # one of two neighbours that are alike will do as well as the other
    share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), ALIKE, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur(wanted, (0, 0), ALIKE, borderType=cv2.BORDER_CONSTANT)
    result: Floats = smooth / np.maximum(share, np.float32(0.05))
    return result


def measure(level: Level) -> Floats:
    """Texture (h, w, CHANNELS) of ``level`` where it is known; elsewhere it means nothing."""
    return measured(*_seen(level))


def measured(energy: Floats, known: Bools) -> Floats:
    """Texture from the energy of known cells alone; those at the rim count for nothing, their patches see mush."""
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    return texture(energy, inner.astype(np.float32))


def principal(textures: list[Floats], known: list[Bools], count: int) -> list[Floats]:
    """``textures`` (h, w, CHANNELS) told by ``count`` numbers a cell, between which distances stay about the same.

    Bands and gradients say much the same. The axes are those of the ``known`` cells' principal components, of the
    first planes if there are fewer of them than textures.
    """
    rows = np.concatenate(
        [
            plane[cv2.resize(mask.astype(np.uint8), plane.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0]
            for plane, mask in zip(textures, known, strict=False)
        ]
    )
    if len(rows) < 2:
        return [plane[..., :count] for plane in textures]
    mean = rows.mean(0)
    values, axes = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    axes = axes[:, np.argsort(-values)[:count]].astype(np.float32)
    share = np.float32(1 / np.sqrt(CHANNELS))  # a mean over the channels
    return [((plane - mean) @ axes * share).astype(np.float32) for plane in textures]


def _seen(level: Level) -> tuple[Floats, Bools]:
    """Energies (h, w, CHANNELS) of ``level``, guess and all, and which cells are known (h, w)."""
    height, width = cells(*level.shape)
    energy = energies(_resize(level.image, FINE * height, FINE * width))
    return energy, _resize(level.known.astype(np.float32), height, width) > 0.999


def _told(level: Level, energy: Floats, known: Bools, network: Session) -> Floats:
    """What ``network`` says (h, w, c) of ``level``."""
    height, width = known.shape
    feed = {
        "guess": _resize(level.image, height, width).transpose(2, 0, 1)[None],
        "known": known.astype(np.float32)[None, None],
        "texture": texture(energy).transpose(2, 0, 1)[None],
    }
    found = network.run({name: np.ascontiguousarray(array) for name, array in feed.items()})[0][0]
    return np.stack([_resize(plane, height, width) for plane in found], -1)


def _resize(plane: Floats, height: int, width: int) -> Floats:
    how = cv2.INTER_AREA if plane.shape[0] > height else cv2.INTER_LINEAR
    result: Floats = cv2.resize(plane, (width, height), interpolation=how)
    return result
