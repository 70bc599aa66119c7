"""TIFF: its header, and its pixels: of 16 bits, Pillow would read 8 without a word."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from outpaint_cli.picture import _exif
from outpaint_cli.picture._container import BROKEN, TRUNCATED
from outpaint_cli.plugin import PictureError

_RAW = "this is a camera raw file: develop it to a TIFF of 16 bits, or a JPEG, first"
_REMEDY = "save it as RGB with 8 or 16 bits first"
_PLAIN = (1, 8, 32773, 32946)  # none, Deflate, PackBits, the older Deflate: what tifffile reads by itself
_PHOTOMETRIC = {0: "L", 1: "L", 2: "RGB", 3: "RGB", 5: "CMYK", 6: "RGB"}
_REFUSED = {
    4: "a mask",
    8: "CIELab colours",
    9: "ICCLab colours",
    10: "ITULab colours",
    32844: "LogL samples",
    32845: "LogLuv samples",
}


@dataclass(frozen=True)
class Tiff:
    """What the first directory says. ``alpha`` is the channel with it, ``premultiplied`` how it is meant."""

    width: int
    height: int
    mode: str
    bits: int
    orientation: int
    frames: int
    palette: bool
    alpha: int | None
    premultiplied: bool
    inverted: bool
    planar: bool
    icc: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None
    classic: bool


def header(file: BinaryIO) -> Tiff:
    """Read the first directory. Raises PictureError for what can't be read rightly, by name, and cut-off
    files."""
    import tifffile  # not at the top: it takes a sixth of the time that a run takes to begin

    try:
        with tifffile.TiffFile(file) as tiff:
            return _describe(tiff)
    except PictureError:
        raise
    except (
        tifffile.TiffFileError,
        ValueError,
        struct.error,
        IndexError,
        KeyError,
        TypeError,
        OSError,
    ) as error:
        raise PictureError(TRUNCATED if _cut_off(file) else BROKEN) from error


def _cut_off(file: BinaryIO) -> bool:
    """Whether the first directory, which many writers put last, goes beyond the file."""
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(8)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    first = int.from_bytes(head[4:8], order)
    file.seek(min(first, end))
    return first + 2 + 12 * int.from_bytes(file.read(2), order) + 4 > end


def _value(page: Any, tag: int) -> Any:
    found = page.tags.get(tag)
    return None if found is None else found.value


def _describe(tiff: Any) -> Tiff:
    page: Any = tiff.pages[0]
    photometric, samples = int(page.photometric), int(page.samplesperpixel)
    if photometric in (32803, 34892) or 50706 in page.tags or int(page.subfiletype) & 1:
        raise PictureError(_RAW)
    if photometric in _REFUSED:
        raise PictureError(f"this TIFF holds {_REFUSED[photometric]}: {_REMEDY}")
    if photometric not in _PHOTOMETRIC:
        raise PictureError(f"this TIFF holds an unknown kind of colours ({photometric}): {_REMEDY}")
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise PictureError(f"this TIFF's channels differ in depth: {_REMEDY}")
    if int(page.sampleformat or 1) == 3:
        raise PictureError(f"this TIFF holds {bits}-bit floating-point samples: {_REMEDY}")
    if int(page.sampleformat or 1) not in (1, 4):
        raise PictureError(f"this TIFF holds signed or complex samples: {_REMEDY}")
    if bits not in (1, 2, 4, 8, 16) or (bits == 16 and photometric in (3, 6)):
        raise PictureError(f"this TIFF holds {bits}-bit samples: {_REMEDY}")
    if int(page.imagedepth) != 1:
        raise PictureError("this TIFF is a volume, not a picture: save one slice of it first")
    mode = _PHOTOMETRIC[photometric]
    colours = 1 if photometric == 3 else {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    if samples < colours:
        raise PictureError(BROKEN)
    if mode == "CMYK" and int(_value(page, 332) or 1) != 1:
        raise PictureError(f"this TIFF holds inks other than CMYK: {_REMEDY}")
    kinds = [int(kind) for kind in (page.extrasamples or ())]
    alpha = next(
        (colours + i for i, kind in enumerate(kinds) if kind in (1, 2) and colours + i < samples), None
    )
    if not kinds and samples == colours + 1 and mode == "RGB":
        alpha = colours  # writers that don't say what the fourth channel is mean alpha
    _check_segments(page, tiff.filehandle.size)
    return Tiff(
        width=int(page.imagewidth),
        height=int(page.imagelength),
        mode=mode,
        bits=16 if bits == 16 else 8,
        orientation=_orientation(page),
        frames=_frames(tiff),
        palette=photometric == 3,
        alpha=alpha,
        premultiplied=bool(alpha is not None and kinds and kinds[alpha - colours] == 1),
        inverted=photometric == 0,
        planar=int(page.planarconfig) == 2 and samples > 1,
        icc=_bytes(_value(page, 34675)),
        xmp=_bytes(_value(page, 700)),
        dpi=_dpi(page),
        classic=not tiff.is_bigtiff,
    )


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, tuple) and value and all(isinstance(v, int) and 0 <= v < 256 for v in value):
        return bytes(value)
    return None


def _orientation(page: Any) -> int:
    value = _value(page, 274)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _dpi(page: Any) -> tuple[float, float] | None:
    across, down, unit = _value(page, 282), _value(page, 283), _value(page, 296)
    unit = 2 if unit is None else int(unit)  # not "or 2": tifffile's name for "no unit" is false
    if not (isinstance(across, tuple) and isinstance(down, tuple) and unit in (2, 3)):
        return None
    if not (across[0] and across[1] and down[0] and down[1]):
        return None
    inch = 1.0 if unit == 2 else 2.54
    return (across[0] / across[1] * inch, down[0] / down[1] * inch)


def _frames(tiff: Any) -> int:
    """Pages that are pictures of their own, not smaller copies or masks; past the hundredth all are
    counted."""
    count = len(tiff.pages)
    small = 0
    for index in range(1, min(count, 100)):
        try:
            small += bool(int(tiff.pages[index].subfiletype) & 5)
        except Exception:  # a page that can't be read is of no use to anyone, but does not spoil the first
            small += 1
    return max(1, count - small)


def _check_segments(page: Any, size: int) -> None:
    """Decoders read as far as they can: what lies past the end of the file must be found here."""
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or len(offsets) != len(counts):
        raise PictureError(BROKEN)
    for offset, count in zip(offsets, counts, strict=True):
        if offset + count > size or offset < 8 or count < 1:
            raise PictureError(TRUNCATED)


def decode(data: bytes, file: BinaryIO, info: Tiff) -> NDArray[Any] | None:
    """All channels of the first page, (H, W, S), as stored apart from inversion: orientation is not applied.

    None for what Pillow reads as well: 8 bits in a coding that tifffile needs another package for, or fewer.
    Raises PictureError where the data are damaged or compressed in a way that can't be read here.
    """
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[0]
        samples = int(page.samplesperpixel)
        ours = int(page.compression) in _PLAIN and int(page.bitspersample) == 8
        if info.bits == 8 and (info.palette or int(page.photometric) == 6 or not ours):
            return None
        try:
            found = np.asarray(page.asarray(maxworkers=1))
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise PictureError(BROKEN) from error
            found = _with_opencv(data, page, info, samples)
        if found.ndim == 2:
            found = found[..., None]
        elif info.planar:
            found = np.moveaxis(found, 0, -1)
    if found.shape != (info.height, info.width, samples) or found.dtype.itemsize * 8 != info.bits:
        raise PictureError(BROKEN)
    if info.inverted:
        found = found.copy()
        found[..., 0] = ~found[..., 0]
    return found


def _with_opencv(data: bytes, page: Any, info: Tiff, samples: int) -> NDArray[Any]:
    """LZW and the like through OpenCV's libtiff, which reads 1, 3 or 4 interleaved channels.

    It would turn the picture by its orientation, undo colours it thinks are CMYK and do planes wrongly, so
    it is given a copy whose tags say RGB or grey, upright.
    """
    if info.planar or samples not in (1, 3, 4):
        raise PictureError(
            f"this TIFF is compressed in a way ({page.compression.name}) that can't be read here:"
            " save it with Deflate, or install imagecodecs"
        )
    patched = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    for tag, value in ((262, 1 if samples == 1 else 2), (274, 1)):
        entry = page.tags.get(tag)
        if entry is not None:
            struct.pack_into(order + "H", patched, entry.valueoffset, value)
    found = cv2.imdecode(np.frombuffer(patched, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise PictureError(BROKEN)
    if samples == 1:
        return np.asarray(found)
    return np.ascontiguousarray(found[..., [2, 1, 0, 3][:samples]])


def exif_of(data: bytes, info: Tiff) -> bytes | None:
    """What the directories say about the photo, as EXIF."""
    return _exif.from_tiff(data) if info.classic else None
