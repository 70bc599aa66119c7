"""Photo and guess become one picture: the ring is painted at full size, tile by tile, the photo stays itself."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from outpaint_cli import picture
from outpaint_cli.enlarge import mirror_index, ring_values, seam_8_bit, span
from outpaint_cli.fill import Grid, Guess, fill_steps, run_fills
from outpaint_cli.frame import Frame
from outpaint_cli.plugin import Context, Filler, HarmonizeJob, OutpaintError, Rect

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

TILE = 512
"""The most rows and columns of a tile: what is held as float at one time."""

NOISE_SHIFTS = 64

COARSE = 8.0
"""Frame pixels a pixel of the guess, from which on the guess is as smooth as if every second pixel were twice."""

SEAM_STEPS = 1.5
"""Width of the seam outside the photo, in working pixels of the guess."""


def ring_strips(frame: Rect, known: Rect) -> list[Rect]:
    """The frame without the known rectangle, as up to four rectangles: top, bottom, left, right."""
    strips = [
        Rect(frame.x, frame.y, frame.width, known.y - frame.y),
        Rect(frame.x, known.bottom, frame.width, frame.bottom - known.bottom),
        Rect(frame.x, known.y, known.x - frame.x, known.height),
        Rect(known.right, known.y, frame.right - known.right, known.height),
    ]
    return [strip for strip in strips if strip.area > 0]


def tiles(rect: Rect, side: int = TILE) -> Iterator[Rect]:
    """``rect`` cut into tiles of at most ``side`` x ``side``, row by row."""
    for y in range(rect.y, rect.bottom, side):
        for x in range(rect.x, rect.right, side):
            yield Rect(x, y, min(side, rect.right - x), min(side, rect.bottom - y))


def inset(photo: Rect, frame: Rect, overlap: int) -> Rect:
    """The part of the photo that stays itself under --overlap: less a rim along the sides that grow.

    At least one pixel is kept in each direction.
    """
    left = overlap if photo.x > frame.x else 0
    right = overlap if photo.right < frame.right else 0
    top = overlap if photo.y > frame.y else 0
    bottom = overlap if photo.bottom < frame.bottom else 0
    left, right = _share(left, right, photo.width - 1)
    top, bottom = _share(top, bottom, photo.height - 1)
    return Rect(photo.x + left, photo.y + top, photo.width - left - right, photo.height - top - bottom)


def _share(low: int, high: int, room: int) -> tuple[int, int]:
    if low + high <= room:
        return low, high
    low = min(low, max(room // 2, room - high))
    return low, room - low


def paint_frame(photo: Samples, frame: Frame, guess: Guess, *, seed: int = 0, spare: bool = False) -> Samples:
    """The whole frame (H, W, 3) in sRGB, of the photo's depth (uint8 or uint16).

    ``photo`` is the full-size photo in sRGB and comes back bit for bit, but for the rim that ``guess.known``
    leaves out of it. Outside, the photo's mirrored edge fades into the guess over a narrow seam, so that
    grain and texture do not stop at a line. ``spare``: as a view of four channels, see ``picture.blank``.
    """
    out = picture.blank(frame.height, frame.width, photo.dtype, spare=spare)
    picture.put(out, frame.photo, photo)
    known = guess.known
    native = guess.step <= 1.0
    top = float(np.iinfo(photo.dtype).max)
    band = 0.0 if native else SEAM_STEPS * guess.step
    noise = None if native else Noise(seed)
    kind = cv2.CV_8U if photo.dtype == np.uint8 else cv2.CV_16U
    # Few photos ask for --overlap or have 16 bits; for all others two short cuts lose nothing that shows.
    plain = photo.dtype == np.uint8 and known == frame.photo and not native
    every = 2 if plain and guess.step >= COARSE else 1
    for filled in guess.rings:
        for strip in ring_strips(filled.ring.grown, filled.ring.known):
            for tile, values in ring_values(filled, strip, top, every):
                if not plain:
                    if band:
                        _blend_seam(values, tile, photo, frame.photo, known, band)
                    _blend_rim(values, tile, photo, frame.photo, known)
                flat = values.reshape(len(values), -1)
                # An enlarged guess is smooth: dither, or 8 bits show as bands in a sky.
                dither = 0.0 if noise is None else noise.part(*values.shape[:2])
                rounded = cv2.add(flat, dither, dtype=kind).reshape(values.shape)
                picture.put(out, tile, rounded, every=every)
    if plain:
        seam_8_bit(picture.whole(out), frame.rect, known, band)
    return out


@functools.cache
def _all_noise() -> Floats:
    side = TILE + NOISE_SHIFTS
    noise: Floats = np.random.default_rng(0).random((side, 3 * side), np.float32) - np.float32(0.5)
    return noise


class Noise:
    """Even noise from -0.5 to 0.5, the same for the same ``seed``."""

    def __init__(self, seed: int) -> None:
        self._at = seed % NOISE_SHIFTS, 3 * (seed // NOISE_SHIFTS % NOISE_SHIFTS)

    def part(self, height: int, width: int) -> Floats:
        """(height, 3 * width), both at most ``TILE``."""
        y, x = self._at
        return _all_noise()[y : y + height, x : x + 3 * width]


def _blend_seam(values: Floats, tile: Rect, photo: Samples, photo_at: Rect, known: Rect, band: float) -> None:
    """Fade the mirrored edge of the known part into ``values`` over ``band`` pixels outside it, in place."""
    reach = math.ceil(band) + 1
    for x, width in span(tile.x, tile.right, known.x, known.right, reach):
        for y, height in span(tile.y, tile.bottom, known.y, known.bottom, reach):
            ys, xs = np.arange(y, y + height), np.arange(x, x + width)
            down = np.maximum(np.maximum(known.y - ys, ys - known.bottom + 1), 0).astype(np.float32)
            across = np.maximum(np.maximum(known.x - xs, xs - known.right + 1), 0).astype(np.float32)
            if not across.any():  # beside an edge, away from corners, the distance is that to the edge
                distance = down[:, None]
            elif not down.any():
                distance = across[None, :]
            else:
                distance = np.hypot(down[:, None], across[None, :])
            share = np.clip(1 - (distance - 0.5) / np.float32(band), 0, 1)
            share *= share * (3 - 2 * share)
            rows = mirror_index(ys, known.y, known.bottom) - photo_at.y
            columns = mirror_index(xs, known.x, known.right) - photo_at.x
            edge = photo[int(rows.min()) : int(rows.max()) + 1, int(columns.min()) : int(columns.max()) + 1]
            edge = edge[np.ix_(rows - rows.min(), columns - columns.min())].astype(np.float32)
            part = values[y - tile.y : y - tile.y + height, x - tile.x : x - tile.x + width]
            edge -= part
            edge *= share[..., None]
            part += edge


def _blend_rim(values: Floats, tile: Rect, photo: Samples, photo_at: Rect, known: Rect) -> None:
    """Under --overlap: fade from the known part to nothing at the photo's edge, in place."""
    rim = tile.intersect(photo_at)
    if rim.area == 0 or photo_at == known:
        return
    ys, xs = np.arange(rim.y, rim.bottom), np.arange(rim.x, rim.right)

    def share(at: np.ndarray, low: int, high: int, known_low: int, known_high: int) -> np.ndarray:
        """How much of the photo stays: 1 at the known part, towards 0 at the photo's edge."""
        result = np.ones(len(at), np.float32)
        if known_low > low:
            result = np.minimum(result, (at - low + 0.5) / (known_low - low))
        if known_high < high:
            result = np.minimum(result, (high - at - 0.5) / (high - known_high))
        return np.clip(result, 0, 1)

    stays = np.minimum(
        share(ys, photo_at.y, photo_at.bottom, known.y, known.bottom)[:, None],
        share(xs, photo_at.x, photo_at.right, known.x, known.right)[None, :],
    )[..., None].astype(np.float32)
    own = photo[rim.y - photo_at.y : rim.bottom - photo_at.y, rim.x - photo_at.x : rim.right - photo_at.x]
    part = values[rim.y - tile.y : rim.bottom - tile.y, rim.x - tile.x : rim.right - tile.x]
    part += stays * (own.astype(np.float32) - part)


