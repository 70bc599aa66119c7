"""Writing: a picture becomes a file in one of the formats, and the file appears whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from outpaint_cli.picture import _colour, _container, _exif, _jpeg, _xmp
from outpaint_cli.picture._quiet import quiet
from outpaint_cli.picture._read import SUFFIXES, heif_module
from outpaint_cli.picture._types import Encoded, Picture, PictureInfo, Samples, padded
from outpaint_cli.plugin import PictureError, UsageError

_WANTED = {
    "png": "PNG",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "webp": "WEBP",
    "tiff": "TIFF",
    "tif": "TIFF",
    "avif": "AVIF",
}
_NAMES = {**_WANTED, "bmp": "BMP", "heif": "HEIF", "heic": "HEIF"}

_MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("L", "RGB"),
    "WEBP": ("RGB",),
    "TIFF": ("L", "RGB", "CMYK"),
    "BMP": ("L", "RGB"),
    "AVIF": ("L", "RGB"),
    "HEIF": ("L", "RGB"),
}
_DEEP = ("PNG", "TIFF")
_NO_ALPHA = ("JPEG", "BMP")
_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65535, "HEIF": 16384}
_MOST_IN_A_JPEG_SEGMENT = 65000


def output_format(picture: Picture | PictureInfo, wanted: str, suffix: str = "") -> tuple[str, str]:
    """The format that is written and the file suffix, for ``--format wanted``: keep, png, jpg, webp, tiff
    or avif.

    ``suffix`` is the input's own; it is kept where it fits the format (".jpeg", ".TIF"). With keep, GIF and
    palette pictures become PNG. Raises UsageError for another ``wanted``, PictureError for HEIC that can't be
    encoded here.
    """
    if wanted == "keep":
        kind = "PNG" if picture.palette or picture.format == "GIF" else picture.format
    elif wanted in _WANTED:
        kind = _WANTED[wanted]
    else:
        raise UsageError(f"there is no format '{wanted}': use keep, png, jpg, webp, tiff or avif")
    if kind == "HEIF" and not heif_module().libheif_info().get("HEIF"):
        raise PictureError("this pillow-heif can't write HEIC: choose another format, as in --format avif")
    return kind, suffix if suffix.lower() in SUFFIXES[kind] else SUFFIXES[kind][0]


def encode(
    picture: Picture,
    *,
    format: str,
    quality: int = 95,
    strip_metadata: bool = False,
    xmp: bytes | None = None,
) -> Encoded:
    """Encode a picture. ``format`` as :func:`output_format` returns it; ``quality`` 1..100 for the lossy
    ones.

    ``xmp`` replaces the picture's own packet. ``strip_metadata`` leaves out EXIF, ICC, dpi and the picture's
    own XMP, but never ``xmp``; pixels of another colour space are then converted to sRGB. What the format
    can't hold is converted and noted: CMYK to sRGB, 16 bits to 8 (rounded), alpha onto white.
    Raises PictureError where the picture is too large for the format or the encoder fails.
    """
    kind = _NAMES.get(format.lower())
    if kind is None:
        raise UsageError(f"there is no format '{format}' to write")
    most = _LARGEST_SIDE.get(kind)
    if most is not None and max(picture.width, picture.height) > most:
        name = "HEIC" if kind == "HEIF" else kind
        raise PictureError(
            f"{picture.width} x {picture.height} pixels are too many for {name} (at most {most} a side):"
            " choose --format png or tiff"
        )
    job = _Job(picture, kind, quality, strip_metadata, xmp)
    try:
        with quiet():
            data = _ENCODERS[kind](job)
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(
            "there is not enough memory to encode the picture: make it smaller, or use --jobs 1"
        ) from error
    except Exception as error:  # encoders raise nearly anything
        text = " ".join(str(error).split())[:120]
        raise PictureError(
            f"the picture can't be encoded as {kind} ({text}): choose another --format"
        ) from error
    return Encoded(data, tuple(job.notes), job.exact)


class _Job:
    """A picture brought into a form that the format holds, with notes of what that took."""

    def __init__(self, picture: Picture, kind: str, quality: int, strip: bool, xmp: bytes | None) -> None:
        self.picture, self.kind = picture, kind
        self.quality = min(100, max(1, quality))
        self.notes: list[str] = []
        self.exact = kind in ("PNG", "TIFF", "BMP") or (
            kind == "WEBP" and picture.format == "WEBP" and picture.lossless
        )
        self.lossless = self.exact
        self.icc = picture.icc
        self.pixels, self.alpha = picture.pixels, picture.alpha
        self.width, self.height = picture.width, picture.height
        self.converted = False
        self._into_srgb(strip)
        self._into_depth()
        self._onto_white()
        self.dpi = None if strip else picture.dpi
        self.exif = None if strip else self._exif()
        own = _xmp.fitted(picture.xmp, self.width, self.height) if picture.xmp and not strip else None
        self.xmp = xmp if xmp is not None else own
        if kind == "BMP" and (self.exif or self.xmp):
            self.notes.append("BMP holds no EXIF and no XMP: they were left out")
            self.exif = self.xmp = None

    @property
    def mode(self) -> str:
        return {1: "L", 3: "RGB", 4: "CMYK"}[int(self.pixels.shape[2])]

    def _into_srgb(self, strip: bool) -> None:
        picture = self.picture
        unheld = picture.mode not in _MODES[self.kind]
        drop = picture.icc is not None and (strip or self.kind == "BMP" or unheld)
        if picture.mode == "CMYK" and (unheld or drop):
            self.notes.append(f"CMYK was converted to sRGB{'' if unheld else ', as no profile is kept'}")
        elif drop and not _colour.is_srgb(picture):
            self.notes.append("the colours were converted to sRGB, as the profile is not kept")
        elif unheld:  # grey where only RGB is: the same values three times
            self.pixels = np.repeat(picture.pixels, 3, axis=2)
            self.icc = None
            return
        else:
            self.icc = None if drop else picture.icc
            return
        converted = _colour.to_srgb(picture)
        self.pixels = converted[..., :1] if picture.mode == "L" and not unheld else converted
        self.icc = None
        self.exact = False
        self.converted = True

    def _into_depth(self) -> None:
        if self.pixels.dtype == np.uint16 and self.kind not in _DEEP:
            self.notes.append(
                f"{'HEIC' if self.kind == 'HEIF' else self.kind} is written with 8 bits: 16 were rounded"
            )
            self.pixels = _colour.to_8_bit(self.pixels)
            self.alpha = None if self.alpha is None else _colour.to_8_bit(self.alpha)
            self.exact = False

    def _onto_white(self) -> None:
        if self.alpha is None or self.kind not in _NO_ALPHA:
            return
        if int(self.alpha.min()) < 255:
            self.notes.append(f"{self.kind} holds no transparency: it was filled with white")
            self.exact = False
            white = 0 if self.mode == "CMYK" else 255
            flat = np.empty_like(self.pixels)
            for rows in _colour.bands(self.height, self.width):
                cover = self.alpha[rows].astype(np.uint32)[..., None]
                flat[rows] = (self.pixels[rows] * cover + white * (255 - cover) + 127) // 255
            self.pixels = flat
        self.alpha = None

    def _exif(self) -> bytes | None:
        if not self.picture.exif:
            return None
        try:
            return _exif.fitted(self.picture.exif, self.width, self.height, srgb=self.converted)
        except _exif.ExifError:
            self.notes.append("the EXIF block is broken and was left out")
            return None

    def stacked(self) -> Samples:
        """Pixels and alpha as one array (H, W, C), contiguous."""
        if self.alpha is None:
            return np.ascontiguousarray(self.pixels)
        return np.concatenate([self.pixels, self.alpha[..., None]], axis=2)

    def image(self) -> Image.Image:
        """The same for Pillow, 8 bit."""
        whole = padded(self.pixels) if self.alpha is None and self.kind == "JPEG" else None
        if whole is not None:  # Pillow takes four channels as they are and three only as a copy
            return Image.frombuffer("RGBX", (self.width, self.height), whole, "raw", "RGBX", 0, 1)
        array = self.stacked()
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK" if self.mode == "CMYK" else "RGBA"}[array.shape[2]]
        return Image.frombuffer(mode, (self.width, self.height), array, "raw", mode, 0, 1)


# --------------------------------------------------------------------------------------------- formats


def _write_jpeg(job: _Job) -> bytes:
    options: dict[str, Any] = {}
    own = job.picture.jpeg
    if own is not None and own.qtables:
        options["qtables"] = _jpeg.no_coarser(own.qtables, job.quality, one=job.mode == "CMYK")
        # What Pillow can't name (4:1:1, 4:4:0) is written with all of its chroma: no less than it had.
        options["subsampling"] = {"4:2:2": 1, "4:2:0": 2}.get(own.subsampling, 0)
        options["progressive"] = own.progressive
    else:
        options["quality"] = job.quality
        options["subsampling"] = 0 if job.quality >= 90 else 2
    if job.exif and len(job.exif) > _MOST_IN_A_JPEG_SEGMENT:
        job.notes.append("the EXIF block is too large for JPEG and was left out")
        job.exif = None
    if job.exif:
        options["exif"] = b"Exif\0\0" + job.exif
    if job.xmp and len(job.xmp) > _MOST_IN_A_JPEG_SEGMENT:
        job.notes.append("the XMP packet is too large for JPEG: only where the photo sits was kept")
        job.xmp = _xmp.ours_alone(job.xmp)
    if job.xmp:
        options["xmp"] = job.xmp
    if job.dpi:
        options["dpi"] = (round(job.dpi[0]), round(job.dpi[1]))
    return _save(job.image(), "JPEG", icc_profile=job.icc, **options)


def _save(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **{name: value for name, value in options.items() if value is not None})
    return out.getvalue()


def _write_png(job: _Job) -> bytes:
    array = job.stacked()
    if array.dtype == np.uint8:
        data = _save(job.image(), "PNG", compress_level=4)  # half the time of 6 for the same size on photos
    elif array.shape[2] == 2:
        data = _grey_alpha_png(array)
    else:
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[array.shape[2]]
        done, buffer = cv2.imencode(".png", np.ascontiguousarray(array[..., order]))
        if not done:
            raise PictureError("the picture can't be encoded as PNG: choose another --format")
        data = buffer.tobytes()
    head = 33  # the signature and IHDR
    return data[:head] + _png_metadata(job) + data[head:]


def _png_metadata(job: _Job) -> bytes:
    chunks = b""
    if job.icc:
        chunks += _container.png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(job.icc))
    if job.dpi:
        across, down = (round(value / 0.0254) for value in job.dpi)
        chunks += _container.png_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if job.exif:
        chunks += _container.png_chunk(b"eXIf", job.exif)
    if job.xmp:
        chunks += _container.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + job.xmp)
    return chunks


def _grey_alpha_png(array: Samples) -> bytes:
    """16-bit grey with alpha, which OpenCV can't write: every row as the difference to the one above
    (filter 2)."""
    height, width = array.shape[:2]
    packer = zlib.compressobj(6)
    body = b""
    above = np.zeros((1, width * 4), np.uint8)
    for rows in _colour.bands(height, width):
        part = array[rows].astype(">u2").view(np.uint8).reshape(-1, width * 4)
        filtered = part - np.concatenate([above, part[:-1]])
        above = part[-1:]
        body += packer.compress(np.pad(filtered, ((0, 0), (1, 0)), constant_values=2).tobytes())
    body += packer.flush()
    start = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _container.png_chunk(b"IHDR", start)
        + b"".join(
            _container.png_chunk(b"IDAT", body[at : at + (1 << 30)]) for at in range(0, len(body), 1 << 30)
        )
        + _container.png_chunk(b"IEND", b"")
    )


def _write_webp(job: _Job) -> bytes:
    # exact: colours under full transparency stay as they are.
    options = {"lossless": True, "exact": True} if job.lossless else {"quality": job.quality}
    return _save(job.image(), "WEBP", icc_profile=job.icc, exif=job.exif, xmp=job.xmp, **options)


def _write_bmp(job: _Job) -> bytes:
    return _save(job.image(), "BMP", dpi=job.dpi)


def _write_avif(job: _Job) -> bytes:
    options: dict[str, Any] = {"quality": job.quality}
    if job.mode == "RGB":
        options["subsampling"] = "4:4:4" if job.quality >= 90 else "4:2:0"
    return _save(job.image(), "AVIF", icc_profile=job.icc, exif=job.exif, xmp=job.xmp, **options)


def _write_heif(job: _Job) -> bytes:
    image = job.image()
    out = io.BytesIO()
    file = heif_module().from_bytes(image.mode, image.size, image.tobytes())
    options: dict[str, Any] = {"exif": job.exif, "xmp": job.xmp, "icc_profile": job.icc}
    file.save(
        out,
        quality=job.quality,
        chroma=444 if job.quality >= 90 else 420,
        **{name: value for name, value in options.items() if value is not None},
    )
    return out.getvalue()


def _write_tiff(job: _Job) -> bytes:
    import tifffile

    array = job.stacked()
    colours = {"L": 1, "RGB": 3, "CMYK": 4}[job.mode]
    tags: list[tuple[int, int, int, bytes | int, bool]] = []
    children: dict[int, _exif.Directory] = {}
    if job.exif:
        tree = _exif.directory(job.exif)
        tags += [(*entry, True) for entry in tree.fields]
        children = tree.children
    if job.xmp:
        tags.append((700, 1, len(job.xmp), job.xmp, True))
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        array[..., 0] if array.shape[2] == 1 else array,
        byteorder="<",
        photometric={"L": "minisblack", "RGB": "rgb", "CMYK": "separated"}[job.mode],
        planarconfig="contig" if array.shape[2] > 1 else None,
        extrasamples=["unassalpha"] if array.shape[2] > colours else None,
        compression="zlib",
        predictor=True,
        iccprofile=job.icc,
        resolution=job.dpi,
        resolutionunit="inch" if job.dpi else None,
        extratags=sorted(tags),
        metadata=None,
        software=False,
    )
    data = bytearray(out.getvalue())
    if data[2:4] == b"*\0":
        if children:  # tifffile writes no directories within directories
            _exif.hang(data, children)
    elif children:
        job.notes.append("the EXIF block was left out: it can't be written into a TIFF of more than 4 GB")
    return bytes(data)


_ENCODERS = {
    "JPEG": _write_jpeg,
    "PNG": _write_png,
    "WEBP": _write_webp,
    "TIFF": _write_tiff,
    "BMP": _write_bmp,
    "AVIF": _write_avif,
    "HEIF": _write_heif,
}


# ------------------------------------------------------------------------------------------------ files


def write_atomic(
    path: Path,
    data: bytes,
    *,
    beside: Path | None = None,
    ready: Callable[[os.stat_result], None] = lambda stat: None,
) -> None:
    """Write a file that appears whole or not at all: first as ``beside``, then renamed.

    Without ``beside``, on the same file system, a hidden name in the same folder is used, which holds
    ".outpaint-" and the process id. ``ready`` is called with what the system says of the finished file just
    before it is renamed. Raises PictureError, one line without the path, where it can't be written, or
    ``ready`` raises OSError; nothing is left behind then.
    """
    if beside is None:
        beside = path.parent / f".outpaint-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            ready(beside.stat())
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise PictureError(_why_not(path, error)) from error


def _why_not(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "no space left where the output goes: free some, then run again (what is finished stays)"
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        return "the output is a folder: choose another name"
    if isinstance(error, FileNotFoundError):
        return "the folder for the output is not there: make it first"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return "the output may not be written there: choose another folder with --out"
    if error.errno == errno.ENAMETOOLONG:
        return "the output's name is too long: choose a shorter one"
    reason = error.strerror or type(error).__name__
    return f"the output can't be written ({reason}): check the disk or connection"
