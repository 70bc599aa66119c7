"""EXIF, patched in place.

Re-serialising EXIF would move the maker notes, whose offsets are absolute, and so break them. Everything here
changes single values inside the block instead and leaves the rest byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SHORT, _LONG = 3, 4

IMAGE_WIDTH, IMAGE_LENGTH, ORIENTATION = 0x100, 0x101, 0x112
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
_COLOUR_SPACE, _PIXEL_X, _PIXEL_Y = 0xA001, 0xA002, 0xA003
_THUMB_OFFSET, _THUMB_LENGTH = 0x201, 0x202


class ExifError(ValueError):
    """The block is not a TIFF structure."""


@dataclass(frozen=True)
class Entry:
    """One directory entry: ``at`` is where its 12 bytes start, ``value`` where its data lie."""

    tag: int
    type: int
    count: int
    at: int
    value: int

    @property
    def size(self) -> int:
        """Bytes of data."""
        return _SIZES.get(self.type, 1) * self.count


def strip_mark(exif: bytes) -> bytes:
    """``exif`` without the mark "Exif" that JPEG puts before it."""
    return exif[6:] if exif[:6] in (b"Exif\0\0", b"Exif\0\xff") else exif


def byte_order(exif: bytes) -> str:
    """ "<" or ">". Raises ExifError where ``exif`` is no TIFF structure."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(exif[:4]))
    if order is None or len(exif) < 14:
        raise ExifError("not a TIFF structure")
    return order


def first_directory(exif: bytes) -> int:
    """Where the main directory starts."""
    return int(struct.unpack_from(byte_order(exif) + "I", exif, 4)[0])


def entries(exif: bytes | bytearray, at: int) -> Iterator[Entry]:
    """The entries of the directory at ``at``. Raises ExifError where they run out of the block."""
    order = byte_order(bytes(exif[:16]))
    if not 8 <= at <= len(exif) - 2:
        raise ExifError("a directory lies outside")
    (count,) = struct.unpack_from(order + "H", exif, at)
    if at + 2 + 12 * count > len(exif):
        raise ExifError("a directory is cut off")
    for index in range(count):
        start = at + 2 + 12 * index
        tag, kind, number = struct.unpack_from(order + "HHI", exif, start)
        where = start + 8
        if _SIZES.get(kind, 1) * number > 4:
            (where,) = struct.unpack_from(order + "I", exif, where)
        yield Entry(tag, kind, number, start, where)


def find(exif: bytes | bytearray, at: int, tag: int) -> Entry | None:
    """The entry with that tag, or None."""
    return next((entry for entry in entries(exif, at) if entry.tag == tag), None)


def number(exif: bytes | bytearray, entry: Entry | None) -> int | None:
    """The first value of a whole-number entry, or None."""
    if entry is None or entry.count < 1 or entry.type not in (_SHORT, _LONG, 13):
        return None
    order = byte_order(bytes(exif[:16]))
    if entry.value + _SIZES[entry.type] > len(exif):
        return None
    return int(struct.unpack_from(order + ("H" if entry.type == _SHORT else "I"), exif, entry.value)[0])


def orientation(exif: bytes | None) -> int:
    """The orientation 1..8; 1 where there is none or the block is broken."""
    if not exif:
        return 1
    try:
        value = number(exif, find(exif, first_directory(exif), ORIENTATION))
    except (ExifError, struct.error):
        return 1
    return value if value is not None and 1 <= value <= 8 else 1


def fitted(exif: bytes, width: int, height: int, *, srgb: bool = False) -> bytes:
    """``exif`` of an upright picture of that size: orientation 1, sizes right, no thumbnail.

    Only fields that are there are changed. ``srgb``: the colours were converted, and the field says so.
    Raises ExifError where the block is broken.
    """
    block = bytearray(exif)
    order = byte_order(exif)
    try:
        main = first_directory(exif)
        _set(block, order, main, {ORIENTATION: 1, IMAGE_WIDTH: width, IMAGE_LENGTH: height})
        pointer = number(block, find(block, main, EXIF_IFD))
        if pointer:
            values = {_PIXEL_X: width, _PIXEL_Y: height}
            _set(block, order, pointer, {**values, _COLOUR_SPACE: 1} if srgb else values)
        _drop_thumbnail(block, order, main)
    except struct.error as error:
        raise ExifError(str(error)) from error
    return bytes(block)


def _set(block: bytearray, order: str, at: int, values: dict[int, int]) -> None:
    for entry in entries(block, at):
        if entry.tag in values and entry.count == 1:
            value = values[entry.tag]
            # A LONG fits where a SHORT was: both lie inside the entry.
            if entry.type == _SHORT and value < 65536:
                struct.pack_into(order + "HH", block, entry.at + 8, value, 0)
            else:
                struct.pack_into(order + "HII", block, entry.at + 2, _LONG, 1, value)


