"""One image file with all it carries: pixels, alpha, depth, ICC, EXIF, XMP; read whole, written atomically.

>>> picture = read(path)  # upright, in its own colours and depth
>>> ring = from_srgb(picture, imagined)  # imagined in sRGB, now in the photo's colours
>>> packet = photo_xmp(picture.xmp, rect, frame, keep=True)
>>> done = encode(picture, format="JPEG", xmp=packet)
>>> write_atomic(output, done.data)
"""

from outpaint_cli.picture._colour import at_depth, from_srgb, is_srgb, to_srgb
from outpaint_cli.picture._pillow import to_pillow
from outpaint_cli.picture._read import Given, probe, read, read_photo_properties, read_photo_rect
from outpaint_cli.picture._types import (
    MAX_PIXELS,
    Encoded,
    JpegSettings,
    Picture,
    PictureInfo,
    Samples,
    blank,
    put,
    recycle,
    whole,
)
from outpaint_cli.picture._write import encode, output_format, write_atomic
from outpaint_cli.picture._xmp import iptc_properties, photo_xmp
from outpaint_cli.picture._xmp import properties as photo_properties

__all__ = [
    "MAX_PIXELS",
    "Encoded",
    "Given",
    "JpegSettings",
    "Picture",
    "PictureInfo",
    "Samples",
    "at_depth",
    "blank",
    "encode",
    "from_srgb",
    "iptc_properties",
    "is_srgb",
    "output_format",
    "photo_properties",
    "photo_xmp",
    "probe",
    "put",
    "read",
    "read_photo_properties",
    "read_photo_rect",
    "recycle",
    "to_pillow",
    "to_srgb",
    "whole",
    "write_atomic",
]
