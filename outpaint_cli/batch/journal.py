"""The journal: one append-only JSON-lines file in an output folder, a line an output.

It says with which photo, settings and model an output was made, so that ``--existing skip`` redoes exactly
what is stale.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = ".outpaint"
NAME = "journal.jsonl"


@dataclass
class Journal:
    """The journal of one output folder; safe to use from several threads."""

    folder: Path
    _records: dict[str, dict[str, Any]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / FOLDER / NAME

    def record(self, output: Path) -> dict[str, Any] | None:
        """What was noted when ``output`` was last made, or None."""
        with self._lock:
            if self._records is None:
                self._records = self._read()
            return self._records.get(self._key(output))

    def add(self, output: Path, record: dict[str, Any]) -> None:
        """Append one line; raises OSError."""
        line = json.dumps({"output": self._key(output), **record}).encode() + b"\n"
        with self._lock:
            if self._records is not None:
                self._records[self._key(output)] = record
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                if file.tell() and not self._ends_whole(file):
                    line = b"\n" + line  # a killed run tore its last line: leave it be, begin a new one
                file.write(line)

    @staticmethod
    def _ends_whole(file: Any) -> bool:
        file.seek(-1, 2)
        return bool(file.read(1) == b"\n")

    def _key(self, output: Path) -> str:
        return output.relative_to(self.folder).as_posix()

    def _read(self) -> dict[str, dict[str, Any]]:
        records: dict[str, dict[str, Any]] = {}
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return records
        for line in lines:
            try:
                record = json.loads(line)
                records[record["output"]] = record
            except (ValueError, KeyError, TypeError):
                continue  # torn, or not ours
        return records


def find_record(output: Path, journals: dict[Path, Journal]) -> dict[str, Any] | None:
    """What the journal of ``output``'s folder, or of one above it, noted of it; None where there is none.

    ``journals`` keeps those that were read, for the next call.
    """
    path = output.absolute()
    for folder in path.parents:
        if folder not in journals:
            journals[folder] = Journal(folder)
        record = journals[folder].record(path)
        if record is not None:
            return record
    return None
