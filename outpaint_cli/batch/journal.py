"""The journal: one append-only JSON-lines file in an output folder, a line an output.

It says with which photo, settings and model an output was made, so that ``--existing skip`` redoes exactly
what is stale. A line is written just before its output appears under its name, and holds what tells that very
file from any other: its size, time of change and sha256. So a run that is killed in between leaves a line
that fits no file, never a file that no line knows; and a file that was changed or replaced since is not
taken for the one that was made.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outpaint_cli.batch.locks import lock

FOLDER = ".outpaint"
NAME = "journal.jsonl"


@dataclass
class Journal:
    """The journal of one output folder.

    Safe to use from several threads, and by several processes at a time. What is kept in memory is where
    each output's lines are, not the lines.
    """

    folder: Path
    _places: dict[str, list[int]] = field(default_factory=dict)
    _read_to: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[Any, ...]:
        return Journal, (self.folder,)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / FOLDER / NAME

    def record(self, output: Path) -> dict[str, Any] | None:
        """What was noted when the file that is at ``output`` now was made; None where it is another one."""
        try:
            there = output.stat()
        except OSError:
            return None
        digest = ""
        for record in self._newest_first(output):
            if "bytes" not in record:
                return record  # without what tells files apart, the name has to do
            if record["bytes"] != there.st_size:
                continue
            if record.get("modified") == there.st_mtime_ns:
                return record
            digest = digest or _sha256(output)  # copied, perhaps
            if record.get("sha256") == digest:
                return record
        return None

    def latest(self, output: Path) -> dict[str, Any] | None:
        """What was noted last under the name ``output``, whatever file is there now; None where nothing was."""
        return next(self._newest_first(output), None)

    def everything(self) -> Iterator[dict[str, Any]]:
        """All lines, one by one."""
        with suppress(OSError), self.path.open("rb") as file:
            for line in file:
                record = _parsed(line)
                if record is not None:
                    yield record

    def outputs(self) -> list[Path]:
        """Every output that was ever noted."""
        with self._lock:
            self._read_on()
            return [self.folder / key for key in self._places]

    def add(self, output: Path, record: dict[str, Any]) -> None:
        """Append one line; raises OSError."""
        line = json.dumps({"output": self._key(output), **record}).encode() + b"\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+", buffering=0) as file:
                lock(file, wait=True)
                if file.seek(0, os.SEEK_END) and not _ends_whole(file):
                    line = b"\n" + line  # a killed run tore its last line: leave it be, begin a new one
                if file.write(line) != len(line):
                    raise OSError("the journal's line was not written whole")

    def _newest_first(self, output: Path) -> Iterator[dict[str, Any]]:
        key = self._key(output)
        with self._lock:
            self._read_on()
            places = list(reversed(self._places.get(key, ())))
        for place in places:
            record = self._line(place)
            if record is not None and record.get("output") == key:
                yield record

    def _key(self, output: Path) -> str:
        return output.relative_to(self.folder).as_posix()

    def _read_on(self) -> None:
        """Take in the lines that were added, by whomever, since the last time."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read_to:  # another file than before
                    self._places.clear()
                    self._read_to = 0
                file.seek(self._read_to)
                for line in file:
                    if not line.endswith(b"\n"):
                        return  # torn, or being written
                    record = _parsed(line)
                    if record is not None:
                        self._places.setdefault(record["output"], []).append(self._read_to)
                    self._read_to += len(line)
        except OSError:
            return

    def _line(self, place: int) -> dict[str, Any] | None:
        try:
            with self.path.open("rb") as file:
                file.seek(place)
                return _parsed(file.readline())
        except OSError:
            return None


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record in a line; None where it is torn, or not ours."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("output"), str) else None


def _ends_whole(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"
