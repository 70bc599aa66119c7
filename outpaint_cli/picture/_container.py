"""Files as bytes: which format they are, whether they are whole, and the blocks that libraries don't show.

Nothing here decodes pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from outpaint_cli.plugin import PictureError

TRUNCATED = "the file is cut off: copy or download it again"
BROKEN = "the file is damaged: copy it again, or open it in an editor and save it anew"

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"}
_KNOWN_OTHERS = (
    (b"%PDF", "a PDF file"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance picture"),
    (b"FUJIFILM", "a camera raw file"),
    (b"IIU\0", "a camera raw file"),
    (b"IIRO", "a camera raw file"),
    (b"<svg", "an SVG drawing"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x01\x00", "an icon file"),
)


def sniff(head: bytes) -> str:
    """The format that the first bytes (32 or more) speak of, whatever the file is called.

    Raises PictureError where it is none that can be read, and names it where it is known.
    """
    if not head:
        raise PictureError("the file is empty: copy or download it again")
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        if head[8:10] == b"CR":
            raise PictureError("this is a camera raw file: develop it to TIFF or JPEG first")
        return "TIFF"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:2] == b"BM" and len(head) >= 18 and head[14] in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    if head[4:8] == b"ftyp":
        return _isobmff(head)
    for mark, what in _KNOWN_OTHERS:
        if head.startswith(mark):
            raise PictureError(f"this is {what}: save it as PNG, TIFF or JPEG first")
    if not any(head):
        raise PictureError("the file holds only zeros: copy or download it again")
    raise PictureError(
        "this is not a picture that can be read (JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF and HEIC can)"
    )


def _isobmff(head: bytes) -> str:
    size = min(struct.unpack_from(">I", head)[0], len(head))
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    if head[8:12] == b"crx ":
        raise PictureError("this is a camera raw file: develop it to TIFF or JPEG first")
    raise PictureError("this is a video or another file in the same wrapping, not a picture that can be read")


# ---------------------------------------------------------------------------------------------- PNG


@dataclass
class Png:
    """What a PNG's chunks say; see the PNG specification, 11.2 and 11.3."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool
    palette: bool
    transparent: bytes | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    cicp: tuple[int, int] | None = None
    frames: int = 1
    notes: list[str] = field(default_factory=list)


def png(file: BinaryIO, *, check: bool) -> Png:
    """The chunks of a PNG. ``check``: every checksum and the end too, which reads the whole file.

    Raises PictureError where the file is cut off or damaged.
    """
    found: Png | None = None
    for kind, data in _png_chunks(file, check):
        if found is None:
            if kind != b"IHDR" or len(data) != 13:
                raise PictureError(BROKEN)
            width, height, bits, colour, _, _, lace = struct.unpack(">IIBBBBB", data)
            found = Png(width, height, bits, colour, bool(lace), colour == 3)
        elif kind == b"tRNS":
            found.transparent = data
        elif kind == b"iCCP":
            found.icc = _inflate(data.partition(b"\0")[2][1:])
            if found.icc is None:
                found.notes.append("the colour profile is broken and was ignored")
        elif kind == b"eXIf":
            found.exif = data
        elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0"):
            packed = data[18:19] == b"\1"
            text = data[20:].split(b"\0", 2)[-1]
            found.xmp = _inflate(text) if packed else text
        elif kind == b"pHYs" and len(data) == 9:
            across, down, unit = struct.unpack(">IIB", data)
            if unit == 1 and across and down:
                found.dpi = (round(across * 0.0254, 2), round(down * 0.0254, 2))  # 11811 means 300
        elif kind == b"cICP" and len(data) == 4:
            found.cicp = (data[0], data[1])
        elif kind == b"acTL" and len(data) == 8:
            found.frames = max(1, struct.unpack(">I", data[:4])[0])
    if found is None:
        raise PictureError(TRUNCATED)
    return found


_PNG_READ = {b"IHDR", b"tRNS", b"iCCP", b"eXIf", b"iTXt", b"pHYs", b"cICP", b"acTL"}
_MOST_METADATA = 64 << 20


