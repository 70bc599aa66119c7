"""Reading: one picture out of a file, with all that the file carries, or one line that says why not."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from outpaint_cli.picture import _colour, _container, _exif, _icc, _jpeg, _tiff, _xmp
from outpaint_cli.picture._container import BROKEN, TRUNCATED
from outpaint_cli.picture._quiet import quiet
from outpaint_cli.picture._types import MAX_PIXELS, JpegSettings, Picture, PictureInfo, Samples
from outpaint_cli.plugin import PictureError, Rect

Given: TypeAlias = "Path | bytes | BinaryIO"
"""A file by its path, its content, or itself, open and seekable: for headers alone."""

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
}
"""Suffixes by format, the usual one first."""

# The classes themselves, not Image.open: that tries every format Pillow knows, PostScript included.
_PILLOW: dict[str, Any] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}

# Pillow's mode: our mode, alpha, indexed colours.
_MODES = {
    "1": ("L", False, False),
    "L": ("L", False, False),
    "LA": ("L", True, False),
    "La": ("L", True, False),
    "P": ("RGB", False, True),
    "PA": ("RGB", True, True),
    "RGB": ("RGB", False, False),
    "RGBX": ("RGB", False, False),
    "RGBA": ("RGB", True, False),
    "RGBa": ("RGB", True, False),
    "YCbCr": ("RGB", False, False),
    "CMYK": ("CMYK", False, False),
}

_CUT_OFF = re.compile(
    r"truncat|unexpected end|end of file|incomplete|not enough (image )?data|EOF|requires a buffer",
    re.IGNORECASE,
)

_HEAD = 4 << 20  # bytes: more than the boxes before the picture data of any AVIF or HEIC file take


@dataclass
class Header:
    """What is known before pixels are decoded: the information as stored (not yet turned) and the
    metadata."""

    format: str
    width: int
    height: int
    mode: str
    bits: int
    has_alpha: bool
    frames: int = 1
    palette: bool = False
    orientation: int = 1
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg: JpegSettings | None = None
    lossless: bool = True
    notes: list[str] = field(default_factory=list)
    png: _container.Png | None = None
    tiff: _tiff.Tiff | None = None
    opened: Any = None


# ------------------------------------------------------------------------------------- the public face


def probe(source: Given, *, max_pixels: int = MAX_PIXELS) -> PictureInfo:
    """What the header of a file says, in pixels after the EXIF orientation; decodes nothing.

    Raises PictureError, one line without the path, for all that :func:`read` would refuse from the header
    alone.
    """
    with quiet(), _file(source) as file, _told_in_one_line():
        header = _header(file, max_pixels)
        turned = header.orientation >= 5
        return PictureInfo(
            width=header.height if turned else header.width,
            height=header.width if turned else header.height,
            format=header.format,
            mode=header.mode,
            bits=header.bits,
            has_alpha=header.has_alpha,
            frames=header.frames,
            palette=header.palette,
            turned=turned,
            dpi=_dpi(header, turned),
        )


def read(source: Path | bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read one picture, upright, from a file or from its bytes.

    Raises PictureError, one line without the path, where it can't be read as what it is: empty, cut off,
    damaged, not a picture, more than ``max_pixels``, or of a kind that would lose depth or colours in
    silence.
    """
    data = source if isinstance(source, bytes) else _bytes_of(source)
    with quiet(), _told_in_one_line():
        if _container.sniff(data[:64]) == "JPEG":
            _container.check_jpeg(data)
        header = _header(io.BytesIO(data), max_pixels)
        if header.format == "PNG":
            _container.png(io.BytesIO(data), check=True)
        elif header.tiff is not None:
            header.exif = _tiff.exif_of(data, header.tiff)
        pixels, alpha = _decode(data, header)
    notes = list(header.notes)
    if isinstance(source, Path):
        notes = _about_the_name(source, header.format) + notes
    _clean_metadata(header, notes)
    pixels = _upright(pixels, header.orientation)
    alpha = None if alpha is None else _upright(alpha, header.orientation)
    picture = Picture(
        pixels=pixels,
        alpha=alpha,
        format=header.format,
        icc=header.icc,
        exif=header.exif,
        xmp=header.xmp,
        dpi=_dpi(header, header.orientation >= 5),
        jpeg=header.jpeg,
        palette=header.palette,
        notes=tuple(notes),
        lossless=header.lossless,
    )
    try:
        picture.exif = _exif.fitted(picture.exif, picture.width, picture.height) if picture.exif else None
    except _exif.ExifError:
        picture.exif = None
        picture.notes += ("the EXIF block is broken and was left out",)
    if picture.xmp:
        picture.xmp = _xmp.fitted(picture.xmp, picture.width, picture.height)
    return picture


