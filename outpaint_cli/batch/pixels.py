"""Small steps between a decoded photo and what fillers see and files hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from outpaint_cli import picture
from outpaint_cli.compose import ring_strips, tiles
from outpaint_cli.plugin import Rect

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples


def fill_samples(photo: picture.Picture, at: Rect, known: Rect, limit: int | None) -> Samples:
    """What a filler sees of the photo: sRGB (h, w, 3), cut to ``known``, the longer side at most ``limit``.

    Colours under fully transparent pixels mean nothing: they become the mean of what can be seen.
    """
    pixels = photo.pixels
    if photo.alpha is not None and not photo.alpha.all() and photo.alpha.any():
        seen = photo.alpha > 0
        mean = np.array([channel[seen].mean() for channel in np.moveaxis(pixels, 2, 0)])
        pixels = pixels.copy()
        pixels[~seen] = np.round(mean).astype(pixels.dtype)
    part = pixels[known.y - at.y : known.bottom - at.y, known.x - at.x : known.right - at.x]
    longest = max(part.shape[:2])
    if limit is not None and longest > limit:
        factor = limit / longest
        size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
        part = resize_area(part, *size)
    return picture.to_srgb(photo, part)


def resize_area(pixels: Samples, width: int, height: int) -> Samples:
    """``pixels`` (h, w, C) made smaller by area means, depth kept."""
    out = np.ascontiguousarray(pixels)
    while out.shape[0] % 2 == 0 == out.shape[1] % 2 and min(out.shape[0] / height, out.shape[1] / width) >= 4:
        half = out.shape[1] // 2, out.shape[0] // 2  # by halves is several times as quick
        out = cv2.resize(out, half, interpolation=cv2.INTER_AREA).reshape(*half[::-1], -1)
    out = cv2.resize(out, (width, height), interpolation=cv2.INTER_AREA)
    reduced: Samples = out.reshape(height, width, pixels.shape[2])
    return reduced


def resized(photo: picture.Picture, width: int, height: int) -> picture.Picture:
    """The photo made smaller, for --fit shrink."""
    photo.pixels = resize_area(photo.pixels, width, height)
    if photo.alpha is not None:
        photo.alpha = resize_area(photo.alpha[..., None], width, height)[..., 0]
    photo.notes = (*photo.notes, f"made smaller to {width}x{height} to fit --size")
    return photo


def framed(
    photo: picture.Picture, own: Samples, painted: Samples, at: Rect, known: Rect, frame: Rect
) -> picture.Picture:
    """The painted frame in the photo's own colour space, with its own pixels back and its alpha grown."""
    if own is photo.pixels:
        pixels = painted
    else:
        pixels = np.empty((frame.height, frame.width, photo.pixels.shape[2]), photo.pixels.dtype)
        pixels[at.slices()] = photo.pixels
        for strip in ring_strips(frame, known):
            for tile in tiles(strip):
                pixels[tile.slices()] = picture.from_srgb(photo, painted[tile.slices()])
    alpha = photo.alpha
    if alpha is not None:
        rows = np.clip(np.arange(frame.height) - at.y, 0, at.height - 1)
        columns = np.clip(np.arange(frame.width) - at.x, 0, at.width - 1)
        alpha = alpha[np.ix_(rows, columns)]
    return replace(photo, pixels=pixels, alpha=alpha)


def mended(photo: picture.Picture, own: Samples, painted: Samples, known: Bools) -> picture.Picture:
    """The photo with ``painted`` sRGB (H, W, 3) where ``known`` is false, in its own colour space.

    ``painted`` must equal ``own``, the photo in sRGB, where ``known`` is true; all else of the photo is kept.
    """
    if own is photo.pixels:
        return replace(photo, pixels=painted)
    pixels = photo.pixels.copy()
    for tile in tiles(Rect(0, 0, photo.width, photo.height)):
        new = ~known[tile.slices()]
        if new.any():
            pixels[tile.slices()][new] = picture.from_srgb(photo, painted[tile.slices()])[new]
    return replace(photo, pixels=pixels)


def resized_like(photo: picture.Picture, larger: Samples) -> picture.Picture:
    """``larger`` sRGB (h, w, 3) as a picture in the photo's own colour space, with its alpha at that size."""
    height, width = larger.shape[:2]
    alpha = photo.alpha
    if alpha is not None:
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    # One pixel says whether the photo's colours are sRGB: then there is nothing to convert.
    first = photo.pixels[:1, :1]
    if picture.to_srgb(photo, first) is first:
        return replace(photo, pixels=larger, alpha=alpha)
    pixels = np.empty((height, width, photo.pixels.shape[2]), photo.pixels.dtype)
    for tile in tiles(Rect(0, 0, width, height)):
        pixels[tile.slices()] = picture.from_srgb(photo, larger[tile.slices()])
    return replace(photo, pixels=pixels, alpha=alpha)
