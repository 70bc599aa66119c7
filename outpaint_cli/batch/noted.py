"""What journals know of inputs elsewhere: headers need not be fetched again of what is as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import outpaint_cli
from outpaint_cli import picture
from outpaint_cli.batch.bucket_journal import BucketJournal
from outpaint_cli.batch.journal import Journal
from outpaint_cli.remote import Location, RemoteError, Url


def header(tag: str, info: picture.PictureInfo | None) -> dict[str, Any]:
    """What a record says of an input with that tag; nothing of one without."""
    if not tag or info is None:
        return {}
    return {"input_tag": tag, "header": asdict(info)}


class Headers:
    """The headers noted in the journals of output folders. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[Location, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def find(self, folder: Location | None, tag: str) -> picture.PictureInfo | None:
        """The header of the input with that tag, where ``folder``'s journal has it."""
        if folder is None or not tag:
            return None
        with self._lock:
            if folder not in self._known:
                self._known[folder] = dict(_headers(folder))
            found = self._known[folder].get(tag)
        if found is None:
            return None
        dpi = found.get("dpi")
        try:
            return picture.PictureInfo(**{**found, "dpi": tuple(dpi) if dpi else None})
        except TypeError:
            return None


def _headers(folder: Location) -> Iterable[tuple[str, dict[str, Any]]]:
    records: Iterable[dict[str, Any]] = ()
    with suppress(RemoteError):  # told when it matters
        records = (
            BucketJournal(folder).everything() if isinstance(folder, Url) else Journal(folder).everything()
        )
    for record in records:
        tag, found = record.get("input_tag"), record.get("header")
        # Another version may read headers in another way.
        if (
            isinstance(tag, str)
            and isinstance(found, dict)
            and record.get("version") == outpaint_cli.__version__
        ):
            yield tag, found
