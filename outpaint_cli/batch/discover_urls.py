"""Which pictures a URL names: an object, a folder of objects, a glob. Nothing but listings is fetched."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath

from outpaint_cli.batch.discover import SUFFIXES, Source, wanted
from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import WEB, Missing, RemoteError, Stat, Url


def named(
    text: str, recursive: bool, include: Sequence[str], exclude: Sequence[str], skip: Sequence[Url]
) -> list[Source]:
    """The inputs that a URL on the command line names. Raises UsageError where there are none."""
    url = Url.parse(text)
    url.forget()
    try:
        if not text.endswith("/") and url.path:
            stat = _stat(url)
            if stat is not None and not stat.folder:
                return [_file(url, stat)]
            if stat is None and _magic(url):
                matches = [_file(found, at) for found, at in url.glob()]
                if not matches:
                    raise UsageError(f"{url} matches no file; check the bucket's name and the path")
                return [source for source in matches if wanted(source.relative, include, exclude)]
            if stat is None:
                raise UsageError(f"{url} is not there; check the bucket's name and the path")
        return _folder(url, recursive, include, exclude, skip)
    except Missing as error:
        raise UsageError(f"{url}: {error}") from error
    except RemoteError as error:
        return [Source(url, PurePosixPath(url.name or "bucket"), error=str(error))]


def listed(
    text: str, recursive: bool, include: Sequence[str], exclude: Sequence[str], skip: Sequence[Url]
) -> list[Source]:
    """As :func:`named` for a line of --from-file: what is missing fails alone, and no file is asked after."""
    url = Url.parse(text)
    if url.suffix.lower() in SUFFIXES and not text.endswith("/"):
        return [Source(url, _relative(url.name))]
    try:
        return named(text, recursive, include, exclude, skip)
    except UsageError as error:
        return [Source(url, PurePosixPath(url.name or "bucket"), error=str(error))]


def _stat(url: Url) -> Stat | None:
    try:
        return url.stat()
    except Missing:
        return None


def _magic(url: Url) -> bool:
    return url.scheme not in WEB and glob.has_magic(url.path)


def _file(url: Url, stat: Stat) -> Source:
    if not _safe(url.name):
        return Source(url, PurePosixPath("unnamed"), error=NO_NAME)
    return Source(url, _relative(url.name), tag=_tag(url, stat))


def _tag(url: Url, stat: Stat) -> str:
    """What tells this content of this object from others; nothing of the URL can be read off it."""
    if not stat.tag:
        return ""
    return hashlib.sha256(f"{url.key}\0{stat.size}\0{stat.tag}".encode()).hexdigest()[:32]


NO_NAME = "its key can't be a path here ('..', an empty part or the like); rename it"


def _safe(key: str) -> bool:
    """Whether a key can be mirrored as a path: anything else could lead out of the output folder."""
    parts = key.split("/")
    strange = "\\:" if os.name == "nt" else ""
    return not any(
        part in ("", ".", "..") or "\0" in part or any(c in part for c in strange) for part in parts
    )


def _relative(key: str) -> PurePath:
    return PurePath(*key.split("/"))


def _folder(
    root: Url, recursive: bool, include: Sequence[str], exclude: Sequence[str], skip: Sequence[Url]
) -> list[Source]:
    """Pictures of a folder, in the order of a folder of this machine."""
    found = root.find(recursive)
    if not found and not root.find():
        raise UsageError(f"{root} is not there, or empty; check the bucket's name and the path")
    apart = [url for url in skip if url.key != root.key]
    sources = []
    for one in found:
        url, parts = root / one.key, one.key.split("/")
        if any(part.startswith(".") and part not in (".", "..") for part in parts):
            continue
        if not wanted(PurePosixPath(one.key), include, exclude) or any(url.is_relative_to(u) for u in apart):
            continue
        if _safe(one.key):
            sources.append(Source(url, _relative(one.key), root, tag=_tag(url, one.stat)))
        else:
            sources.append(Source(url, PurePosixPath(one.key.replace("/", "_")), root, NO_NAME))
    return sorted(sources, key=lambda source: _order(source.relative))


def _order(relative: PurePath) -> list[tuple[int, str]]:
    """A folder's files come before its folders."""
    return [*((1, part) for part in relative.parts[:-1]), (0, relative.name)]
