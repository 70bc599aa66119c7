"""ICC profiles as numbers: matrix and curves, for what LittleCMS can't do through Pillow (16-bit RGB).

Only the matrix/TRC and grey models of ICC.1:2022 (8.3, 8.4) are read; profiles with tables are left to
LittleCMS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
"""65536 samples of a curve over 0..1, values 0..1."""

_STEPS = np.linspace(0.0, 1.0, 65536)
D50 = np.array([0.96420288, 1.0, 0.82490540])

SRGB_MATRIX = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""Linear sRGB to XYZ at D50 (Bradford), as ICC profiles hold it."""


class IccError(ValueError):
    """The profile is broken, or of a kind that this module does not read."""


@dataclass(frozen=True)
class MatrixProfile:
    """An RGB profile: device values through ``curves`` to linear light, through ``matrix`` (3, 3) to XYZ
    (D50)."""

    curves: tuple[Curve, Curve, Curve]
    matrix: NDArray[np.float64]


def space(icc: bytes) -> str:
    """The colour space of the device: "RGB", "GRAY", "CMYK", ... Raises IccError where it is no profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or struct.unpack_from(">I", icc)[0] > len(icc):
        raise IccError("not a profile")
    return icc[16:20].decode("ascii", "replace").strip()


def _tags(icc: bytes) -> dict[str, bytes]:
    space(icc)
    (count,) = struct.unpack_from(">I", icc, 128)
    if count > 200 or 132 + 12 * count > len(icc):
        raise IccError("the tag table is cut off")
    found = {}
    for index in range(count):
        name, at, size = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        if at + size > len(icc):
            raise IccError("a tag is cut off")
        found[name.decode("latin-1")] = icc[at : at + size]
    return found


def matrix_profile(icc: bytes) -> MatrixProfile:
    """Read an RGB matrix/TRC profile. Raises IccError where it is another kind (tables win, as ICC
    demands)."""
    tags = _tags(icc)
    if space(icc) != "RGB" or icc[20:24] != b"XYZ " or "A2B0" in tags or "A2B1" in tags or "B2A0" in tags:
        raise IccError("not a matrix profile")
    try:
        columns = [_xyz(tags[name]) for name in ("rXYZ", "gXYZ", "bXYZ")]
        red, green, blue = (_curve(tags[name]) for name in ("rTRC", "gTRC", "bTRC"))
    except (KeyError, struct.error) as error:
        raise IccError("a tag is missing or broken") from error
    matrix = np.stack(columns, axis=1)
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise IccError("the primaries are not independent")
    return MatrixProfile((red, green, blue), matrix)


def grey_curve(icc: bytes) -> Curve:
    """The curve from a grey profile's device value to linear light. Raises IccError."""
    tags = _tags(icc)
    if space(icc) != "GRAY" or "kTRC" not in tags:
        raise IccError("not a grey profile with a curve")
    try:
        curve = _curve(tags["kTRC"])
    except struct.error as error:
        raise IccError("a tag is broken") from error
    if icc[20:24] == b"Lab ":
        # With Lab as the connection space the curve gives L*, not light.
        root = (curve * 100 + 16) / 116
        curve = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    return np.asarray(curve, np.float64)


def _xyz(tag: bytes) -> NDArray[np.float64]:
    if tag[:4] != b"XYZ ":
        raise IccError("not an XYZ tag")
    return np.array(struct.unpack_from(">3i", tag, 8), np.float64) / 65536


