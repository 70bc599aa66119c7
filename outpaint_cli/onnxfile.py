"""Which files beside it an ONNX model wants to read, without the package onnx and without opening the model.

The fields are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3); everything else
is skipped, so that a model of any size is looked through at once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeAlias

from outpaint_cli.plugin import ModelError

DEEPEST = 100
"""Graphs within graphs; a model that goes deeper is made to break its readers."""

Tree: TypeAlias = dict[int, "Tree | str"]

# Field numbers that lead to tensors: a dict is a message to go into, a name one that is described elsewhere.
_SPARSE: Tree = {1: "tensor", 2: "tensor"}
_ATTRIBUTE: Tree = {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: _SPARSE, 23: _SPARSE}
_NODE: Tree = {5: _ATTRIBUTE}
_GRAPH: Tree = {1: _NODE, 5: "tensor", 15: _SPARSE}
_FUNCTION: Tree = {7: _NODE, 11: _ATTRIBUTE}
_MODEL: Tree = {7: "graph", 20: {1: "graph", 2: "graph"}, 25: _FUNCTION}
_EXTERNAL_DATA = 13  # of a tensor: key (1) and value (2)


def external_files(path: Path) -> list[str]:
    """The ``location`` of all external data, as the file ``path`` has it, each once.

    Raises ValueError where the file is no ONNX model as far as this looks, OSError where it can't be read.
    """
    with path.open("rb") as file:
        if not file.seek(0, 2):
            raise ValueError("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            return list(dict.fromkeys(_walk(view, 0, len(view), _MODEL, 0)))


def check_external(path: Path) -> None:
    """Raise ModelError when the model would read a file outside its folder, or one that is not there.

    Also where that can't be told, because the file is no model.
    """
    try:
        locations = external_files(path)
    except ValueError as error:
        raise ModelError(
            f"{path.name}: not a usable ONNX model ({error}); fetch or export the file again"
        ) from error
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({(error.strerror or '').lower()})") from error
    folder = path.parent.resolve()
    for location in locations:
        plain = location.isprintable() and location and not PureWindowsPath(location).drive
        parts = PurePosixPath(location.replace("\\", "/"))
        inside = plain and not parts.is_absolute() and ".." not in parts.parts
        if not inside or not (folder / parts).resolve().is_relative_to(folder):
            raise ModelError(
                f"{path.name}: it wants to read {location[:80]!r}, outside its own folder, which is refused: have it "
                "exported as one file"
            )
        if not (folder / parts).is_file():
            raise ModelError(
                f"{path.name}: its weights are in {location[:80]!r}, which is not beside it: fetch that file too, or "
                "have it exported as one file"
            )


def _walk(view: memoryview, at: int, end: int, tree: Tree, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    for number, start, stop in _fields(view, at, end):
        inner = tree.get(number)
        if inner == "tensor":
            yield from _locations(view, start, stop)
        elif inner is not None:
            yield from _walk(view, start, stop, _GRAPH if isinstance(inner, str) else inner, depth + 1)


def _locations(view: memoryview, at: int, end: int) -> Iterator[str]:
    for number, start, stop in _fields(view, at, end):
        if number == _EXTERNAL_DATA:
            entry = {key: bytes(view[a:b]) for key, a, b in _fields(view, start, stop)}
            if entry.get(1) == b"location":
                yield entry.get(2, b"").decode("utf-8", "backslashreplace")


def _fields(view: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number, start and end of every field of a message that has a length; the others are skipped."""
    while at < end:
        key, at = _varint(view, at, end)
        number, kind = key >> 3, key & 7
        if kind == 2:
            length, at = _varint(view, at, end)
            if at + length > end:
                raise ValueError("cut short")
            yield number, at, at + length
            at += length
        elif kind == 0:
            _, at = _varint(view, at, end)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("not a protocol buffer")
    if at > end:
        raise ValueError("cut short")


def _varint(view: memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = view[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("cut short")