def _drop_thumbnail(block: bytearray, order: str, main: int) -> None:
    """Unlink the second directory and wipe the thumbnail it points to, which would show the old picture."""
    link = main + 2 + 12 * struct.unpack_from(order + "H", block, main)[0]
    if link + 4 > len(block):
        return  # some writers leave the link out
    (second,) = struct.unpack_from(order + "I", block, link)
    struct.pack_into(order + "I", block, link, 0)
    if not second:
        return
    try:
        found = {entry.tag: number(block, entry) for entry in entries(block, second)}
    except ExifError:
        return
    start, length = found.get(_THUMB_OFFSET), found.get(_THUMB_LENGTH)
    # Wiped only where it surely is the thumbnail: a wrong offset must not take other fields with it.
    if start and length and start + length <= len(block) and block[start : start + 2] == b"\xff\xd8":
        if start + length >= len(block) - 4:
            del block[start:]
        else:
            block[start : start + length] = bytes(length)


# ------------------------------------------------------------------------------------- to and from TIFF

# What a TIFF's main directory says about the photo, rather than about how its pixels are stored.
_ABOUT_THE_PHOTO = {
    0x10E, 0x10F, 0x110, 0x131, 0x132, 0x13B, 0x13C, 0x8298,  # description ... copyright
    0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,  # ratings, and the titles that Windows writes
}  # fmt: skip
_POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)

Field = tuple[int, int, int, bytes]
"""Tag, type, count and the data, little-endian."""


@dataclass(frozen=True)
class Directory:
    """A directory apart from any file: its fields, and the directories that hang from it by their tags."""

    fields: tuple[Field, ...]
    children: dict[int, Directory]


def directory(block: bytes, at: int | None = None, *, everything: bool = False, depth: int = 0) -> Directory:
    """The directory at ``at`` (default the main one) with its children; of the main one only what is about
    the photo.

    Fields that lie outside the block are left out. Raises ExifError where the block is broken.
    """
    order = byte_order(block)
    fields: list[Field] = []
    children: dict[int, Directory] = {}
    for entry in entries(block, first_directory(block) if at is None else at):
        if entry.tag in _POINTERS and depth < 2:
            pointer = number(block, entry)
            if pointer:
                try:
                    children[entry.tag] = directory(block, pointer, everything=True, depth=depth + 1)
                except ExifError:
                    continue
        elif (everything or entry.tag in _ABOUT_THE_PHOTO) and entry.type in _SIZES:
            data = block[entry.value : entry.value + entry.size]
            if len(data) == entry.size and entry.count:
                fields.append((entry.tag, entry.type, entry.count, _little(data, entry.type, order)))
    return Directory(tuple(fields), children)


def _little(data: bytes, kind: int, order: str) -> bytes:
    width = {3: 2, 8: 2, 4: 4, 5: 4, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}.get(kind, 1)
    if order == "<" or width == 1:
        return bytes(data)
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))


def serialised(tree: Directory, base: int) -> bytes:
    """``tree`` as bytes, little-endian, to stand at offset ``base`` (even)."""
    count = len(tree.fields) + len(tree.children)
    rows: list[tuple[int, bytes]] = []
    tail = b""
    after = base + 2 + 12 * count + 4
    for tag, kind, number_of, data in tree.fields:
        if len(data) > 4:
            value = struct.pack("<I", after + len(tail))
            tail += data + bytes(len(data) & 1)
        else:
            value = data.ljust(4, b"\0")
        rows.append((tag, struct.pack("<HHI", tag, kind, number_of) + value))
    for tag, child in tree.children.items():
        rows.append((tag, struct.pack("<HHII", tag, _LONG, 1, after + len(tail))))
        tail += serialised(child, after + len(tail))
        tail += bytes(len(tail) & 1)
    return struct.pack("<H", count) + b"".join(row for _, row in sorted(rows)) + bytes(4) + tail


def from_tiff(data: bytes) -> bytes | None:
    """EXIF, apart, from the directories of a TIFF file; None where it has none or they are broken."""
    try:
        tree = directory(data)
    except (ExifError, struct.error):
        return None
    if not tree.fields and not tree.children:
        return None
    return b"II*\0" + struct.pack("<I", 8) + serialised(tree, 8)


def hang(file: bytearray, children: dict[int, Directory]) -> None:
    """Hang directories from the main one of a little-endian TIFF file, which is written anew at its end."""
    main = first_directory(bytes(file[:16]))
    rows = [
        bytes(file[entry.at : entry.at + 12]) for entry in entries(file, main) if entry.tag not in children
    ]
    for tag, child in children.items():
        file += bytes(len(file) & 1)
        rows.append(struct.pack("<HHII", tag, _LONG, 1, len(file)))
        file += serialised(child, len(file))
    file += bytes(len(file) & 1)
    struct.pack_into("<I", file, 4, len(file))
    rows.sort(key=lambda row: struct.unpack_from("<H", row)[0])
    file += struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)
