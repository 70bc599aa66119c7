"""A picture as a Pillow image."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PIL import Image

from outpaint_cli.picture import _colour, _exif
from outpaint_cli.picture._types import Picture


def to_pillow(picture: Picture) -> Image.Image:
    """The picture in its own mode: L, LA, I;16, RGB, RGBA or CMYK; ICC profile, EXIF, XMP and dpi in ``info``.

    Pillow has no 16-bit mode but grey without alpha: others are rounded to 8 bits.
    """
    pixels, alpha = picture.pixels, picture.alpha
    if picture.bits == 16 and picture.mode == "L" and alpha is None:
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0]))
    else:
        pixels = _colour.at_depth(pixels, np.dtype(np.uint8))
        if alpha is not None and picture.mode != "CMYK":
            alpha = _colour.at_depth(alpha, np.dtype(np.uint8))
            pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK" if picture.mode == "CMYK" else "RGBA"}[pixels.shape[2]]
        flat = pixels[..., 0] if mode == "L" else pixels
        size = (picture.width, picture.height)
        image = Image.frombytes(mode, size, np.ascontiguousarray(flat).tobytes())
    if picture.icc:
        image.info["icc_profile"] = picture.icc
    if picture.exif:
        with suppress(_exif.ExifError):
            image.info["exif"] = b"Exif\0\0" + _exif.fitted(picture.exif, picture.width, picture.height)
    if picture.xmp:
        image.info["xmp"] = picture.xmp
    if picture.dpi:
        image.info["dpi"] = picture.dpi
    return image
