"""Pictures for the tests: real photos in every depth and mode, and colour profiles from first principles."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray

from outpaint_cli.picture import Picture
from outpaint_cli.picture._icc import build_profile

ADOBE_RGB = build_profile("Like Adobe RGB", (0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)
DISPLAY_P3 = build_profile("Like Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060))
SRGB = build_profile("Someone's own standard", (0.64, 0.33, 0.30, 0.60, 0.15, 0.06))


def photo(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A part of a real photo, uint8 (height, width, 3)."""
    return np.ascontiguousarray(skimage.data.astronaut()[20 : 20 + height, 160 : 160 + width])


def picture(mode: str = "RGB", bits: int = 8, alpha: bool = False, **fields: Any) -> Picture:
    """A photo in that mode (L, RGB, CMYK) and depth; 16 bits have something of their own in the lower 8."""
    rgb = photo()
    if mode == "L":
        pixels = rgb[..., 1:2]
    elif mode == "RGB":
        pixels = rgb
    else:
        pixels = np.concatenate([(255 - rgb) // 2, rgb[..., :1] // 4], axis=2)
    cover = np.broadcast_to(np.linspace(0, 255, rgb.shape[1]).astype(np.uint8), rgb.shape[:2])
    if bits == 16:
        fine = np.arange(pixels.size, dtype=np.uint32).reshape(pixels.shape) * 37 % 256
        pixels = (pixels.astype(np.uint32) * 256 + fine).astype(np.uint16)
        cover = (cover.astype(np.uint32) * 257).astype(np.uint16)
    return Picture(
        pixels=np.ascontiguousarray(pixels),
        alpha=np.ascontiguousarray(cover) if alpha else None,
        format=fields.pop("format", "PNG"),
        **fields,
    )


def exif(
    orientation: int = 1, width: int = 64, height: int = 48, order: str = "<", thumbnail: bytes = b""
) -> bytes:
    """A small EXIF block: maker, orientation, sizes, date, a maker note, a thumbnail where one is given."""
    make, note = b"Maker\0", b"MakerNote with an offset"
    date = b"2024:01:02 03:04:05\0"

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        data = struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
        return struct.pack(order + "HHI", tag, kind, count) + data

    main_at = 8
    exif_at = main_at + 2 + 12 * 4 + 4
    data_at = exif_at + 2 + 12 * 5 + 4
    date_at, note_at = data_at + len(make), data_at + len(make) + len(date)
    second_at = note_at + len(note)
    main = [
        entry(0x10F, 2, len(make), data_at),
        entry(0x112, 3, 1, orientation),
        entry(0x132, 2, len(date), date_at),
        entry(0x8769, 4, 1, exif_at),
    ]
    inner = [
        entry(0x9003, 2, len(date), date_at),
        entry(0x927C, 7, len(note), note_at),
        entry(0xA001, 3, 1, 65535),
        entry(0xA002, 3, 1, width),
        entry(0xA003, 4, 1, height),
    ]
    block = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", main_at)
    block += (
        struct.pack(order + "H", 4) + b"".join(main) + struct.pack(order + "I", second_at if thumbnail else 0)
    )
    block += struct.pack(order + "H", 5) + b"".join(inner) + bytes(4)
    block += make + date + note
    if thumbnail:
        at = second_at + 2 + 24 + 4
        rows = entry(0x201, 4, 1, at) + entry(0x202, 4, 1, len(thumbnail))
        block += struct.pack(order + "H", 2) + rows + bytes(4) + thumbnail
    return block


def lzw_tiff(pixels: NDArray[Any], predictor: bool = False, orientation: int = 1) -> bytes:
    """A TIFF of one LZW strip, as editors write it, made by hand: tifffile's LZW needs a further package."""
    height, width, samples = pixels.shape
    stored = pixels.copy()
    if predictor:
        stored[:, 1:] -= pixels[:, :-1]
    bits = f"{256:09b}"
    for at, byte in enumerate(stored.astype(stored.dtype.newbyteorder("<")).tobytes()):
        # Only literals, and the table cleared before its codes grow to 10 bits: the simplest valid LZW.
        bits += f"{byte:09b}" + (f"{256:09b}" if at % 250 == 249 else "")
    bits += f"{257:09b}"
    strip = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    at = 8 + 2 + 12 * 11 + 4
    depths = struct.pack(f"<{samples}H", *[pixels.dtype.itemsize * 8] * samples)
    rows = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, samples, at if samples > 2 else int.from_bytes(depths, "little")),
        (259, 3, 1, 5),
        (262, 3, 1, {1: 1, 3: 2, 4: 5}[samples]),
        (273, 4, 1, at + len(depths)),
        (274, 3, 1, orientation),
        (277, 3, 1, samples),
        (278, 3, 1, height),
        (279, 4, 1, len(strip)),
        (317, 3, 1, 2 if predictor else 1),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(struct.pack("<HHII", *row) for row in rows)
    return head + bytes(4) + depths + strip


def grey_profile(gamma: float) -> bytes:
    """A grey profile (version 2) with a plain power curve."""
    return _profile(
        b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))}, b"mntr"
    )


Colours = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def table_profile(space: str, channels: int, to_rgb: Colours, from_rgb: Colours) -> bytes:
    """A profile made of tables (lut16) like a printer's, through sRGB: both functions take and give 0..1."""
    return _profile(
        space.ljust(4).encode(),
        b"Lab ",
        {
            b"A2B0": _lut16(channels, 3, 9 if channels == 4 else 17, lambda x: _rgb_to_lab(to_rgb(x))),
            b"B2A0": _lut16(3, channels, 33, lambda x: from_rgb(_lab_to_rgb(x))),
        },
        b"prtr",
    )


def cmyk_profile() -> bytes:
    """A CMYK profile whose inks are not plain: a table is needed to get its colours right."""

    def to_rgb(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return (1 - 0.9 * x[..., :3]) * (1 - 0.9 * x[..., 3:])

    def from_rgb(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([np.clip((1 - x) / 0.9, 0, 1), np.zeros((*x.shape[:-1], 1))], axis=-1)

    return table_profile("CMYK", 4, to_rgb, from_rgb)


def _profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes], kind: bytes) -> bytes:
    white = struct.pack(">3i", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"Test\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"None\0",
        b"wtpt": b"XYZ " + bytes(4) + white,
        **tags,
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">I", 128 + len(table) + len(body)) + bytes(4) + b"\x02\x40\0\0" + kind + space + pcs
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + body


def _lut16(inputs: int, outputs: int, points: int, function: Colours) -> bytes:
    axis = np.linspace(0, 1, points)
    grid = np.stack(np.meshgrid(*[axis] * inputs, indexing="ij"), axis=-1)
    values = np.rint(np.clip(function(grid), 0, 1) * 65535).astype(">u2").tobytes()
    line = struct.pack(">2H", 0, 65535)
    head = b"mft2" + bytes(4) + struct.pack(">4B", inputs, outputs, points, 0)
    head += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + struct.pack(">2H", 2, 2)
    return head + line * inputs + values + line * outputs


_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_WHITE = np.array([0.9642, 1.0, 0.8249])


def _rgb_to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB to Lab as version 2 profiles encode it in 16 bits, 0..1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ _TO_XYZ.T / _WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    lab = np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )
    return (lab * [652.8, 256, 256] + [0, 32768, 32768]) / 65535


def _lab_to_rgb(code: NDArray[np.float64]) -> NDArray[np.float64]:
    lab = (code * 65535 - [0, 32768, 32768]) / [652.8, 256, 256]
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
