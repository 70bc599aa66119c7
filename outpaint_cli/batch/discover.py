"""Which pictures a call names: files, folders, globs, lists. Nothing is opened here."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath

from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import Location, Url, is_url, location

SUFFIXES = frozenset(
    (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif",
        ".avif", ".heic", ".heif", ".hif",
    )
)  # fmt: skip
"""What counts as a picture in a folder; a file that is named itself may be called anything."""


@dataclass(frozen=True)
class Source:
    """One input. ``relative`` is its path below ``root``, the folder that was named, or just its name.

    ``path`` None is standard input. ``error`` says why it can't even be opened. ``tag`` stays the same as long as
    the content does; "" where only reading can tell.
    """

    path: Location | None
    relative: PurePath
    root: Location | None = None
    error: str = ""
    tag: str = ""


def discover(
    inputs: Sequence[str],
    *,
    listed: Sequence[str] = (),
    recursive: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    skip: Sequence[Location] = (),
) -> list[Source]:
    """The inputs in a steady order, each once. ``listed`` comes from --from-file: what is missing there fails alone.

    ``skip`` are folders that are never searched (the output, masks) and files that are never taken from a
    folder. Raises UsageError for an input that is not there.
    """
    from outpaint_cli.batch import discover_urls

    found: list[Source] = []
    away = [path for path in skip if isinstance(path, Url)]
    skip = [path for path in skip if isinstance(path, Path)]
    for text in inputs:
        if text == "-":
            found.append(Source(None, PurePath("stdin")))
            continue
        if is_url(text):
            found += discover_urls.named(text, recursive, include, exclude, away)
            continue
        path = location(text)
        assert isinstance(path, Path)
        if _is_folder(path):
            found += _folder(path, recursive, include, exclude, skip)
        elif os.path.lexists(path):
            found.append(_file(path))
        else:
            matches = (
                [Path(m) for m in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - absolute or not
                if glob.has_magic(text)
                else []
            )
            files = [m for m in matches if not _is_folder(m)]
            if not files:
                what = "matches no file" if glob.has_magic(text) else "is not there"
                raise UsageError(f"{text} {what}; check the path")
            found += [_file(m) for m in files if wanted(PurePath(m.name), include, exclude)]
    for text in listed:
        if is_url(text):
            found += discover_urls.listed(text, recursive, include, exclude, away)
            continue
        path = location(text)
        assert isinstance(path, Path)
        if _is_folder(path):
            found += _folder(path, recursive, include, exclude, skip)
        else:
            found.append(_file(path))
    return list(_once(found))


def read_list(text: bytes, nul: bool) -> list[str]:
    """Paths of a --from-file list: one a line, or NUL-separated; empty ones are passed over.

    Raises UsageError where NULs say that the list was meant to be read with -0.
    """
    if not nul and b"\0" in text:
        raise UsageError("the --from-file list has NUL bytes in it; add -0 to read what find -print0 writes")
    parts = text.split(b"\0") if nul else text.splitlines()
    return [os.fsdecode(part) for part in parts if part.strip()]


def _once(sources: list[Source]) -> Iterator[Source]:
    seen: set[str] = set()
    for source in sources:
        key = "-" if source.path is None else path_key(source.path)
        if key not in seen:
            seen.add(key)
            yield source


def path_key(path: Location) -> str:
    """Equal for two names of one file, but for links."""
    return path.key if isinstance(path, Url) else os.path.normcase(path.absolute())


def _is_folder(path: Path) -> bool:
    """As Path.is_dir, but False where that raises: a name too long, a folder that may not be searched."""
    return os.path.isdir(path)  # noqa: PTH112


def _file(path: Path) -> Source:
    name = PurePath(path.name)
    try:
        path.stat()
    except FileNotFoundError:
        return Source(path, name, error="is not there (or is a link to nothing); check the path")
    except OSError as error:
        return Source(path, name, error=_reason(error))
    return Source(path, name)


def _reason(error: OSError) -> str:
    reason = (error.strerror or "can't be opened").lower()
    if "symbolic link" in reason or "symlink" in reason:
        return "is a link that leads back to itself; remove or repair the link"
    return f"can't be opened ({reason}); check its permissions"


def wanted(relative: PurePath, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a file of a folder is an input: by its suffix, or by --include and --exclude."""

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatch(relative.as_posix(), p) or fnmatch(relative.name, p) for p in patterns)

    if matches(exclude):
        return False
    return matches(include) if include else relative.suffix.lower() in SUFFIXES


def _folder(
    root: Path, recursive: bool, include: Sequence[str], exclude: Sequence[str], skip: Sequence[Location]
) -> Iterator[Source]:
    """Pictures of a folder, sorted; links to folders are followed, each folder is visited once."""
    skipped = {path.resolve() for path in skip if isinstance(path, Path)}
    visited: set[Path] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            resolved = folder.resolve()
            if resolved in visited or (resolved in skipped and folder != root):
                continue
            visited.add(resolved)
            names = sorted(path.name for path in folder.iterdir())
        except (OSError, RuntimeError) as error:
            reason = _reason(error) if isinstance(error, OSError) else "is a link that leads back to itself"
            yield Source(folder, folder.relative_to(root.parent), root, reason)
            continue
        below = []
        for name in names:
            path = folder / name
            if name.startswith("."):
                continue
            if _is_folder(path):
                below.append(path)
            elif wanted(path.relative_to(root), include, exclude):
                source = _file(path)
                if skipped and not source.error and path.resolve() in skipped:
                    continue
                yield Source(path, path.relative_to(root), root, source.error)
        if recursive:
            waiting += reversed(below)
