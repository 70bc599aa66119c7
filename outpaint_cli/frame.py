"""Where the photo sits in the larger frame: pure geometry, no pixels.

Sizes are in whole pixels, x to the right and y down. Fractions are rounded half up, the same way for
percent and for pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from outpaint_cli.plugin import PictureError, Rect, UsageError

ANCHORS = (
    "center", "left", "right", "top", "bottom", "top-left", "top-right", "bottom-left", "bottom-right",
)  # fmt: skip

Fit = Literal["error", "shrink"]


@dataclass(frozen=True)
class Frame:
    """The output: ``width`` x ``height``, with the photo at ``photo``, wholly inside.

    ``photo`` has the size of the source unless ``resized``: then --fit shrink made the photo smaller.
    """

    width: int
    height: int
    photo: Rect
    resized: bool = False

    @property
    def rect(self) -> Rect:
        """The whole frame."""
        return Rect(0, 0, self.width, self.height)


def round_half_up(value: float) -> int:
    """The nearest whole number, a half upwards: 0.5 becomes 1, as people round."""
    return math.floor(value + 0.5)


PER_INCH = {"mm": 25.4, "cm": 2.54, "in": 1.0}
"""How many of each unit an inch has."""


@dataclass(frozen=True)
class Length:
    """A length in pixels ("px"), in percent of a side ("%"), or as printed ("mm", "cm", "in")."""

    value: float
    unit: str = "px"

    def pixels(self, side: int, dpi: float | None = None) -> int:
        """Whole pixels, for a side of ``side`` pixels with ``dpi`` dots an inch.

        Raises PictureError where it is as printed and ``dpi`` is None.
        """
        if self.unit == "%":
            return round_half_up(side * self.value / 100)
        if self.unit == "px" or not self.value:
            return round_half_up(self.value)
        if dpi is None:
            raise PictureError(
                f"its file does not say how many dots an inch it has, so {self.value:g}{self.unit} can't be "
                "told in pixels; give --dpi, as in --dpi 300"
            )
        return round_half_up(self.value / PER_INCH[self.unit] * dpi)


@dataclass(frozen=True)
class Scale:
    """--scale F: both sides times ``factor``, at least 1."""

    factor: float


@dataclass(frozen=True)
class Size:
    """--size WxH: exactly that output."""

    width: int
    height: int


@dataclass(frozen=True)
class Aspect:
    """--aspect W:H: the smallest frame of that shape around the photo."""

    width: float
    height: float


@dataclass(frozen=True)
class Pad:
    """--pad, --left, --top, --right, --bottom: lengths to add on each side."""

    left: Length = Length(0)
    top: Length = Length(0)
    right: Length = Length(0)
    bottom: Length = Length(0)


@dataclass(frozen=True)
class Geometry:
    """How large the output is and where the photo sits in it.

    ``dpi`` is the dots an inch of lengths in mm, cm and in; None takes each picture's own.
    """

    target: Scale | Size | Aspect | Pad = Scale(1.5)
    anchor: str = "center"
    fit: Fit = "error"
    dpi: float | None = None


def plan_frame(width: int, height: int, geometry: Geometry, dpi: tuple[float, float] | None = None) -> Frame:
    """The frame for a photo of ``width`` x ``height`` pixels, with ``dpi`` dots an inch across and down.

    Raises PictureError when the photo does not fit into --size and ``fit`` is "error", and for lengths in
    mm, cm or in where nothing says the dots an inch.
    """
    target = geometry.target
    if isinstance(target, Pad):
        given = None if geometry.dpi is None else (geometry.dpi, geometry.dpi)
        across, down = given or dpi or (None, None)
        left, right = target.left.pixels(width, across), target.right.pixels(width, across)
        top, bottom = target.top.pixels(height, down), target.bottom.pixels(height, down)
        return Frame(left + width + right, top + height + bottom, Rect(left, top, width, height))
    resized = False
    if isinstance(target, Scale):
        frame_w, frame_h = round_half_up(width * target.factor), round_half_up(height * target.factor)
    elif isinstance(target, Aspect):
        frame_w = max(width, round_half_up(height * target.width / target.height))
        frame_h = max(height, round_half_up(width * target.height / target.width))
        if frame_w > width and frame_h > height:  # both only by rounding: keep the one that is closer
            frame_h = height
    else:
        frame_w, frame_h = target.width, target.height
        if width > frame_w or height > frame_h:
            if geometry.fit == "error":
                raise PictureError(
                    f"the photo ({width}x{height}) is larger than --size {frame_w}x{frame_h}; "
                    "ask for a larger size, or add --fit shrink"
                )
            factor = min(frame_w / width, frame_h / height)
            width = min(frame_w, max(1, round_half_up(width * factor)))
            height = min(frame_h, max(1, round_half_up(height * factor)))
            resized = True
    frame_w, frame_h = max(frame_w, width), max(frame_h, height)
    x, y = _place(frame_w - width, frame_h - height, geometry.anchor)
    return Frame(frame_w, frame_h, Rect(x, y, width, height), resized)


def _place(spare_w: int, spare_h: int, anchor: str) -> tuple[int, int]:
    x = 0 if "left" in anchor else spare_w if "right" in anchor else spare_w // 2
    y = 0 if "top" in anchor else spare_h if "bottom" in anchor else spare_h // 2
    return x, y


# ------------------------------------------------------------------------------------------ parsing

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
LARGEST_SIDE = 1_000_000
HIGHEST_DPI = 100_000


def parse_geometry(
    *,
    scale: float | None = None,
    size: str | None = None,
    aspect: str | None = None,
    pad: str | None = None,
    left: str | None = None,
    top: str | None = None,
    right: str | None = None,
    bottom: str | None = None,
    anchor: str | None = None,
    fit: str | None = None,
    dpi: float | None = None,
) -> Geometry:
    """The geometry that the options ask for; without any, ``--scale 1.5``.

    Raises UsageError, naming the option and a right example, when they make no sense or contradict.
    """
    sides = {"--left": left, "--top": top, "--right": right, "--bottom": bottom}
    given = [
        name
        for name, value in {"--scale": scale, "--size": size, "--aspect": aspect, "--pad": pad}.items()
        if value is not None
    ]
    some_sides = [name for name, value in sides.items() if value is not None]
    if len(given) > 1 or (given and some_sides):
        raise UsageError(f"{' and '.join(given + some_sides)} can't be used together; choose one")
    if anchor is not None and anchor not in ANCHORS:
        raise UsageError(f"--anchor '{anchor}' is not one of {', '.join(ANCHORS)}")
    if fit is not None and fit not in ("error", "shrink"):
        raise UsageError(f"--fit '{fit}' is not error or shrink")
    if anchor is not None and (pad is not None or some_sides):
        raise UsageError("--anchor has no meaning with --pad or single sides: they say where the photo sits")
    if fit == "shrink" and size is None:
        raise UsageError("--fit shrink goes with --size")
    target: Scale | Size | Aspect | Pad
    if size is not None:
        target = _parse_size(size)
    elif aspect is not None:
        target = _parse_aspect(aspect)
    elif pad is not None:
        target = _parse_pad(pad)
    elif some_sides:
        lengths = [parse_length(value or "0", name) for name, value in sides.items()]
        target = Pad(*lengths)
    else:
        factor = 1.5 if scale is None else scale
        if not (math.isfinite(factor) and 1 <= factor <= 1000):
            raise UsageError(f"--scale {factor:g} is not a factor of 1 or more, as in --scale 1.5")
        target = Scale(factor)
    if dpi is not None and not printed(pad, *sides.values()):
        raise UsageError("--dpi goes with lengths in mm, cm or in, as in --pad 3mm")
    if dpi is not None and not 1 <= dpi <= HIGHEST_DPI:
        raise UsageError(f"--dpi {dpi:g} is not from 1 to {HIGHEST_DPI}, as in --dpi 300")
    return Geometry(target, anchor or "center", "shrink" if fit == "shrink" else "error", dpi)


def printed(*texts: str | None) -> bool:
    """Whether a length among ``texts`` of --pad or single sides is in mm, cm or in."""
    parts = [part.strip() for text in texts if text for part in text.split(",")]
    return any(part.endswith(tuple(PER_INCH)) for part in parts)


def parse_length(text: str, option: str) -> Length:
    """``128``, ``128px``, ``10%``, ``3mm``, ``0.5cm`` or ``1in``. Raises UsageError."""
    match = re.fullmatch(rf"\s*{_NUMBER}\s*(%|px|mm|cm|in)?\s*", text)
    if not match:
        raise UsageError(f"{option} '{text}' is not a length, as in 128 (pixels), 10%, 3mm, 0.5cm or 1in")
    length = Length(float(match.group(1)), match.group(2) or "px")
    if length.unit == "px" and length.value != int(length.value):
        raise UsageError(f"{option} '{text}': pixels are whole numbers")
    if length.value > LARGEST_SIDE:
        raise UsageError(f"{option} '{text}' is too large (at most {LARGEST_SIDE})")
    return length


def _parse_pad(text: str) -> Pad:
    parts = text.split(",")
    if len(parts) not in (1, 4):
        raise UsageError(
            f"--pad '{text}' is not one length or four (left,top,right,bottom), as in 10% or 0,64,0,64"
        )
    lengths = [parse_length(part, "--pad") for part in parts]
    return Pad(*(lengths * 4 if len(lengths) == 1 else lengths))


def _parse_size(text: str) -> Size:
    match = re.fullmatch(r"\s*(\d{1,7})\s*[xX×]\s*(\d{1,7})\s*", text)
    if not match or not (0 < int(match[1]) <= LARGEST_SIDE and 0 < int(match[2]) <= LARGEST_SIDE):
        raise UsageError(f"--size '{text}' is not a width and a height in pixels, as in 1920x1080")
    return Size(int(match[1]), int(match[2]))


def _parse_aspect(text: str) -> Aspect:
    match = re.fullmatch(rf"\s*{_NUMBER}\s*[:/xX×]\s*{_NUMBER}\s*", text)
    if not match or not (float(match[1]) > 0 and float(match[2]) > 0):
        raise UsageError(f"--aspect '{text}' is not a shape, as in 16:9")
    width, height = float(match[1]), float(match[2])
    if not 1e-3 <= width / height <= 1e3:
        raise UsageError(f"--aspect '{text}' is too long and thin")
    return Aspect(width, height)
