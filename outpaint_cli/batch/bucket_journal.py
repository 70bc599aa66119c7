"""The journal of an output folder in an object store: an object a run, since objects can't be appended to.

A run writes ``.outpaint/journal-<shard>-<run>.jsonl`` whole, now and then and at its end, and reads those of all
runs; so runs never write over each other's lines. Before its first output it claims, in that object, the outputs
that it may make: what a killed run made and did not note is told by that from files of others. A run that ends
takes the lines of earlier runs of its shard over and removes their objects.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from outpaint_cli.batch.journal import FOLDER, Journal
from outpaint_cli.remote import Location, Missing, RemoteError, Url

PREFIX = "journal-"
SECONDS = 5.0
"""At least so much time lies between two writes within a run; more where a write takes long."""

SHARE = 20
"""A write takes at most one part in so many of the time."""

READS = 5
"""How often the objects are listed anew because one that was listed is gone: another run took it over."""


class BucketJournal:
    """The journal of one output folder. Safe to use from several threads."""

    def __init__(self, folder: Url, shard: tuple[int, int] = (1, 1)) -> None:
        self.folder, self.shard = folder, shard
        self._url = folder / FOLDER / f"{self._label}{secrets.token_hex(6)}.jsonl"
        self._lock, self._writing = threading.RLock(), threading.Lock()
        self._others: dict[str, list[dict[str, Any]]] | None = None  # by output, the newest first
        self._read: dict[Url, tuple[list[dict[str, Any]], dict[str, float]]] = {}
        self._own: dict[str, dict[str, Any]] = {}
        self._claims: dict[str, float] = {}
        self._begun: set[str] = set()
        self._written = False
        self._dirty = False
        self._last, self._pause = 0.0, SECONDS

    @property
    def _label(self) -> str:
        part, whole = self.shard
        return f"{PREFIX}{part}of{whole}-"

    def records(self, output: Url) -> Iterator[dict[str, Any]]:
        """What was noted of ``output``, by whomever, the newest first. Raises RemoteError."""
        key = self._key(output)
        with self._lock:
            own = self._own.get(key)
            found = [*([own] if own else []), *self._noted().get(key, ())]
        yield from sorted(found, key=_time, reverse=True)

    def everything(self) -> Iterator[dict[str, Any]]:
        """All that other runs noted. Raises RemoteError."""
        with self._lock:
            found = list(self._noted().values())
        return (record for records in found for record in records)

    def latest(self, output: Url) -> dict[str, Any] | None:
        """What was noted last; None where nothing was. Raises RemoteError."""
        return next(self.records(output), None)

    def claimed(self, output: Url) -> bool:
        """Whether a run that did not end may have made ``output`` and not noted it. Raises RemoteError."""
        key, newest = self._key(output), self.latest(output)
        with self._lock:
            self._noted()
            since = max((claims.get(key, 0.0) for _, claims in self._read.values()), default=0.0)
        return since > (_time(newest) if newest else 0.0)

    def claim(self, outputs: Iterable[Url]) -> None:
        """Say, and write, that this run may make ``outputs``. Raises RemoteError where it can't be written."""
        now = time.time()
        with self._lock:
            new = {self._key(output): now for output in outputs}
            self._claims |= new
            self._dirty = self._dirty or bool(new)
        if new:
            self._write()

    def begin(self, output: Url) -> None:
        """It is being written now: from here on nobody knows what is there until it is noted."""
        with self._lock:
            self._begun.add(self._key(output))

    def add(self, output: Url, record: dict[str, Any]) -> None:
        """Note ``record``; it is written with others when it is time."""
        key = self._key(output)
        with self._lock:
            self._own[key] = {"output": key, **record, "time": time.time()}
            self._claims.pop(key, None)
            self._begun.discard(key)
            self._dirty = True
            due = time.monotonic() - self._last > self._pause
        if due:
            with suppress(RemoteError):  # tried again later, and told at the end
                self._write()

    def close(self) -> None:
        """Write what is not written. Raises RemoteError where that fails; what was noted is kept for another try."""
        with self._lock:
            kept = {key: since for key, since in self._claims.items() if key in self._begun}
            self._dirty = self._dirty or len(kept) < len(self._claims)
            self._claims = kept
            nothing = not self._own and not kept
        if nothing:
            if self._written:
                with suppress(Missing):
                    self._url.unlink()
                self._written = self._dirty = False
            return
        if self._dirty:
            old = self._old()
            self._write(old)
            for url in old:
                with suppress(RemoteError):  # the next run does it
                    url.unlink()

    def _key(self, output: Url) -> str:
        return output.relative_to(self.folder).as_posix()

    def _noted(self) -> dict[str, list[dict[str, Any]]]:
        """The lines of the other runs, read once."""
        if self._others is None:
            self._read = self._fetch()
            self._others = {}
            for records, _ in self._read.values():
                for record in records:
                    self._others.setdefault(record["output"], []).append(record)
        return self._others

    def _fetch(self) -> dict[Url, tuple[list[dict[str, Any]], dict[str, float]]]:
        read: dict[Url, tuple[list[dict[str, Any]], dict[str, float]]] = {}
        for _ in range(READS):
            gone = False
            (self.folder / FOLDER).forget()
            for url in (self.folder / FOLDER).iterdir():
                if (
                    url in read
                    or url == self._url
                    or not (url.name.startswith(PREFIX) and url.suffix == ".jsonl")
                ):
                    continue
                try:
                    read[url] = _parsed(url.read_bytes())
                except Missing:
                    gone = True
            if not gone:
                break
        return read

    def _old(self) -> list[Url]:
        """The objects whose lines are taken over: those of this shard, or all where there are no shards.

        One whose run still lives is written again by it, whole: nothing is lost.
        """
        with self._lock:
            self._noted()
            mine = PREFIX if self.shard[1] == 1 else self._label
            return [url for url in self._read if url.name.startswith(mine)]

    def _write(self, old: Iterable[Url] = ()) -> None:
        with self._writing:
            with self._lock:
                data = self._lines(old)
                self._dirty = False
            started = time.monotonic()
            try:
                self._url.write_bytes(data)
            except RemoteError:
                with self._lock:
                    self._dirty = True
                raise
            finally:
                self._last = time.monotonic()
                self._pause = max(SECONDS, SHARE * (self._last - started))
            self._written = True

    def _lines(self, old: Iterable[Url]) -> bytes:
        newest: dict[str, dict[str, Any]] = {}
        claims: dict[str, float] = {}
        for url in old:
            records, theirs = self._read[url]
            for record in records:
                key = record["output"]
                if key not in newest or _time(record) > _time(newest[key]):
                    newest[key] = record
            for key, since in theirs.items():
                claims[key] = max(since, claims.get(key, 0.0))
        newest |= self._own
        claims = {k: since for k, since in claims.items() if k not in newest or since > _time(newest[k])}
        claims |= self._claims
        lines = [json.dumps(record) for record in newest.values()]
        if claims:
            lines.append(json.dumps({"claims": claims}))
        return "".join(f"{line}\n" for line in lines).encode()


def _time(record: dict[str, Any]) -> float:
    value = record.get("time")
    return float(value) if isinstance(value, (int, float)) else 0.0


def _parsed(data: bytes) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Records and claims; lines that are not ours are passed over."""
    records: list[dict[str, Any]] = []
    claims: dict[str, float] = {}
    for line in data.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if not isinstance(found, dict):
            continue
        if isinstance(found.get("output"), str):
            records.append(found)
        elif isinstance(found.get("claims"), dict):
            claims |= {k: float(v) for k, v in found["claims"].items() if isinstance(v, (int, float))}
    return records, claims


def find_record(
    output: Location,
    journals: dict[Location, Journal | BucketJournal],
    make: Callable[[Url], BucketJournal] = BucketJournal,
) -> dict[str, Any] | None:
    """What the journal of ``output``'s folder, or of one above it, noted last of it; None where there is none.

    ``journals`` keeps those that were read, for the next call.
    """
    path = output if isinstance(output, Url) else output.absolute()
    for folder in path.parents:
        if folder not in journals:
            journals[folder] = make(folder) if isinstance(folder, Url) else Journal(folder)
        record = journals[folder].latest(path)  # type: ignore[arg-type]  # of one kind with its folder
        if record is not None:
            return record
    return None
