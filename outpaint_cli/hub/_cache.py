"""huggingface_hub's cache, and a note of what in it is ours: only that is ever removed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from outpaint_cli.hub import _client as client
from outpaint_cli.places import cache_root
from outpaint_cli.plugin import HubFile

SHA256 = re.compile(r"[0-9a-f]{64}")
GIT_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Cached:
    """A file in the cache. ``etag`` is what the Hub called its content, or "" where the cache has no links."""

    path: Path
    etag: str

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.path.stat().st_size

    @property
    def commit(self) -> str:
        """The commit it was fetched from."""
        parts = self.path.parts
        return parts[len(parts) - 1 - parts[::-1].index("snapshots") + 1]


def cache_folder() -> Path:
    """The Hub's cache on this machine: HF_HUB_CACHE, or HF_HOME/hub."""
    client.library()
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def find(file: HubFile) -> Cached | None:
    """``file`` in the cache, or None. Touches no network."""
    client.library()
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(file.repo, file.file, cache_dir=cache_folder(), revision=file.revision)
    if not isinstance(found, str) or not Path(found).is_file():
        return None
    path = Path(found)
    return Cached(path, path.readlink().name if path.is_symlink() else "")


def discard(cached: Cached) -> None:
    """Take a file out of the cache, and its content where nothing else in the repository shares it.

    Raises OSError.
    """
    path = cached.path
    blob = Path(os.path.normpath(path.parent / path.readlink())) if path.is_symlink() else None
    path.unlink()
    snapshots = next(parent for parent in path.parents if parent.name == "snapshots")
    if blob is not None and not any(_points_at(other, blob) for other in snapshots.rglob("*")):
        blob.unlink(missing_ok=True)
    repository = snapshots.parent
    for folder in (path.parent, *path.parent.parents):
        if folder == repository or any(folder.iterdir()):
            break
        folder.rmdir()
    if not snapshots.exists() or not any(snapshots.rglob("*")):
        _remove_empty(repository)


def _points_at(path: Path, blob: Path) -> bool:
    return path.is_symlink() and Path(os.path.normpath(path.parent / path.readlink())) == blob


def _remove_empty(repository: Path) -> None:
    """Remove what is left of a repository once it holds no file: refs, empty folders."""
    with suppress(OSError):
        for path in sorted(repository.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif "refs" in path.parts or ".no_exist" in path.parts:
                path.unlink()
        repository.rmdir()


# ------------------------------------------------------------------------------------- what is ours


def _note(file: HubFile) -> Path:
    name = hashlib.sha256(f"{cache_folder()}\n{file.repo}\n{file.revision}\n{file.file}".encode()).hexdigest()
    return cache_root() / "hub" / f"{name[:32]}.json"


def remember(file: HubFile) -> None:
    """Note that ``file`` is in the cache because outpaint fetched it; where that can't be noted, nothing is."""
    with suppress(OSError):
        note = _note(file)
        note.parent.mkdir(parents=True, exist_ok=True)
        beside = note.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"cache": str(cache_folder()), **asdict(file)}) + "\n")
        beside.replace(note)


def is_ours(file: HubFile) -> bool:
    """Whether outpaint fetched what the cache holds of ``file``."""
    return _note(file).is_file()


def ours() -> Iterator[HubFile]:
    """Everything that outpaint fetched into this cache and that is still there."""
    folder = cache_root() / "hub"
    for note in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            told = json.loads(note.read_text())
            file = HubFile(told["repo"], told["revision"], told["file"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if told.get("cache") == str(cache_folder()) and find(file):
            yield file


def forget(file: HubFile) -> int:
    """Remove ``file`` from the cache: the bytes that it had. Raises OSError."""
    cached = find(file)
    size = cached.bytes if cached else 0
    if cached:
        discard(cached)
    _note(file).unlink(missing_ok=True)
    return size
