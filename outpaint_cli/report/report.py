"""A batch's results, gathered as they come, and the page that is written of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from outpaint_cli import picture
from outpaint_cli.batch.events import Event, Summary, plain
from outpaint_cli.plugin import OutpaintError, Rect, UsageError
from outpaint_cli.remote import Location, is_url, local_only, location
from outpaint_cli.report.page import build
from outpaint_cli.report.thumbnails import Shot, Shots, as_webp

SUFFIXES = (".html", ".htm")
LONG_IN_COLUMNS = 480
"""Pixels of the longer side of a comparison's thumbnails, which are shown larger."""


@dataclass(frozen=True)
class Column:
    """One model of a comparison."""

    label: str


@dataclass
class Entry:
    """One output: its event, its column, and its thumbnails, which are being made."""

    event: Event
    column: int
    shot: Future[dict[str, Any]] | None


@dataclass
class Report:
    """The page at ``path``. ``columns`` are the models of a comparison; one without a label else."""

    path: Path
    title: str
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: Sequence[Column] = (Column(""),)
    entries: list[Entry] = field(default_factory=list)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "thumbnails"))
    _shots: Shots = field(default_factory=Shots)

    def __post_init__(self) -> None:
        if len(self.columns) > 1:
            self._shots.long = LONG_IN_COLUMNS

    def add(self, event: Event, column: int = 0) -> None:
        """Take one output in. Its thumbnails are made in a thread, from the files."""
        shot = None
        if event.status in ("ok", "skipped") and event.output is not None:
            before = None if event.input == "stdin" else location(event.input)
            shot = self._pool.submit(self._thumbnails, before, location(event.output), event.source)
        self.entries.append(Entry(event, column, shot))

    def write(self, summary: Summary, stopped: bool = False) -> None:
        """Write the page, whole or not at all; ``stopped`` says on it that the run did not end by itself.

        Raises PictureError where it can't be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        picture.write_atomic(self.path, build(self.title, self.facts, self.data(summary, stopped)))

    def close(self) -> None:
        """Make no more thumbnails."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def data(self, summary: Summary, stopped: bool = False) -> dict[str, Any]:
        """What page.js reads: rows of one photo each, with a cell for every column."""
        names = _short_names([entry.event.input for entry in self.entries])
        rows: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            key = entry.event.input if len(self.columns) > 1 else f"{entry.event.input}\0{entry.event.output}"
            row = rows.setdefault(
                key, {"name": names[entry.event.input], "cells": [None] * len(self.columns)}
            )
            row["cells"][entry.column] = self._cell(entry)
        return {
            "title": self.title,
            "columns": [column.label for column in self.columns],
            "rows": list(rows.values()),
            "summary": {
                "ok": summary.ok, "skipped": summary.skipped, "failed": summary.failed,
                "flagged": summary.flagged, "seconds": round(summary.seconds, 1),
            },
            "stopped": stopped,
            "made": time.strftime("%Y-%m-%d %H:%M"),
        }  # fmt: skip

    def _cell(self, entry: Entry) -> dict[str, Any]:
        event = entry.event
        notes = [str(note) for note in event.info.get("notes", ())]
        cell = {
            "status": event.status,
            "w": event.width,
            "h": event.height,
            "seconds": round(event.seconds, 2),
            "seam": event.scores.get("seam"),
            "sharp": event.scores.get("sharp"),
            "flagged": event.flagged,
            "notes": notes,
            "reason": str(event.info.get("reason", "")),
            "error": event.error[1] if event.error else "",
            "input": None if event.input == "stdin" else self._link(event.input),
            "output": self._link(event.output) if event.status in ("ok", "skipped") else None,
            "file": Path(event.output).name if event.output else "",
        }
        if entry.shot is not None:
            made = entry.shot.result()
            cell |= {**made, "notes": [*notes, *made.get("notes", ())]}
        found: dict[str, Any] = plain(cell)
        return found

    def _link(self, file: str | None) -> str | None:
        """The file's address relative to the page."""
        if file is None:
            return None
        if is_url(file):  # a browser opens some of them
            return quote(file, safe=":/")
        try:
            relative = os.path.relpath(file, self.path.parent)
        except ValueError:  # another drive
            return Path(file).absolute().as_uri()
        return quote(os.fsencode(relative.replace(os.sep, "/")))

    def _thumbnails(self, before: Location | None, after: Location, source: Rect | None) -> dict[str, Any]:
        try:
            return as_data(self._shots.shot(before, after, source))
        except OutpaintError as error:
            return {"notes": [f"no thumbnail: {error}"]}
        except (OSError, ValueError, MemoryError):
            return {"notes": ["no thumbnail: not enough memory, or the file is gone"]}


def as_data(shot: Shot) -> dict[str, Any]:
    """Thumbnails as base64, and where the first lies on the second, in shares of its size."""
    (w, h), at = shot.size, shot.at
    place = [round(v, 5) for v in (at.x / w, at.y / h, at.width / w, at.height / h)]
    return {"w": w, "h": h, "at": place, "before": as_webp(shot.before), "after": as_webp(shot.after)}


def check_path(path: Path, used: Mapping[Location, str]) -> Path:
    """``--report``'s file. ``used`` are files of the run by what they are: none of them may be the page.

    Raises UsageError where it is no .html file, a folder, or where nothing can be written.
    """
    local_only("--report", path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--report {path}: give the name of a .html file")
    if path.is_dir():
        raise UsageError(f"--report {path} is a folder; name a file in it, as in {path / 'report.html'}")
    real = path.resolve()
    for other, what in used.items():
        if isinstance(other, Path) and other.resolve() == real:
            raise UsageError(f"--report {path} is {what}; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--report {path}: its folder can't be made ({(error.strerror or '').lower()})"
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--report {path}: nothing may be written in its folder; choose another one")
    return path


def _short_names(inputs: Sequence[str]) -> dict[str, str]:
    """Inputs by the part of their paths that tells them apart from each other."""
    paths = {name: os.path.abspath(name) for name in inputs if name != "stdin" and not is_url(name)}  # noqa: PTH100 - no links followed
    try:
        common = os.path.commonpath([os.path.dirname(path) for path in paths.values()])  # noqa: PTH120
    except ValueError:  # none, or several drives
        return {name: name for name in inputs}
    names = {name: os.path.relpath(path, common).replace(os.sep, "/") for name, path in paths.items()}
    return {name: names.get(name, name) for name in inputs}
