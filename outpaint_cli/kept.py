"""What outpaint keeps by itself: pyramids and photos in its cache, and what killed runs left beside outputs."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from outpaint_cli import registry
from outpaint_cli.batch import journal, workspace
from outpaint_cli.places import cache_root

BESIDE = re.compile(r"\.outpaint-(\d+)-[0-9a-f]+\.tmp")
"""How files are called while they are written beside their place."""

SETTLED, ABANDONED = 60, 3600
"""Seconds without a change: after these a file of a process that has ended, and of any, is a leftover."""

NOT_KEPT = ("hub",)  # notes of what was fetched


@dataclass(frozen=True)
class Kept:
    """A file or folder that can go. ``used`` is when it was last used, ISO 8601."""

    name: str
    plugin: str
    path: Path
    bytes: int
    used: str
    summary: str

    def remove(self) -> None:
        """Remove it. Raises OSError."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)
        if self.path.parent.name == journal.FOLDER:
            with suppress(OSError):  # something else is in it
                self.path.parent.rmdir()


def kept() -> Iterator[Kept]:
    """What lies in outpaint's cache, a plugin's folder by folder: a trained pyramid, a folder's shrunken photos."""
    root = cache_root()
    owners = {found.name for found in registry.find_plugins()}
    for owner in _folders(root):
        if owner.name in NOT_KEPT:
            continue
        plugin = owner.name if owner.name in owners else ""
        what = f"kept by {plugin}" if plugin else "kept between runs"
        for folder in _folders(owner):
            yield Kept(f"{owner.name}/{folder.name}", plugin, folder, size(folder), _used(folder), what)
        for file in sorted(p for p in owner.iterdir() if not p.is_dir()):
            yield Kept(f"{owner.name}/{file.name}", plugin, file, size(file), _used(file), what)


def leftovers(outputs: Path) -> Iterator[Kept]:
    """What killed runs left in a folder of outputs: half-written files, journals of which no output is left."""
    for path in sorted(outputs.rglob("*")):
        found = BESIDE.fullmatch(path.name)
        if found and path.is_file() and _is_left(path, int(found[1])):
            yield Kept(str(path), "", path, size(path), _used(path), "left by a run that was killed")
        elif path.name == journal.FOLDER and path.is_dir():
            for run in workspace.left_behind(path.parent):
                yield Kept(str(run), "", run, size(run), _used(run), "left by a run that was killed")
        elif path.name == journal.NAME and path.parent.name == journal.FOLDER and _is_orphan(path):
            yield Kept(str(path), "", path, size(path), _used(path), "journal of outputs that are gone")


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as nothing."""
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() and not file.is_symlink() else 0
    return total


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def _used(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _is_left(path: Path, process: int) -> bool:
    """Whether nobody can be writing ``path`` any more; a process of that number may run on another machine."""
    still = time.time() - path.stat().st_mtime
    return still > ABANDONED or (still > SETTLED and not _runs(process))


def _runs(process: int) -> bool:
    if os.name == "nt":  # there 0 is no question but Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no such thing here
        return True
    return True


def _is_orphan(path: Path) -> bool:
    known = journal.Journal(path.parent.parent).outputs()
    return not any(output.exists() for output in known)
