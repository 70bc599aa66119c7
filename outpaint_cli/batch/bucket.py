"""An output folder in an object store: one object is one write, seen whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from outpaint_cli import picture
from outpaint_cli.batch.bucket_journal import BucketJournal
from outpaint_cli.plugin import PictureError, UsageError
from outpaint_cli.remote import Missing, RemoteError, Stat, Url

FEW = 20
"""Up to so many outputs are asked after one by one; for more the folder is listed."""


class BucketTarget:
    """A folder of objects. ``again`` says that outputs which others made are replaced."""

    def __init__(self, folder: Url, shard: tuple[int, int], again: bool, note: Callable[[str], None]) -> None:
        self.folder, self.again, self.note = folder, again, note
        self.journal = BucketJournal(folder, shard)
        self._there: dict[str, Stat | None] = {}
        self._reached, self._listed, self._tells_md5 = False, False, False
        self._to_claim: list[Url] = []
        self._lock, self._claiming = threading.Lock(), threading.Lock()

    def open(self, outputs: Sequence[Url]) -> None:
        """Nothing is written before the first output is. Raises UsageError where nothing ever could be."""
        with self._lock:
            self._to_claim += outputs
        if self._reached:
            return
        try:
            self.folder.stat()
        except Missing as error:  # a folder comes with its first object; a bucket does not
            if "bucket" in str(error):
                raise UsageError(f"-o {self.folder}: {error}") from error
        except RemoteError as error:
            raise UsageError(f"-o {self.folder}: {error}") from error
        self._reached = True

    def close(self) -> None:
        """Write the journal's rest; where that fails, what it does not know is made again by the next run."""
        try:
            self.journal.close()
        except RemoteError as error:
            self.note(
                f"outpaint: the journal in {self.folder} can't be written: {error}; the next run makes the last "
                "outputs again"
            )

    def holds(self, output: Url) -> bool:
        """Raises RemoteError."""
        return self._stat(output) is not None

    def is_folder(self, output: Url) -> bool:
        """Never: an object may share its name with a folder."""
        return False

    def latest(self, output: Url) -> dict[str, Any] | None:
        """Raises RemoteError."""
        return self.journal.latest(output)

    def unfinished(self, output: Url) -> bool:
        """Claimed by a run that did not end, and outpaint's by its XMP: somebody may have put another there since.

        Raises RemoteError.
        """
        if not self.journal.claimed(output):
            return False
        try:
            with output.opened() as file:
                return bool(picture.read_photo_properties(file))
        except RemoteError:
            raise
        except PictureError:
            return False

    def record(self, output: Url) -> dict[str, Any] | None:
        """Told by size and md5 as the server has them; only where it has none, the object is fetched.

        Raises RemoteError.
        """
        there = self._stat(output)
        if there is None:
            return None
        records = [record for record in self.journal.records(output) if record.get("bytes") == there.size]
        for record in records:
            if _same(record, there):
                return record
        if not records:
            return None
        digest = hashlib.sha256(output.read_bytes()).hexdigest()
        for record in records:
            if record.get("sha256") == digest:
                if there.tag:  # so that the next run need not fetch it
                    self.journal.add(output, record | {"tag": there.tag})
                return record
        return None

    def put(self, output: Url, data: bytes, record: dict[str, Any]) -> None:
        """Raises RemoteError."""
        self._claim()
        self.journal.begin(output)
        try:
            output.write_bytes(data)
        except RemoteError as error:
            raise PictureError(f"the output can't be stored: {error}") from error
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        told: dict[str, Any] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "md5": md5}
        if not self._tells_md5:  # or by another tag, as of encrypted objects, that only the server knows
            with suppress(RemoteError):
                there = output.stat()
                self._tells_md5 = there.md5 == md5
                told["tag"] = there.tag
        self.journal.add(output, record | told)
        with self._lock:
            self._there[output.key] = Stat(len(data), "", md5)

    def _claim(self) -> None:
        """Claim what the run may make: what is not there, or what outpaint made."""
        with self._claiming:
            with self._lock:
                waiting, self._to_claim = self._to_claim, []
            if not waiting:
                return
            try:
                self._list_if_many(len(waiting))
                self.journal.claim([output for output in waiting if self._ours(output)])
            except RemoteError as error:
                with self._lock:
                    self._to_claim += waiting
                raise PictureError(f"the journal beside it can't be written: {error}") from error

    def _ours(self, output: Url) -> bool:
        there = self._stat(output)
        if there is None or self.again:
            return True
        return any(_same(record, there) for record in self.journal.records(output))

    def _stat(self, output: Url) -> Stat | None:
        with self._lock:
            if output.key in self._there or self._listed:
                return self._there.get(output.key)
            waiting = len(self._to_claim)
        if waiting > FEW:
            self._list_if_many(waiting)
            return self._there.get(output.key)
        try:
            there: Stat | None = output.stat()
        except Missing:
            there = None
        there = None if there is None or there.folder else there
        with self._lock:
            return self._there.setdefault(output.key, there)

    def _list_if_many(self, count: int) -> None:
        with self._lock:
            if count > FEW and not self._listed:
                self.folder.forget()
                for found in self.folder.find():
                    self._there.setdefault((self.folder / found.key).key, found.stat)
                self._listed = True


def _same(record: dict[str, Any], there: Stat) -> bool:
    if record.get("bytes") != there.size:
        return False
    if there.md5 and record.get("md5") == there.md5:
        return True
    return bool(there.tag) and record.get("tag") == there.tag
