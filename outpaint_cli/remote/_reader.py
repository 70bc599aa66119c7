"""A file elsewhere, of which only a header is wanted."""

from __future__ import annotations

import io
from typing import Any

from outpaint_cli.remote._faults import RemoteError, told

HEAD = 1 << 16
"""Bytes fetched first."""

MOST = 1 << 22
"""Bytes fetched at a time at most, where a header takes more."""


class Reader(io.BufferedIOBase):
    """A file elsewhere, read through a window that grows as it moves on.

    A JPEG's header takes one request, a file that is walked through a few large ones. Faults are told as such:
    decoders would call the picture damaged. ``secrets`` are parts of the URL that no message has.
    """

    def __init__(self, file: Any, secrets: tuple[str, ...]) -> None:
        self._file, self._secrets = file, secrets
        self._size, self._at = int(file.size), 0
        self._start, self._window, self._step = 0, b"", HEAD

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        parts = []
        while wanted:
            offset = self._at - self._start
            if not 0 <= offset < len(self._window):
                self._fetch(wanted)
                offset = 0
            part = self._window[offset : offset + wanted]
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def _fetch(self, wanted: int) -> None:
        try:
            self._file.seek(self._at)
            window: bytes = self._file.read(max(wanted, self._step))
        except Exception as error:
            raise told(error, "read", self._secrets) from error
        if not window:
            raise RemoteError("it changed while it was read; run again")
        self._start, self._window, self._step = self._at, window, min(2 * self._step, MOST)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at
