"""Small copies of pictures, in sRGB, for the page and the contact sheets."""

from __future__ import annotations

import base64
import io
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from outpaint_cli import picture
from outpaint_cli.plugin import OutpaintError, Rect
from outpaint_cli.remote import Location

if TYPE_CHECKING:
    from PIL import Image

LONG = 320
"""Pixels of the longer side of an output's thumbnail."""

QUALITY = 62


@dataclass(frozen=True)
class Shot:
    """A result and what it was made of, small.

    ``before`` covers ``at`` (in pixels of an output of ``size`` width, height); None where it can't be read.
    """

    size: tuple[int, int]
    at: Rect
    before: Image.Image | None
    after: Image.Image | None


@dataclass
class Shots:
    """Makes shots; keeps the last input's pixels, which several models share. Safe to use from several threads."""

    long: int = LONG
    _last: tuple[Location, picture.Picture] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def shot(self, before: Location | None, after: Location, source: Rect | None) -> Shot:
        """The small copies of a result ``after`` and its input. Raises OutpaintError when that can't be read.

        ``source`` is where the photo sits in the result; an input of the result's own size covers all of it.
        """
        with self._lock:
            result = _read(after)
            size = result.width, result.height
            factor = min(1.0, self.long / max(size))
            small = shrunk(result, factor)
            at = source or Rect(0, 0, *size)
            photo = self._input(before)
            if photo is None:
                return Shot(size, at, None, small)
            if (photo.width, photo.height) == size:
                at = Rect(0, 0, *size)
            else:
                factor *= at.width / photo.width
            return Shot(size, at, shrunk(photo, min(1.0, factor)), small)

    def _input(self, path: Location | None) -> picture.Picture | None:
        if path is None:
            return None
        if self._last is not None and self._last[0] == path:
            return self._last[1]
        try:
            photo = _read(path)
        except OutpaintError:  # moved since, or standard input
            return None
        self._last = path, photo
        return photo


def _read(path: Location) -> picture.Picture:
    return picture.read(path if isinstance(path, Path) else path.read_bytes())


def shrunk(photo: picture.Picture, factor: float) -> Image.Image:
    """``photo`` in 8-bit sRGB with its alpha, both sides times ``factor`` (at most 1), by area means."""
    from PIL import Image

    size = max(1, round(photo.width * factor)), max(1, round(photo.height * factor))

    def resize(samples: picture.Samples) -> picture.Samples:
        if factor == 1:
            return samples
        return np.asarray(cv2.resize(np.ascontiguousarray(samples), size, interpolation=cv2.INTER_AREA))

    pixels = resize(photo.pixels).reshape(size[1], size[0], photo.pixels.shape[2])
    rgb = _eight_bits(picture.to_srgb(photo, pixels))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if photo.alpha is not None and photo.alpha.min() != np.iinfo(photo.alpha.dtype).max:
        image.putalpha(Image.fromarray(_eight_bits(resize(photo.alpha))))
    return image


def _eight_bits(samples: picture.Samples) -> picture.Samples:
    return (samples >> 8).astype(np.uint8) if samples.dtype == np.uint16 else samples


def as_webp(image: Image.Image | None) -> str | None:
    """The picture as WebP in base64."""
    if image is None:
        return None
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=3)
    return base64.b64encode(file.getvalue()).decode()
