"""A guess that has made up its mind: of all that an unknown place may hold, the likeliest.

A network trained on mean differences guesses means (Isola et al. 2017, Image-to-image translation with conditional
adversarial networks, section 3.1). Where one half of the likely pictures has a wall and the other a coat, it tells
a colour that neither has, and of the photo's patches some third thing is nearest to it. expected.py knows better:
how likely the like of each known place is. Here the known places are sorted into parts that are alike, and every
unknown one gets the colours of its likeliest part, or of the few that are about as likely. So it does their texture:
of what may be bark or the blur behind it, a mean is bark in shreds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .layout import scaled
from .search import alone, uncommon

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

    from .pyramid import Level

LONG = 64
"""Places along the long side of the frame: as many as the network tells apart."""

PARTS = 16
"""Into which the known places are sorted."""

COLOURS = (0.08, 0.04, 0.04)
"""Differences in L (0..1), a and b (-1..1) of CIELAB that count as one, here and in training (train_affinity.py)."""

TEXTURES = 0.9
"""Difference in each channel of texture, half decades, that counts as one."""

SHARP = 6.0
"""Power to which likelihoods are raised: at 1 the colours would be means again."""

STRAY = 0.5
"""Of the part's colours from the guess's, Euclidean in RGB 0..1: a Gaussian's standard deviation."""

SINGULAR = 2.0
"""By how many nats a place is less likely of which there is no like elsewhere: the otter, but not its rock."""

ELSEWHERE = 0.2
"""How far off that is, in the longer side of what is known."""

ALIKE = 0.01
"""Share of the known places that must be near for one to have its like."""

ROUGHER, SMOOTHER = 4.0, 2.0
"""By how many nats a part is less likely for each half decade by which its texture is above that expected, and
below. Detail in the wrong place is worse than none, and where texture is certain neither is likely."""

CALMER = 0.4
"""Half decades, at most, taken off the texture of the likeliest part: of its places the plainer ones, which show less
when they are copied again and again."""

CONTESTED = (0.08, 3.0)
"""From what difference to the texture expected on, and how many times it: where both say the same (a lawn is a lawn),
nothing is taken off, and no hole comes into it."""

ROW = 3.0
"""By how many nats a known place is less likely for each height of the photo by which it is above or below: plain
parts come first, and were it not for that, clouds would do below a rock."""

SMOOTH = 0.6
"""Places: standard deviation of the blur of likelihoods."""


def likeliest(level: Level, belongs: Floats, texture: Floats, calmer: float = 0.0) -> tuple[Floats, Floats]:
    """``level``'s image (h, w, 3) and ``texture`` (a, b, d), where unknown those of the likeliest part of the photo.

    ``belongs`` (a, b, c) are the embeddings of :func:`.expected.embed`, ``texture`` is told in half decades, lowered
    by ``calmer`` of them where it is not known. What is known stays as it is; all does where too little is.
    """
    tall, wide = _grid(*belongs.shape[:2])
    known = scaled(level.known[..., None].astype(np.float32), tall, wide)[..., 0] > 0.999
    if known.sum() < 2 * PARTS or known.all():
        return level.image, texture
    guess, rough = scaled(level.image, tall, wide), scaled(texture, tall, wide)
    places = np.concatenate((shades(guess), rough / np.float32(TEXTURES)), -1)[known]
    rows, columns = (at.astype(np.int32) for at in np.nonzero(known))
    reach = max(1, round(ELSEWHERE * max(np.ptp(rows), np.ptp(columns))))
    singular = uncommon(alone(places, rows, columns, reach, ALIKE))
    looks = np.concatenate((guess, rough), -1)
    likely, shown = _of_parts(
        scaled(belongs, tall, wide), known, looks[known], _parts(places), np.float32(SINGULAR) * singular
    )
    off = shown - looks[:, :, None]
    likely = likely * np.exp(-np.square(off[..., :3]).sum(-1) / np.float32(2 * STRAY**2))
    rougher = off[..., 3:].mean(-1)
    likely *= np.exp(np.where(rougher > 0, np.float32(-ROUGHER), np.float32(SMOOTHER)) * rougher)
    sharp = np.power(likely / np.maximum(likely.max(-1, keepdims=True), np.float32(1e-20)), np.float32(SHARP))
    change = (sharp[..., None] * off).sum(2) / sharp.sum(-1)[..., None]
    change = np.where(known[..., None], 0, change).astype(np.float32)
    moved = np.clip(level.image + scaled(change[..., :3], *level.shape, cv2.INTER_LINEAR), 0, 1)
    image: Floats = np.where(level.known[..., None], level.image, moved)
    height, width = texture.shape[:2]
    there = scaled(level.known[..., None].astype(np.float32), height, width) > 0.999
    change = scaled(change[..., 3:], height, width, cv2.INTER_LINEAR)
    least, times = np.array(CONTESTED, np.float32)
    contested = np.abs(change.mean(-1, keepdims=True) - np.float32(calmer)) - least
    change -= np.clip(times * contested, 0, np.float32(CALMER))
    return image, np.where(there, texture, texture + change)