def read_photo_rect(source: Given) -> Rect | None:
    """Where the photo sits in a picture that Outpaint wrote, in pixels, or None where the file does not say.

    Reads the header alone. Raises PictureError as :func:`probe` does.
    """
    return _xmp.photo_rect(_read_xmp(source))


def read_photo_properties(source: Given) -> dict[str, str]:
    """All that Outpaint wrote into a picture's XMP, by name; empty for other pictures. Raises as
    :func:`probe`."""
    return _xmp.properties(_read_xmp(source))


def _read_xmp(source: Given) -> bytes | None:
    with quiet(), _file(source) as file, _told_in_one_line():
        return _header(file, None).xmp


# ----------------------------------------------------------------------------------------------- files


@contextmanager
def _file(source: Given) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    if not isinstance(source, Path):
        yield source
        return
    _check_ordinary(source)
    try:
        file = source.open("rb")
    except OSError as error:
        raise PictureError(_why_not(source, error)) from error
    with file:
        yield file


def _bytes_of(path: Path) -> bytes:
    _check_ordinary(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(_why_not(path, error)) from error


def _check_ordinary(path: Path) -> None:
    """Refuse pipes and devices, on which reading could wait for ever."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return  # opening it will say why
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise PictureError(
            "this is a pipe or a device, not a file: pass the picture on standard input with '-'"
        )


def _why_not(path: Path, error: OSError) -> str:
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        return "this is a folder, not a picture: name a file, or the folder as INPUT"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "the file may not be read: change its permissions"
    return f"the file can't be read ({error.strerror or type(error).__name__}): check the disk or connection"


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    """Whatever a decoder raises becomes a PictureError of one line: decoders raise nearly anything on bad
    files."""
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(
            "there is not enough memory for this picture: scale it down first, or use --jobs 1"
        ) from error
    except struct.error as error:
        raise PictureError(TRUNCATED) from error
    except Exception as error:
        text = " ".join(str(error).split())
        if _CUT_OFF.search(text):
            raise PictureError(TRUNCATED) from error
        raise PictureError(BROKEN + (f" ({text[:120]})" if text else "")) from error


def _about_the_name(path: Path, found: str) -> list[str]:
    suffix = path.suffix.lower()
    if any(suffix in suffixes for name, suffixes in SUFFIXES.items() if name != found):
        return [f"the file is called {suffix} but holds {'HEIC' if found == 'HEIF' else found}"]
    return []


# ---------------------------------------------------------------------------------------------- headers


def _header(file: BinaryIO, max_pixels: int | None) -> Header:
    file.seek(0)
    kind = _container.sniff(file.read(64))
    if kind == "WEBP":
        _container.check_webp(file)
    elif kind in ("AVIF", "HEIF"):
        _container.check_boxes(file)
    file.seek(0)
    header = {"PNG": _png, "TIFF": _tiff_header, "HEIF": _heif}.get(kind, _pillow)(file, kind)
    if header.width < 1 or header.height < 1:
        raise PictureError(BROKEN)
    if max_pixels is not None and header.width * header.height > max_pixels:
        raise PictureError(
            f"the picture has {header.width} x {header.height} pixels, more than the limit of {max_pixels}:"
            " raise it with --max-pixels if the file can be trusted"
        )
    if header.frames > 1:
        header.notes.append(f"the file holds {header.frames} pictures: only the first one is used")
    return header


def _png(file: BinaryIO, kind: str) -> Header:
    found = _container.png(file, check=False)
    if found.colour not in (0, 2, 3, 4, 6):
        raise PictureError(BROKEN)
    header = Header(
        format=kind,
        width=found.width,
        height=found.height,
        mode="L" if found.colour in (0, 4) else "RGB",
        bits=16 if found.bits == 16 else 8,
        has_alpha=found.colour in (4, 6) or found.transparent is not None,
        frames=found.frames,
        palette=found.palette,
        icc=found.icc,
        exif=found.exif,
        xmp=found.xmp,
        dpi=found.dpi,
        notes=list(found.notes),
        png=found,
    )
    _named_colours(header, found.cicp)
    header.orientation = _exif.orientation(_exif.strip_mark(found.exif or b""))
    return header


def _tiff_header(file: BinaryIO, kind: str) -> Header:
    found = _tiff.header(file)
    header = Header(
        format=kind,
        width=found.width,
        height=found.height,
        mode=found.mode,
        bits=found.bits,
        has_alpha=found.alpha is not None,
        frames=found.frames,
        palette=found.palette,
        orientation=found.orientation,
        icc=found.icc,
        xmp=found.xmp,
        dpi=found.dpi,
        tiff=found,
    )
    if found.alpha is not None and found.premultiplied:
        header.notes.append(
            "the picture was stored multiplied by its alpha: dark fringes may be off by rounding"
        )
    return header


def _pillow(file: BinaryIO, kind: str) -> Header:
    image = _PILLOW[kind](file)
    if image.mode not in _MODES:
        raise PictureError(
            f"the picture holds samples of an unusual kind ({image.mode}): save it as RGB with 8 bits first"
        )
    mode, alpha, palette = _MODES[image.mode]
    header = Header(
        format=kind,
        width=image.width,
        height=image.height,
        mode=mode,
        bits=8,
        has_alpha=alpha or "transparency" in image.info,
        palette=palette,
        icc=image.info.get("icc_profile"),
        exif=image.info.get("exif"),
        xmp=image.info.get("xmp"),
        dpi=image.info.get("dpi"),
        opened=image,
    )
    if kind == "JPEG":
        header.jpeg = _jpeg_settings(image)
        header.lossless = False
        if "mp" in image.info:
            header.notes.append(
                "the further pictures in the file (a preview, gain map or second view) are left out"
            )
    elif kind == "WEBP":
        file.seek(0)
        header.lossless = _container.webp_lossless(file.read(_HEAD))
    elif kind == "AVIF":
        header.lossless = False
        file.seek(0)
        _boxes(header, file.read(_HEAD))
    if kind in ("GIF", "WEBP", "AVIF"):
        try:
            header.frames = int(image.n_frames)
        except Exception:  # a later frame is damaged; the first may well be whole
            header.frames = 2
    header.orientation = _exif.orientation(_exif.strip_mark(header.exif or b""))
    return header


def _boxes(header: Header, head: bytes) -> None:
    found = _container.boxes(head)
    if found.bits > 8:
        header.notes.append(f"the picture has {found.bits} bits a sample and was read as 8")
    _named_colours(header, found.cicp)


def _named_colours(header: Header, cicp: tuple[int, int] | None) -> None:
    """Colours named by numbers instead of a profile: they must not be taken for sRGB."""
    if cicp is None:
        return
    if cicp[1] in (16, 18):
        name = "PQ" if cicp[1] == 16 else "HLG"
        raise PictureError(f"this is an HDR picture ({name}): export it as SDR first")
    if header.icc is None and header.mode == "RGB":
        header.icc = _icc.from_cicp(*cicp)


def _jpeg_settings(image: Any) -> JpegSettings:
    qtables = {int(key): tuple(int(v) for v in table) for key, table in image.quantization.items()}
    sampling = JpegImagePlugin.get_sampling(image)
    return JpegSettings(
        subsampling={0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}.get(sampling, ""),
        qtables=qtables,
        progressive=bool(image.info.get("progressive")),
        quality=_jpeg.quality_of(qtables),
    )


def heif_module() -> Any:
    """The pillow_heif module. Raises PictureError, with the extra to install, where there is none."""
    try:
        import pillow_heif
    except ImportError as error:
        raise PictureError("HEIC needs the extra 'heif': pip install 'outpaint-cli[heif]'") from error
    return pillow_heif


def _heif(file: BinaryIO, kind: str) -> Header:
    module = heif_module()
    head = file.read(_HEAD)
    file.seek(0)
    image = module.open_heif(file)
    header = Header(
        format=kind,
        width=image.size[0],
        height=image.size[1],
        mode="L" if image.mode in ("L", "LA") else "RGB",
        bits=8,
        has_alpha=image.mode.endswith(("A", "a")),
        frames=len(image),
        icc=image.info.get("icc_profile"),
        exif=image.info.get("exif"),
        xmp=image.info.get("xmp"),
        lossless=False,
        opened=image,
    )
    _boxes(header, head)
    # Turning is a box of the container, which the decoder heeds; the EXIF field is not to be heeded (HEIF,
    # A.2.1).
    return header


def _clean_metadata(header: Header, notes: list[str]) -> None:
    if header.exif:
        header.exif = _exif.strip_mark(header.exif)
    if header.icc is not None:
        problem = _colour.icc_problem(header.icc, header.mode)
        if problem is not None:
            header.icc = None
            notes.append(problem)
    if header.xmp is not None:
        text = _xmp.decode(header.xmp)
        if text is None:
            notes.append("the XMP packet is broken and was left out")
        header.xmp = None if text is None else text.encode()


# ----------------------------------------------------------------------------------------------- pixels


def _decode(data: bytes, header: Header) -> tuple[Samples, Samples | None]:
    """Pixels (H, W, C) and alpha (H, W), not yet turned; sets ``header.orientation`` to what is left to
    do."""
    if header.png is not None:
        if header.bits == 16:
            return _decode_png_16(data, header.png)
        return _from_pillow(_PILLOW["PNG"](io.BytesIO(data)), header)
    if header.tiff is not None:
        found = _tiff.decode(data, io.BytesIO(data), header.tiff)
        if found is not None:
            return _tiff_parted(found, header.tiff)
        image = _PILLOW["TIFF"](io.BytesIO(data))
        header.orientation = 1  # Pillow turns TIFFs itself
        return _from_pillow(image, header)
    if header.format == "HEIF":
        array = np.asarray(header.opened[0] if header.frames > 1 else header.opened)
        return _parted(array.reshape(*array.shape[:2], -1), header)
    if header.format == "JPEG" and header.mode == "RGB" and not header.has_alpha:
        found = _decode_jpeg(data, header)
        if found is not None:
            return found, None
    return _from_pillow(header.opened, header)


def _decode_jpeg(data: bytes, header: Header) -> Samples | None:
    """The pixels, as Pillow has them but without its copies; None for what Pillow had better judge."""
    if header.opened.info.get("adobe_transform", 1) != 1 or header.opened.mode != "RGB":
        return None
    in_order = getattr(cv2, "IMREAD_COLOR_RGB", None)  # since OpenCV 4.11
    flags = cv2.IMREAD_IGNORE_ORIENTATION | (cv2.IMREAD_COLOR if in_order is None else in_order)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if found is None or found.shape != (header.height, header.width, 3) or found.dtype != np.uint8:
        return None
    pixels: Samples = found if in_order is not None else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    return pixels


def _from_pillow(image: Any, header: Header) -> tuple[Samples, Samples | None]:
    target = header.mode
    if header.has_alpha:
        target = {"L": "LA", "RGB": "RGBA"}.get(target, target)
    image.load()
    if image.mode not in _MODES:
        raise PictureError(
            f"the picture holds samples of an unusual kind ({image.mode}): save it as RGB with 8 bits first"
        )
    if image.mode == "1" and target == "LA":
        image = image.convert("L")
    if image.mode != target:
        image = image.convert(target)
    array = np.asarray(image)
    return _parted(array.reshape(*array.shape[:2], -1), header)


def _parted(array: Samples, header: Header) -> tuple[Samples, Samples | None]:
    colours = {"L": 1, "RGB": 3, "CMYK": 4}[header.mode]
    if array.shape[2] == colours:
        return array, None
    return np.ascontiguousarray(array[..., :colours]), np.ascontiguousarray(array[..., colours])


def _decode_png_16(data: bytes, info: _container.Png) -> tuple[Samples, Samples | None]:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.shape[:2] != (info.height, info.width):
        raise PictureError(BROKEN)
    if found.ndim == 2:
        found = found[..., None]
    grey = info.colour in (0, 4)
    pixels = np.ascontiguousarray(found[..., :1] if grey else found[..., 2::-1])
    if info.colour in (4, 6):
        return pixels, np.ascontiguousarray(found[..., 3])
    if info.transparent is not None and len(info.transparent) == 2 * pixels.shape[2]:
        key = np.frombuffer(info.transparent, ">u2").astype(np.uint16)
        clear = np.all(pixels == key, axis=2)
        return pixels, np.where(clear, np.uint16(0), np.uint16(65535))
    return pixels, None


def _tiff_parted(found: Samples, info: _tiff.Tiff) -> tuple[Samples, Samples | None]:
    colours = {"L": 1, "RGB": 3, "CMYK": 4}[info.mode]
    pixels = np.ascontiguousarray(found[..., :colours])
    if info.alpha is None:
        return pixels, None
    alpha = np.ascontiguousarray(found[..., info.alpha])
    if info.premultiplied:
        top = int(np.iinfo(pixels.dtype).max)
        for rows in _colour.bands(info.height, info.width):
            cover = np.maximum(alpha[rows], 1).astype(np.uint64)[..., None]
            pixels[rows] = np.minimum((pixels[rows].astype(np.uint64) * top + cover // 2) // cover, top)
    return pixels, alpha


def _dpi(header: Header, turned: bool) -> tuple[float, float] | None:
    """Dots an inch across and down of the upright picture; None where the file has none that make sense."""
    if header.dpi is None:
        return None
    try:
        across, down = float(header.dpi[0]), float(header.dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    if not (1 <= across < 65535 and 1 <= down < 65535):
        return None
    return (down, across) if turned else (across, down)


def _upright(array: Samples, orientation: int) -> Samples:
    """EXIF 2.32, 4.6.4.A: row 0 and column 0 of what is stored are which sides of the picture."""
    if orientation == 1:
        return array
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
