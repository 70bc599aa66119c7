"""What travels: a picture, what its header says, and an encoded file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

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
