"""A file or folder elsewhere, with the few things of :class:`pathlib.Path` that the program uses."""

from __future__ import annotations

import io
import mimetypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, TypeAlias

from outpaint_cli.plugin import UsageError
from outpaint_cli.remote._faults import Missing, told
from outpaint_cli.remote._reader import HEAD, Reader
from outpaint_cli.remote._redact import redact
from outpaint_cli.remote._server import STORES, WEB, Stat, filesystem, stat_of

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # two letters at least: C:// is a drive
_COLLAPSED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")

ONE_WRITE = 5 << 30
"""Bytes up to which an object is sent in one request: the most that S3 takes."""


@dataclass(frozen=True)
class Found:
    """An object below a folder; ``key`` is its path there, as the server has it."""

    key: str
    stat: Stat


@dataclass(frozen=True, order=True)
class Url:
    """A file or folder at a URL; as text without passwords and without the query of https.

    ``root`` is the scheme with the bucket or host and ends in a slash, ``path`` lies below it.
    """

    root: str = field(repr=False)
    path: str = ""
    query: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Url:
        """Raises UsageError for what is no URL, or one through another."""
        match = _SCHEME.match(text)
        if not match or "::" in text:
            raise UsageError(f"{redact(text)} is no URL that outpaint takes; name one file or folder")
        scheme, rest, query = match[1].lower(), text[match.end() :], ""
        if scheme in WEB:
            rest, mark, query = rest.partition("?")
            query = mark + query
        if scheme == "memory":
            return cls("memory://", rest.strip("/"))
        host, _, path = rest.partition("/")
        if scheme in STORES and ":" in host.rpartition("@")[0]:
            raise UsageError(
                f"{redact(text)}: credentials are not read from the URL; set them in the environment or in the "
                "storage's own files"
            )
        return cls(f"{scheme}://{host}/", path.rstrip("/"), query)

    # ------------------------------------------------------------------------------------- names

    @property
    def scheme(self) -> str:
        """s3, gs, https."""
        return self.root.partition(":")[0]

    @property
    def text(self) -> str:
        """The whole URL, secrets and all: for fsspec alone."""
        return f"{self.root}{self.path}{self.query}"

    def __str__(self) -> str:
        return redact(f"{self.root}{self.path}")

    @property
    def _secrets(self) -> tuple[str, ...]:
        return self.root.rpartition("@")[0].partition("://")[2].partition(":")[2], self.query

    @property
    def key(self) -> str:
        """Equal for two URLs of one file."""
        scheme = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs"}.get(self.scheme, self.scheme)
        return f"{scheme}{self.root.removeprefix(self.scheme)}{self.path}{self.query}"

    @property
    def name(self) -> str:
        """The last part of the path; "" for a bucket itself."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """.jpg, or ""."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Url:
        """The folder it lies in; the bucket's own is itself."""
        return Url(self.root, self.path.rpartition("/")[0])

    @property
    def parents(self) -> list[Url]:
        """The folders above, the nearest first."""
        found, at = [], self
        while at.path:
            at = at.parent
            found.append(at)
        return found

    def with_name(self, name: str) -> Url:
        """Another one in the same folder."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Url:
        """The same with another suffix."""
        return self.with_name(f"{self.stem}{suffix}")

    def __truediv__(self, below: str | PurePath) -> Url:
        part = below.as_posix() if isinstance(below, PurePath) else below
        return Url(self.root, f"{self.path}/{part}" if self.path else part)

    def is_relative_to(self, other: Url) -> bool:
        """Whether it is ``other`` or lies below it."""
        return f"{self.key}/".startswith(other.key if other.key.endswith("/") else f"{other.key}/")

    def relative_to(self, other: Url) -> PurePosixPath:
        """The path below ``other``."""
        return PurePosixPath(self.path[len(other.path) :].lstrip("/"))

    # ------------------------------------------------------------------------------------- files

    @property
    def writable(self) -> bool:
        """Whether its kind of server can be written to so that nothing partial is ever seen."""
        return self.scheme in STORES

    def read_bytes(self) -> bytes:
        """The content. Raises RemoteError."""
        with self._told("read") as (fs, path):
            data: bytes = fs.cat_file(path)
            return data

    def write_bytes(self, data: bytes) -> None:
        """One write: the object is there whole afterwards, or as it was before. Raises RemoteError."""
        kind = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        more: dict[str, Any] = {}
        if self.scheme in ("s3", "s3a"):
            more = {"chunksize": ONE_WRITE, "ContentType": kind}
        elif self.scheme in ("gs", "gcs"):
            more = {"chunksize": ONE_WRITE, "content_type": kind}
        with self._told("written") as (fs, path):
            fs.pipe_file(path, data, **more)

    def unlink(self) -> None:
        """Remove the object. Raises RemoteError."""
        with self._told("removed") as (fs, path):
            fs.rm_file(path)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """To be read here and there, without fetching all of it. Raises RemoteError, also when read."""
        with self._told("read") as (fs, path):
            file = fs.open(path, "rb", block_size=HEAD, cache_type="none")
            ranges = file.seekable() and getattr(file, "size", None) is not None
        try:
            yield Reader(file, self._secrets) if ranges else io.BytesIO(self.read_bytes())  # type: ignore[misc]
        finally:
            file.close()

    def stat(self) -> Stat:
        """What the server says of it. Raises Missing, or RemoteError."""
        with self._told("read") as (fs, path):
            return stat_of(fs.info(path))

    def find(self, recursive: bool = True) -> list[Found]:
        """All objects in the folder, or below it; none where there is no such folder. Raises RemoteError."""
        with self._told("listed") as (fs, path):
            try:
                infos = fs.find(path, detail=True).values() if recursive else fs.ls(path, detail=True)
            except FileNotFoundError as error:
                if "bucket" in str(error):
                    raise
                return []
            before = f"{path.rstrip('/')}/"
            return [
                Found(info["name"].removeprefix(before), stat_of(info))
                for info in infos
                if info["type"] == "file" and info["name"].rstrip("/") != path and info["name"][-1] != "/"
            ]

    def glob(self) -> list[tuple[Url, Stat]]:
        """The files that match, sorted; ``path`` is the pattern. Raises RemoteError."""
        with self._told("listed") as (fs, path):
            before = f"{fs._strip_protocol(self.root).rstrip('/')}/"
            return [
                (Url(self.root, name.removeprefix(before)), stat_of(info))
                for name, info in sorted(fs.glob(path, detail=True).items())
                if info["type"] == "file"
            ]

    def forget(self) -> None:
        """Ask the server anew what is in this folder: listings are kept otherwise. Raises UsageError."""
        fs = filesystem(self.root)
        fs.invalidate_cache(fs._strip_protocol(self.text))

    def exists(self) -> bool:
        """Whether there is such a file or folder. Raises RemoteError."""
        try:
            self.stat()
        except Missing:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether it is a folder. Raises RemoteError."""
        try:
            return self.stat().folder
        except Missing:
            return False

    def is_file(self) -> bool:
        """Whether it is a file. Raises RemoteError."""
        try:
            return not self.stat().folder
        except Missing:
            return False

    def iterdir(self) -> Iterator[Url]:
        """The files in the folder. Raises RemoteError."""
        return (self / found.key for found in self.find(recursive=False))

    @contextmanager
    def _told(self, doing: str) -> Iterator[tuple[Any, str]]:
        """The file system and the path there; what it raises becomes a RemoteError."""
        fs = filesystem(self.root)
        try:
            yield fs, fs._strip_protocol(self.text)
        except Exception as error:  # the libraries below raise nearly anything
            raise told(error, doing, self._secrets) from error


Location: TypeAlias = "Path | Url"


def is_url(text: str) -> bool:
    """Whether it is a URL, not a path of this machine (file:// is one)."""
    return bool(_SCHEME.match(text)) and not text.lower().startswith(("file://", "local://"))


def location(text: str) -> Location:
    """The path or URL that ``text`` names. Raises UsageError."""
    if is_url(text):
        return Url.parse(text)
    return Path(text.partition("://")[2] if _SCHEME.match(text) else text)


def local_only(what: str, *given: str | Path) -> None:
    """Raise UsageError where one of ``given`` is a URL; a Path made of one is told, too."""
    for text in map(str, given):
        if is_url(text) or (_COLLAPSED.match(text) and not text.lower().startswith(("file:", "local:"))):
            raise UsageError(f"{what} {redact(text)}: this must be a path of this machine, not a URL")