def _curve(tag: bytes) -> Curve:
    """10.6 curveType and 10.18 parametricCurveType."""
    x = _STEPS
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        if count == 1:
            return np.asarray(x ** (struct.unpack_from(">H", tag, 12)[0] / 256), np.float64)
        if 12 + 2 * count > len(tag):
            raise IccError("a curve is cut off")
        table = np.frombuffer(tag, ">u2", count, 12) / 65535
        return np.interp(x, np.linspace(0, 1, count), table)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        wanted = (1, 3, 4, 5, 7)
        if kind >= len(wanted):
            raise IccError("an unknown curve")
        values = [value / 65536 for value in struct.unpack_from(f">{wanted[kind]}i", tag, 12)]
        g, a, b, c, d, e, f = values + [0.0] * (7 - len(values))
        if kind == 0:
            return np.asarray(x**g, np.float64)
        if kind in (1, 2):
            if a == 0:
                raise IccError("a curve without slope")
            d, f, c = -b / a, c, 0.0
            e = f  # X >= -b/a: (aX+b)^g + c, else c
        power = np.maximum(a * x + b, 0) ** g + (e if kind != 3 else 0)
        return np.asarray(np.clip(np.where(x >= d, power, c * x + f), 0, 1), np.float64)
    raise IccError("an unknown curve")


def srgb_to_linear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1, both 0..1."""
    return np.asarray(np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4), np.float64)


def linear_to_srgb(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1, both 0..1."""
    x = np.clip(x, 0, 1)
    return np.asarray(np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), np.float64)


# ------------------------------------------------------------------------------------------- making one

# ITU-T H.273 colour primaries that AVIF, HEIC and PNG name instead of carrying a profile: x, y of R, G, B
# at D65.
_PRIMARIES = {
    9: ("Rec. 2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def from_cicp(primaries: int, transfer: int) -> bytes | None:
    """A profile for colours named by numbers (ITU-T H.273), or None where they are as good as sRGB.

    Transfer 1, 6, 14, 15 and 13 are all shown with the sRGB curve, as browsers do.
    """
    if primaries not in _PRIMARIES:
        return None
    name, chromaticities = _PRIMARIES[primaries]
    return build_profile(name, chromaticities)


def build_profile(
    name: str,
    chromaticities: tuple[float, ...],
    gamma: float | None = None,
    white: tuple[float, float] = (0.3127, 0.329),
) -> bytes:
    """A version 4 display profile: x, y of red, green and blue, a white point, a ``gamma`` (None: the sRGB
    curve)."""

    def xyz(x: float, y: float) -> NDArray[np.float64]:
        return np.array([x / y, 1.0, (1 - x - y) / y])

    pairs = [(chromaticities[i], chromaticities[i + 1]) for i in (0, 2, 4)]
    colours = np.stack([xyz(*pair) for pair in pairs], axis=1)
    light = xyz(*white)
    matrix = colours * np.linalg.solve(colours, light)
    adapt = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ D50) / (_BRADFORD @ light)) @ _BRADFORD
    matrix = adapt @ matrix

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    def text(words: str) -> bytes:
        body = words.encode("utf-16-be")
        return (
            b"mluc"
            + bytes(4)
            + struct.pack(">II", 1, 12)
            + b"enUS"
            + struct.pack(">II", len(body), 28)
            + body
        )

    if gamma is None:
        curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0)
        curve += fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    else:
        curve = b"para" + bytes(4) + struct.pack(">HH", 0, 0) + fixed(gamma)
    tags = {
        b"desc": text(name),
        b"cprt": text("No copyright"),
        b"wtpt": b"XYZ " + bytes(4) + fixed(*D50),
        b"chad": b"sf32" + bytes(4) + fixed(*adapt.ravel()),
        b"rXYZ": b"XYZ " + bytes(4) + fixed(*matrix[:, 0]),
        b"gXYZ": b"XYZ " + bytes(4) + fixed(*matrix[:, 1]),
        b"bXYZ": b"XYZ " + bytes(4) + fixed(*matrix[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        body += bytes(-len(body) % 4)
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    head = (
        struct.pack(">I", size)
        + bytes(4)
        + b"\x04\x30\0\0mntrRGB XYZ "
        + struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    )
    head += b"acsp" + bytes(28) + fixed(*D50)
    return head.ljust(128, b"\0") + table + body