def _png_chunks(file: BinaryIO, check: bool) -> Iterator[tuple[bytes, bytes]]:
    file.seek(8)
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise PictureError(TRUNCATED)
        length, kind = struct.unpack(">I4s", head)
        wanted = kind in _PNG_READ and length <= _MOST_METADATA
        if wanted or check:
            data = file.read(length + 4)
            if len(data) < length + 4:
                raise PictureError(TRUNCATED)
            crc = zlib.crc32(memoryview(data)[:length], zlib.crc32(kind))
            if crc != struct.unpack(">I", data[length:])[0]:
                raise PictureError(BROKEN)
            if wanted:
                yield kind, data[:length]
        else:
            file.seek(length + 4, 1)
        if kind == b"IEND":
            return


def _inflate(data: bytes) -> bytes | None:
    worker = zlib.decompressobj()
    try:
        out = worker.decompress(data, _MOST_METADATA)
    except zlib.error:
        return None
    return out if worker.eof else None


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


# --------------------------------------------------------------------------------------- JPEG, RIFF


def check_jpeg(data: bytes) -> None:
    """Raise PictureError unless the JPEG's scan comes to an end: decoders fill a missing rest with grey."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise PictureError(BROKEN)
        kind = data[at + 1]
        if kind == 0xFF:
            at += 1
        elif kind == 0x01 or 0xD0 <= kind <= 0xD8:
            at += 2
        elif kind == 0xDA:
            if data.rfind(b"\xff\xd9", at) < 0:
                raise PictureError(TRUNCATED)
            return
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    raise PictureError(TRUNCATED)


def check_webp(file: BinaryIO) -> None:
    """Raise PictureError where the file is shorter than its header says."""
    file.seek(4)
    said = file.read(4)
    if len(said) < 4 or 8 + int.from_bytes(said, "little") > file.seek(0, 2) + 1:
        raise PictureError(TRUNCATED)


def webp_lossless(head: bytes) -> bool:
    """Whether the first picture of a WebP file is coded without loss; ``head`` is its beginning."""
    at = 12
    while at + 8 <= len(head):
        kind, length = struct.unpack_from("<4sI", head, at)
        if kind in (b"VP8L", b"VP8 "):
            return bool(kind == b"VP8L")
        at += 8 + (16 if kind == b"ANMF" else length + (length & 1))
    return False


# ---------------------------------------------------------------------------------- AVIF and HEIC


@dataclass(frozen=True)
class Boxes:
    """What the boxes of an AVIF or HEIC file say: bits a sample, and (primaries, transfer) of ITU-T H.273."""

    bits: int
    cicp: tuple[int, int] | None


def boxes(head: bytes) -> Boxes:
    """Depth and colour of an AVIF or HEIC file, from ``head``, which holds at least its ``meta`` box.

    The largest depth and the first colour win: a file may hold several pictures, and all but the first
    are there for the sake of it (tiles, alpha, gain map).
    """
    bits, cicp = 8, None
    for kind, start, end in _walk(head, 0, len(head)):
        if kind == b"av1C" and end - start >= 3:
            flags = head[start + 2]
            bits = max(bits, 12 if flags & 0x20 and flags & 0x40 else 10 if flags & 0x40 else 8)
        elif kind == b"hvcC" and end - start >= 18:
            bits = max(bits, 8 + (head[start + 17] & 7))
        elif kind == b"colr" and head[start : start + 4] == b"nclx" and cicp is None and end - start >= 8:
            cicp = struct.unpack_from(">HH", head, start + 4)
    return Boxes(bits, cicp)


def check_boxes(file: BinaryIO) -> None:
    """Raise PictureError where an outermost box of an AVIF or HEIC file goes beyond the file."""
    end, at = file.seek(0, 2), 0
    while at < end:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size == 0:
            return  # this one goes to the end, however far that is
        if len(head) < 8 or at + size > end:
            raise PictureError(TRUNCATED)
        if size < 8:
            raise PictureError(BROKEN)
        at += size


def _walk(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= stop:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        end = stop if size == 0 else min(at + size, stop)
        if size and size < head:
            return
        if kind == b"meta":
            yield from _walk(data, at + head + 4, end)
        elif kind in (b"iprp", b"ipco"):
            yield from _walk(data, at + head, end)
        else:
            yield kind, at + head, end
        at = end
