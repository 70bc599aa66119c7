"""What travels: a picture, what its header says, and an encoded file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from outpaint_cli.plugin import Rect

Samples: TypeAlias = NDArray[Any]
"""uint8 or uint16."""

MAX_PIXELS: int = 500_000_000
"""Pictures with more pixels are refused before anything is decoded; ``--max-pixels`` may change it."""


@dataclass(frozen=True)
class PictureInfo:
    """What a file's header says, without decoding pixels.

    ``width`` and ``height`` in pixels after the EXIF orientation; ``format`` one of JPEG, PNG, WEBP, TIFF,
    BMP, GIF, AVIF, HEIF; ``mode`` L, RGB or CMYK as :func:`read` would give it (palette: RGB, 1 bit: L);
    ``bits`` 8 or 16; ``frames`` pictures in the file; ``palette`` whether the colours are indexed;
    ``turned`` whether the file stores the picture lying on its side, height and width exchanged; ``dpi`` dots an
    inch across and down, where the file says so.
    """

    width: int
    height: int
    format: str
    mode: str
    bits: int
    has_alpha: bool
    frames: int
    palette: bool = False
    turned: bool = False
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True)
class JpegSettings:
    """How a JPEG was encoded, so that it can be written back no worse.

    ``subsampling`` is "4:4:4", "4:2:2", "4:2:0" or "" (something else, or no chroma); ``qtables`` maps a
    table's number to its 64 divisors in natural order; ``quality`` 1..100 is the IJG quality that comes
    nearest.
    """

    subsampling: str
    qtables: dict[int, tuple[int, ...]]
    progressive: bool
    quality: int


@dataclass
class Picture:
    """One picture with all that its file carries. The EXIF orientation has been applied to the pixels.

    ``pixels`` uint8 or uint16 (H, W, C) in the picture's own colour space: C = 1 grey, 3 RGB, 4 CMYK (0 no
    ink); ``alpha`` (H, W) of the same type, straight (not premultiplied), or None; ``exif`` a TIFF
    structure without the leading "Exif" mark; ``xmp`` a packet in UTF-8; ``dpi`` dots an inch across and
    down; ``palette`` whether the colours were indexed; ``lossless`` whether the file's own coding is;
    ``notes`` what the user should be told, one sentence each.
    """

    pixels: Samples
    alpha: Samples | None
    format: str
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg: JpegSettings | None = None
    palette: bool = False
    notes: tuple[str, ...] = ()
    lossless: bool = True

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    @property
    def mode(self) -> str:
        """L, RGB or CMYK."""
        return {1: "L", 3: "RGB", 4: "CMYK"}[int(self.pixels.shape[2])]

    @property
    def bits(self) -> int:
        """8 or 16 bits a sample."""
        return int(self.pixels.dtype.itemsize) * 8


@dataclass(frozen=True)
class Encoded:
    """A finished file.

    ``notes`` say what the format could not hold; ``exact`` means that reading ``data`` gives exactly the
    pixels and alpha that were to be written.
    """

    data: bytes
    notes: tuple[str, ...]
    exact: bool


_KEPT = 4
_kept: list[NDArray[np.uint8]] = []
_keeping = threading.Lock()


def blank(height: int, width: int, dtype: Any = np.uint8, *, spare: bool = False) -> Samples:
    """Room for (height, width, 3) samples.

    ``spare``: for uint8, a view of memory with a fourth, unused channel: it takes a third more, but JPEG is
    encoded from it without a copy.
    """
    if not spare or dtype != np.uint8:
        return np.empty((height, width, 3), dtype)
    need = height * width * 4
    with _keeping:
        fitting = [at for at, memory in enumerate(_kept) if need <= len(memory) <= 2 * need]
        memory = _kept.pop(fitting[0]) if fitting else np.empty(need, np.uint8)
    return memory[:need].reshape(height, width, 4)[..., :3]


def recycle(samples: Samples) -> None:
    """Keep the memory of what :func:`blank` made with ``spare`` for its next call: fresh memory costs time.

    Nothing may look at ``samples`` afterwards.
    """
    memory = samples.base
    if padded(samples) is not None and isinstance(memory, np.ndarray):
        with _keeping:
            _kept.append(memory)
            del _kept[:-_KEPT]


def padded(samples: Samples) -> Samples | None:
    """All four channels (H, W, 4) behind what :func:`blank` made with ``spare``; None for other samples."""
    memory = samples.base
    if samples.ndim != 3 or not isinstance(memory, np.ndarray) or memory.dtype != np.uint8:
        return None
    height, width = samples.shape[:2]
    if (
        memory.ndim != 1
        or len(memory) < height * width * 4
        or samples.shape[2] != 3
        or samples.strides != (4 * width, 4, 1)
        or samples.ctypes.data != memory.ctypes.data
    ):
        return None
    return memory[: height * width * 4].reshape(height, width, 4)


def whole(samples: Samples) -> Samples:
    """All that is stored: four channels where one is spare, or ``samples`` themselves."""
    found = padded(samples)
    return samples if found is None else found


def put(out: Samples, at: Rect, samples: Samples, *, every: int = 1) -> None:
    """``out[at] = samples``, quickly also where ``out`` has a spare channel.

    With ``every`` 2 each of the samples becomes 2x2 of them, cut to ``at``.
    """
    place = whole(out)[at.slices()]
    samples = np.ascontiguousarray(samples)
    if place.shape[2] == 3:
        place[:] = samples if every == 1 else _twice(samples)[: at.height, : at.width]
    elif every == 1:
        cv2.cvtColor(samples, cv2.COLOR_RGB2RGBA, place)
    else:
        pairs = cv2.cvtColor(samples, cv2.COLOR_RGB2RGBA).view(np.uint32)[..., 0].astype(np.uint64)
        pairs *= np.uint64(0x1_0000_0001)
        if (at.width, at.height) == (2 * pairs.shape[1], 2 * pairs.shape[0]):
            rows = place.reshape(at.height, -1).view(np.uint64)
            rows[::2] = pairs
            rows[1::2] = pairs
        else:
            double = np.repeat(pairs, 2, axis=0).view(np.uint8)
            place[:] = double.reshape(len(double), -1, 4)[: at.height, : at.width]


def _twice(samples: Samples) -> Samples:
    doubled: Samples = cv2.resize(samples, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return doubled