def known_mask(frame: Frame, known: Rect) -> Bools:
    """bool (H, W), true on ``known``."""
    mask = np.zeros((frame.height, frame.width), np.bool_)
    mask[known.slices()] = True
    return mask


def harmonize_job(painted: Samples, frame: Frame, known: Rect, guess: Guess) -> HarmonizeJob:
    """What a harmonizer is given: the painted frame, what of it is known, and how sure and coarse the guess is."""
    step = max(1.0, guess.step)
    width, height = max(1, round(frame.width / step)), max(1, round(frame.height / step))
    confidence = guess.confidence(Grid(0, 0, frame.width / width, frame.height / height, width, height))
    return HarmonizeJob(painted, known_mask(frame, known), known, confidence, (), guess.step)


def fill_picture(
    photo: Samples, frame: Frame, filler: Filler, ctx: Context, *, variant: int = 0
) -> tuple[Samples, Guess]:
    """Extend one sRGB photo (h, w, 3), uint8 or uint16, to ``frame`` with the filler alone.

    Returns the picture (H, W, 3) and the guess behind it. Raises PluginError when the filler fails.
    """
    steps = fill_steps(photo, frame.photo, frame, filler.spec, seed=ctx.seed, variant=variant)
    guess = run_fills([steps], filler, ctx)[0]
    if isinstance(guess, OutpaintError):
        raise guess
    return paint_frame(photo, frame, guess, seed=ctx.seed), guess
