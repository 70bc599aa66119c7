"""Between a picture's own colours and sRGB, in which everything is imagined.

8-bit RGB and CMYK go through LittleCMS. Pillow's LittleCMS has no 16-bit RGB, so that 16-bit RGB goes
through the profile's own matrix and curves; a profile with tables instead, and CMYK, through a lattice of
the 8-bit transform with linear interpolation between (from sRGB), or through 8 bits (to sRGB, where it only
guides the filler). Rows are done in bands: no copy of a whole picture is ever made in floating point.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from outpaint_cli.picture import _icc
from outpaint_cli.picture._types import Picture, Samples

_BAND = 1 << 20  # pixels
_LATTICE = 33
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def bands(height: int, width: int) -> Iterator[slice]:
    """Slices of rows that hold about a million pixels each."""
    rows = max(1, _BAND // max(1, width))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def to_8_bit(samples: Samples) -> NDArray[np.uint8]:
    """16 bit to 8, rounded to the nearest (65535 is 255); 8 bit passes through."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    return np.take(_down(), samples)


@functools.cache
def _down() -> NDArray[np.uint8]:
    return ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def to_depth(samples: NDArray[np.uint8], dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Samples:
    """8 bit to 8 or 16 (255 is 65535)."""
    return samples if dtype == np.uint8 else samples.astype(np.uint16) * np.uint16(257)


def at_depth(samples: Samples, dtype: np.dtype[Any]) -> Samples:
    """``samples`` as ``dtype``, uint8 or uint16; not copied where they are that already."""
    if samples.dtype == dtype:
        return samples
    return to_8_bit(samples) if dtype == np.uint8 else to_depth(samples, np.dtype(np.uint16))


# ----------------------------------------------------------------------------------------- profiles


def icc_problem(icc: bytes, mode: str) -> str | None:
    """Why a profile can't be used for pixels of that mode (one line), or None where it can."""
    try:
        space = _icc.space(icc)
    except _icc.IccError:
        return "the colour profile is broken and was ignored"
    if space != _SPACES[mode]:
        return f"the colour profile is for {space}, the picture is {mode}: it was ignored"
    try:
        if mode == "L":
            _grey_tables(icc)
        else:
            _transform(icc, mode, True)
            _transform(icc, mode, False)
    except (_icc.IccError, ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "the colour profile is broken and was ignored"
    return None


@functools.lru_cache(maxsize=8)
def _transform(icc: bytes, mode: str, forward: bool) -> ImageCms.ImageCmsTransform:
    own = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    # Black point compensation keeps the shadows of CMYK apart; between matrix profiles it changes nothing.
    ends = (own, srgb, mode, "RGB") if forward else (srgb, own, "RGB", mode)
    return ImageCms.buildTransform(
        *ends,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _apply(transform: ImageCms.ImageCmsTransform, mode: str, part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.frombuffer(mode, part.shape[1::-1], np.ascontiguousarray(part), "raw", mode, 0, 1)
    done = ImageCms.applyTransform(image, transform)
    assert done is not None  # only in place it returns nothing
    return np.asarray(done)


@functools.lru_cache(maxsize=16)
def _is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile's colours are sRGB's to within 2/255, whatever it is called."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    done = _apply(_transform(icc, "RGB", True), "RGB", cube)
    return int(np.abs(done.astype(np.int16) - cube).max()) <= 2


def is_srgb(picture: Picture) -> bool:
    """Whether the pixels are sRGB, or grey with the tones of sRGB, as they are."""
    if picture.mode == "CMYK":
        return False
    if picture.icc is None:
        return True
    if picture.mode == "L":
        forward, _ = _grey_tables(picture.icc)
        return int(np.abs(forward.astype(np.int32) - np.arange(65536)).max()) <= 2 * 257
    return _is_srgb(picture.icc)


@functools.lru_cache(maxsize=8)
def _grey_tables(icc: bytes) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """16-bit tables from grey to sRGB grey and back."""
    light = np.maximum.accumulate(_icc.grey_curve(icc))
    if light[-1] <= light[0]:
        raise _icc.IccError("the curve does not rise")
    steps = np.linspace(0.0, 1.0, 65536)
    forward = np.rint(_icc.linear_to_srgb(light) * 65535).astype(np.uint16)
    # A hair of slope makes the curve invertible where it is flat.
    rising = light + steps * 1e-9
    back = np.rint(np.interp(_icc.srgb_to_linear(steps), rising, steps) * 65535).astype(np.uint16)
    return forward, back


def _through(table: NDArray[np.uint16], samples: Samples) -> Samples:
    """16-bit samples through a table of 65536, or 8-bit ones through every 257th of it."""
    if samples.dtype == np.uint8:
        return np.take(to_8_bit(table[::257]), samples)
    return np.take(table, samples)


# ------------------------------------------------------------------------------------------ the two ways


def to_srgb(picture: Picture, pixels: Samples | None = None) -> Samples:
    """sRGB (h, w, 3) of the same depth, of the whole picture or of ``pixels`` (h, w, C) in its own colours.

    Colours outside sRGB are clipped. RGB that is sRGB already comes back as it is, not copied.
    """
    own = picture.pixels if pixels is None else pixels
    mode = picture.mode
    if mode == "L":
        grey = own[..., 0]
        if picture.icc is not None and not is_srgb(picture):
            grey = _through(_grey_tables(picture.icc)[0], grey)
        return np.repeat(grey[..., None], 3, axis=2)
    if is_srgb(picture):
        return own
    step = _to_srgb_step(picture, own.dtype)
    return _banded(own, 3, step)


def from_srgb(picture: Picture, rgb: Samples) -> Samples:
    """The picture's own colours (h, w, C) of sRGB ``rgb`` (h, w, 3), both of the picture's depth.

    Grey is luma (Rec. 709 weights on the encoded values, exact for neutral colours).
    """
    if rgb.dtype != picture.pixels.dtype:
        raise ValueError(f"the picture has {picture.pixels.dtype}, these pixels {rgb.dtype}")
    if picture.mode == "L":
        grey = _banded(rgb, 1, _luma)
        if picture.icc is not None and not is_srgb(picture):
            grey = _through(_grey_tables(picture.icc)[1], grey)
        return grey
    if is_srgb(picture):
        return rgb
    return _banded(rgb, picture.pixels.shape[2], _from_srgb_step(picture, rgb.dtype))


Step = Callable[[Samples], Samples]


def _banded(source: Samples, channels: int, step: Step) -> Samples:
    out: Samples = np.empty((*source.shape[:2], channels), source.dtype)
    for rows in bands(*source.shape[:2]):
        out[rows] = step(source[rows])
    return out


def _luma(rgb: Samples) -> Samples:
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    luma: Samples = np.rint(rgb.astype(np.float32) @ weights).astype(rgb.dtype)
    return luma[..., None]


def _to_srgb_step(picture: Picture, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Step:
    mode, icc = picture.mode, picture.icc
    if icc is None:
        return _plain_cmyk_to_rgb
    if dtype == np.uint16 and mode == "RGB":
        try:
            profile = _icc.matrix_profile(icc)
        except _icc.IccError:
            pass
        else:
            return _matrix_step(profile, forward=True)
        return _lattice_step(_transform(icc, mode, True), mode)
    transform = _transform(icc, mode, True)
    return lambda part: to_depth(_apply(transform, mode, to_8_bit(part)), dtype)


def _from_srgb_step(picture: Picture, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Step:
    mode, icc = picture.mode, picture.icc
    if icc is None:
        return _plain_rgb_to_cmyk
    if dtype == np.uint8:
        transform = _transform(icc, mode, False)
        return lambda part: _apply(transform, "RGB", to_8_bit(part))
    if mode == "RGB":
        try:
            return _matrix_step(_icc.matrix_profile(icc), forward=False)
        except _icc.IccError:
            pass
    return _lattice_step(_transform(icc, mode, False), "RGB")


def _plain_cmyk_to_rgb(cmyk: Samples) -> Samples:
    """RGB = (1 - CMY)(1 - K): what is meant where no profile says what the inks are."""
    top = np.float32(np.iinfo(cmyk.dtype).max)
    part = cmyk.astype(np.float32)
    rgb: Samples = np.rint((top - part[..., :3]) * (top - part[..., 3:]) / top).astype(cmyk.dtype)
    return rgb


def _plain_rgb_to_cmyk(rgb: Samples) -> Samples:
    """The inverse with as much black as can be, so that dark parts don't drown in ink."""
    top = np.float32(np.iinfo(rgb.dtype).max)
    part = rgb.astype(np.float32)
    light = part.max(axis=2, keepdims=True)
    colours = top - part / np.maximum(light, 1) * top
    inks = np.concatenate([np.where(light > 0, colours, 0), top - light], axis=2)
    cmyk: Samples = np.rint(inks).astype(rgb.dtype)
    return cmyk


def _matrix_step(profile: _icc.MatrixProfile, *, forward: bool) -> Step:
    """16-bit RGB through curves, matrix and curves.

    The last curve is a table over the square root of light, in which curves made for the eye are nearly
    straight: 65536 even steps of light itself would be far too coarse in the shadows. Good to about 2/65535.
    """
    steps = np.linspace(0.0, 1.0, 65536)
    own_to_srgb = np.linalg.solve(_icc.SRGB_MATRIX, profile.matrix)
    srgb = _icc.srgb_to_linear(steps)
    if forward:
        decode, matrix = profile.curves, own_to_srgb
        encode = [_icc.linear_to_srgb(steps**2)] * 3
    else:
        decode, matrix = (srgb, srgb, srgb), np.linalg.inv(own_to_srgb)
        # A hair of slope makes a curve invertible where it is flat.
        rising = [np.maximum.accumulate(curve) + steps * 1e-9 for curve in profile.curves]
        encode = [np.interp(steps**2, curve, steps) for curve in rising]
    light = [curve.astype(np.float32) for curve in decode]
    tables = [np.rint(curve * 65535).astype(np.uint16) for curve in encode]
    mix = matrix.T.astype(np.float32)

    def step(part: Samples) -> Samples:
        linear = np.stack([np.take(light[c], part[..., c]) for c in range(3)], axis=2) @ mix
        np.sqrt(np.clip(linear, 0, 1, out=linear), out=linear)
        linear *= 65535
        place = np.rint(linear, out=linear).astype(np.uint16)
        return np.stack([np.take(tables[c], place[..., c]) for c in range(3)], axis=2)

    return step


def _lattice_step(transform: ImageCms.ImageCmsTransform, mode: str) -> Step:
    """16-bit RGB through a 33-cubed lattice of an 8-bit transform, linear between its points.

    The lattice's values are rounded to 8 bits, but between them the result is smooth: no bands in a sky.
    """
    grid = np.rint(np.linspace(0, 255, _LATTICE)).astype(np.uint8)
    cube = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1)
    values = _apply(transform, mode, cube.reshape(_LATTICE, -1, 3)).astype(np.float32)
    table = values.reshape(_LATTICE**3, -1)
    # The points themselves lie at whole 8-bit values, not evenly: find() gives the place between two of them.
    place = np.interp(np.arange(65536) / 257, grid, np.arange(_LATTICE)).astype(np.float32)

    def step(part: Samples) -> Samples:
        at = np.take(place, part)
        low = np.minimum(at.astype(np.int32), _LATTICE - 2)
        share = at - low
        base = (low[..., 0] * _LATTICE + low[..., 1]) * _LATTICE + low[..., 2]
        total = np.zeros((*part.shape[:2], table.shape[1]), np.float32)
        for corner in range(8):
            up = ((corner >> 2) & 1, (corner >> 1) & 1, corner & 1)
            weight = np.ones(part.shape[:2], np.float32)
            for c in range(3):
                weight *= share[..., c] if up[c] else 1 - share[..., c]
            total += weight[..., None] * table[base + (up[0] * _LATTICE + up[1]) * _LATTICE + up[2]]
        return np.asarray(np.rint(total * 257), np.uint16)

    return step