def shades(image: Floats) -> Floats:
    """Colours (h, w, 3) of ``image`` (h, w, 3), sRGB 0..1, in differences of CIELAB that count as one."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB) / np.array((100, 127, 127), np.float32)
    result: Floats = lab / np.array(COLOURS, np.float32)
    return result


def _of_parts(
    belongs: Floats, known: Bools, looks: Floats, part: Floats, dear: Floats
) -> tuple[Floats, Floats]:
    """How likely each part is in each place (h, w, p), and what it looks like then (h, w, p, f).

    ``looks`` (n, f), ``part`` (n, p) of 0 and 1 and what makes them less likely, ``dear`` (n,), are those of the
    ``known`` places (h, w).
    """
    height, width = known.shape
    count = part.shape[1]
    here, there = belongs[known], belongs[~known]
    # no products of matrices: in the last digits BLAS's depend on how many threads there are
    which = part.argmax(1)
    order = np.argsort(which, kind="stable")
    here, ink = here[order], looks[order]
    nats = 2 * np.einsum("uc,kc->uk", there, here) - np.square(here).sum(1) - dear[order]
    rows = np.nonzero(known)[0].astype(np.float32)
    beside = np.clip(np.nonzero(~known)[0], rows.min(), rows.max()).astype(np.float32)
    nats -= np.float32(ROW / max(1.0, float(np.ptp(rows)))) * np.abs(beside[:, None] - rows[order])
    share = np.exp(nats - nats.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    some, first = np.unique(which[order], return_index=True)
    likely = np.zeros((height, width, count), np.float32)
    likely[known], sums = part, np.zeros((len(there), count), np.float32)
    sums[:, some] = np.add.reduceat(share, first, 1)
    likely[~known] = sums
    shown = np.empty((height, width, count, looks.shape[1]), np.float32)
    shown[known] = looks[:, None]
    seen = np.zeros((len(there), count, looks.shape[1]), np.float32)
    for channel in range(looks.shape[1]):
        seen[:, some, channel] = np.add.reduceat(share * ink[:, channel], first, 1)
    shown[~known] = seen / np.maximum(sums, np.float32(1e-9))[..., None]
    planes = [cv2.GaussianBlur(plane, (0, 0), SMOOTH) for plane in np.moveaxis(likely, -1, 0)]
    return np.stack(planes, -1), shown


def _parts(places: Floats) -> Floats:
    """Which of PARTS each of ``places`` (n, f) is part of: (n, PARTS) of 0 and 1."""
    cv2.setRNGSeed(0)  # the same picture has the same parts
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    start = np.zeros((len(places), 1), np.int32)
    _, labels, _ = cv2.kmeans(places, PARTS, start, stop, 3, cv2.KMEANS_PP_CENTERS)
    result: Floats = np.eye(PARTS, dtype=np.float32)[labels.ravel()]
    return result


def _grid(tall: int, wide: int) -> tuple[int, int]:
    """Height and width in places, LONG at most, of a frame of ``tall`` by ``wide``."""
    share = min(1, LONG / max(tall, wide))
    return max(1, round(tall * share)), max(1, round(wide * share))
