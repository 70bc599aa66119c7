"""Where files lie until they are whole: a folder a run, ``.outpaint/run-*`` in the output folder.

Each is held by a lock for as long as its run lives, so that the next run, on this machine or another that
shares the folder, can tell what a killed one left and removes it.
"""

from __future__ import annotations

import itertools
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from outpaint_cli.batch.journal import FOLDER
from outpaint_cli.batch.locks import lock

PREFIX = "run-"
LOCK = "lock"
UNLOCKED = 3600.0
"""Seconds after which a run's folder without a lock file counts as left behind."""


@dataclass
class Workspace:
    """A run's own corner of one output folder; safe to use from several threads."""

    folder: Path
    _held: IO[Any] | None = None
    _run: Path | None = None
    _numbers: Any = field(default_factory=itertools.count)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def file(self) -> Path:
        """A path for one file in the making. Raises OSError where the folder can't be made."""
        with self._guard:
            if self._run is None or self._held is None or not (self._run / LOCK).exists():
                self._let_go()
                self._begin()
            assert self._run is not None
            return self._run / f"{next(self._numbers)}.tmp"

    def _begin(self) -> None:
        for _ in range(100):
            run = self.folder / FOLDER / f"{PREFIX}{secrets.token_hex(6)}"
            run.mkdir(parents=True)
            with suppress(FileNotFoundError):  # swept away by another run before the lock was ours
                held = (run / LOCK).open("wb")
                if lock(held, wait=False) and (run / LOCK).exists():
                    self._run, self._held = run, held
                    return
                held.close()
        raise OSError(f"{self.folder}: no place for unfinished files could be made")

    def close(self) -> None:
        """Remove it, and ``.outpaint`` where nothing else is in it."""
        with self._guard:
            run = self._run
            self._let_go()
            if run is not None:
                with suppress(OSError):
                    run.parent.rmdir()

    def _let_go(self) -> None:
        if self._run is not None:
            shutil.rmtree(self._run, ignore_errors=True)
        if self._held is not None:
            self._held.close()
        self._run = self._held = None


def sweep(folder: Path) -> int:
    """Remove what killed runs left in an output folder; returns how many there were."""
    swept = 0
    for run in _runs(folder):
        with suppress(OSError):
            run.rmdir()  # an empty one was killed before it had its lock; one that lives makes another
            swept += 1
    for run in left_behind(folder):
        with suppress(OSError):
            shutil.rmtree(run)
            swept += 1
    return swept


def left_behind(folder: Path) -> Iterator[Path]:
    """The folders that killed runs left in an output folder."""
    for run in _runs(folder):
        with suppress(OSError):
            if _abandoned(run):
                yield run


def _runs(folder: Path) -> list[Path]:
    try:
        return [path for path in (folder / FOLDER).iterdir() if path.name.startswith(PREFIX)]
    except OSError:
        return []


def _abandoned(run: Path) -> bool:
    try:
        with (run / LOCK).open("rb+") as held:
            return lock(held, wait=False)
    except FileNotFoundError:
        return time.time() - run.stat().st_mtime > UNLOCKED
