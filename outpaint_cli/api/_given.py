"""What callers give: pictures, sizes and options in Python's own types, turned into the command line's."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from PIL import Image, PngImagePlugin

from outpaint_cli.batch.options import plugin_options
from outpaint_cli.plugin import PictureError, Rect, UsageError

if TYPE_CHECKING:
    from outpaint_cli.frame import Geometry

PathLike: TypeAlias = "str | os.PathLike[str]"
Photo: TypeAlias = "Image.Image | PathLike"
Length: TypeAlias = "int | str"
"""Pixels, or a text as on the command line: "10%", "3mm"."""


class PictureOptions(TypedDict, total=False):
    """Options of extend, inpaint and harmonize.

    ``guides``: paths of further photos of the same place; ``options``: those of plugins, as in
    ``{"singan.size": 512}``; ``device``: auto, cpu, cuda or cuda:N; ``seed`` 0 or more: same seed, same
    pixels; ``variant`` 0 or more: another take; ``max_pixels``: refuse larger pictures and outputs;
    ``progress``: told the share 0..1 that is done, and of what; ``provenance``: whether the XMP says that part
    of the picture is algorithmic, and by which model (yes).
    """

    guides: Sequence[PathLike]
    options: Mapping[str, object]
    device: str
    seed: int
    variant: int
    max_pixels: int
    progress: Callable[[float, str], None]
    provenance: bool


class Frame(TypedDict, total=False):
    """How large the output is, as on the command line (docs/cli.md)."""

    scale: float | None
    size: tuple[int, int] | str | None
    aspect: tuple[float, float] | str | None
    pad: Length | tuple[Length, Length, Length, Length] | None
    left: Length | None
    top: Length | None
    right: Length | None
    bottom: Length | None
    anchor: str | None
    fit: str | None
    dpi: float | None


def geometry(frame: Frame) -> Geometry:
    """The geometry that is asked for. Raises UsageError as ``frame.parse_geometry`` does."""
    from outpaint_cli.frame import parse_geometry

    def text(value: object, between: str) -> str | None:
        if isinstance(value, (tuple, list)):
            return between.join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
        return None if value is None else str(value)

    return parse_geometry(
        scale=frame.get("scale"),
        size=text(frame.get("size"), "x"),
        aspect=text(frame.get("aspect"), ":"),
        pad=text(frame.get("pad"), ","),
        left=text(frame.get("left"), ""),
        top=text(frame.get("top"), ""),
        right=text(frame.get("right"), ""),
        bottom=text(frame.get("bottom"), ""),
        anchor=frame.get("anchor"),
        fit=frame.get("fit"),
        dpi=frame.get("dpi"),
    )


def options_by_plugin(options: Mapping[str, object]) -> Mapping[str, Mapping[str, str]]:
    """``{"singan.size": 512}`` by plugin. Raises UsageError for what no plugin offers."""

    def text(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return plugin_options([f"{name}={text(value)}" for name, value in options.items()])


def rectangle(source: tuple[int, int, int, int] | None) -> Rect | None:
    """x, y, width and height in pixels. Raises UsageError for an empty one."""
    if source is None:
        return None
    if len(source) != 4 or min(source[:2]) < 0 or min(source[2:]) < 1:
        raise UsageError(f"source {source} is not x, y, width and height in pixels")
    return Rect(*source)


def file_of(photo: Photo) -> tuple[bytes, str]:
    """The bytes of a picture file that holds the photo without loss, and what messages call it.

    Raises PictureError for a path that can't be read and for pixels no picture file has.
    """
    if not isinstance(photo, Image.Image):
        path = Path(photo)
        try:
            return path.read_bytes(), str(path)
        except OSError as error:
            raise PictureError(
                f"{path}: can't be read ({(error.strerror or '').lower()}); check the path"
            ) from error
    return _encoded(photo), "the image"


def _encoded(image: Image.Image) -> bytes:
    """A Pillow image as PNG, or as TIFF where its colours are inks, with its ICC, EXIF and XMP."""
    mode = {
        "La": "LA",
        "RGBa": "RGBA",
        "PA": "RGBA",
        "RGBX": "RGB",
        "YCbCr": "RGB",
        "LAB": "RGB",
        "HSV": "RGB",
    }
    if image.mode == "F" or (image.mode == "I" and not _fits(image)):
        raise PictureError(
            f"the image's mode {image.mode} has no range of brightness; convert it, as in image.convert('L')"
        )
    image = image.convert(mode[image.mode]) if image.mode in mode else image
    more = {key: image.info[key] for key in ("icc_profile", "exif", "dpi") if image.info.get(key)}
    file = io.BytesIO()
    if image.mode == "CMYK":
        image.save(file, "TIFF", **more)
        return file.getvalue()
    chunks = PngImagePlugin.PngInfo()
    packet = image.info.get("xmp")
    if packet:
        text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
        chunks.add_itxt("XML:com.adobe.xmp", text)
    image.save(file, "PNG", compress_level=1, pnginfo=chunks, **more)
    return file.getvalue()


def _fits(image: Image.Image) -> bool:
    low, high = image.getextrema()
    return isinstance(low, (int, float)) and isinstance(high, (int, float)) and low >= 0 and high <= 65535
