"""Outputs on their way out: what is already there, writing, and the journal's line."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import outpaint_cli
from outpaint_cli import picture, registry
from outpaint_cli.batch.events import plain
from outpaint_cli.batch.journal import Journal
from outpaint_cli.batch.kinds import Kind, Made
from outpaint_cli.batch.kinds.place import STEP, UPSCALED
from outpaint_cli.batch.provenance import Provenance, plain_packet
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.batch.workspace import Workspace, sweep
from outpaint_cli.plugin import ModelRef, PictureError, Rect


@dataclass
class Delivery:
    """Knows the journals of a run's output folders; safe to use from several threads."""

    settings: Settings
    kind: Kind
    ref: ModelRef | None
    note: Callable[[str], None]
    stdout: Callable[[bytes], None] | None = None
    _places: dict[Path, tuple[Journal, Workspace]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fingerprint(self, task: Task, content: str, mask: str) -> str:
        """What an output is made of and with; ``content`` and ``mask`` are the files' sha256."""
        s = self.settings
        made_with = [
            content, mask, self.kind.verb, self.kind.identity(), repr(task.frame), task.format, s.quality,
            s.strip_metadata, s.provenance, s.seed, task.variant,
            self.ref and [self.ref.name, self.ref.revision], s.harmonize,
            {plugin: dict(sorted(values.items())) for plugin, values in sorted(s.options.items())},
            [guide.content for guide in s.guides], outpaint_cli.__version__, self._plugin_versions(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(made_with).encode()).hexdigest()[:32]

    def _plugin_versions(self) -> list[str]:
        """The distributions, with versions, that make the pixels: a newer plugin makes other ones."""
        filler = self.ref.plugin if self.ref else ""
        harmonizer = self.settings.harmonize
        return [
            found.distribution
            for found in registry.find_plugins()
            if found.plugin and (found.name == filler or harmonizer in found.plugin.harmonizers)
        ]

    def skip(self, task: Task, fingerprint: Callable[[], str]) -> tuple[str, dict[str, float]]:
        """Why the output need not be made, or "", and the scores noted of it.

        An output made with other settings, or without the scores that are now asked for, is made again.
        Raises PictureError under --existing error.
        """
        if task.output is None or task.folder is None or not os.path.lexists(task.output):
            return "", {}
        if task.output.is_dir():
            raise PictureError(f"{task.output} is a folder; choose another -o")
        if self.settings.existing == "error":
            raise PictureError(f"{task.output} is already there; use --existing skip or overwrite")
        if self.settings.existing == "overwrite":
            return "", {}
        journal, _ = self._place(task.folder)
        made = journal.record(task.output)
        if made is None and journal.latest(task.output) is not None:
            return "already there, changed since outpaint made it; --overwrite replaces it", {}
        if made is None:
            return "already there, not made by outpaint; --overwrite replaces it", {}
        scores = made.get("scores")
        if made.get("fingerprint") != fingerprint():
            return "", {}
        if self.settings.min_score is not None and not isinstance(scores, dict):
            return "", {}
        return "already there, made with the same settings", scores if isinstance(scores, dict) else {}

    def write(
        self,
        task: Task,
        photo: picture.Picture,
        made: Made,
        content: str,
        fingerprint: str,
        scores: Mapping[str, float],
        by: Provenance | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> bool:
        """Encode what was made of ``photo`` and deliver it, with a line in the journal.

        ``by`` is said in its XMP, unless that is not wanted. ``before`` is called between encoding and writing.
        ``made.info`` gets the notes. Returns whether the file, read again, has exactly the photo's pixels.
        Raises PictureError.
        """
        s, size = self.settings, (made.picture.width, made.picture.height)
        packet = by.packet if by is not None and s.provenance else plain_packet
        xmp = packet(photo.xmp, made, keep=not s.strip_metadata)
        encoded = picture.encode(
            made.picture, format=task.format, quality=s.quality, strip_metadata=s.strip_metadata, xmp=xmp
        )
        record = self._record(task, content, fingerprint, made.photo, size, scores)
        if STEP in made.properties:
            record["step"] = float(made.properties[STEP])
        if UPSCALED in made.properties:
            record["upscaled"] = float(made.properties[UPSCALED])
        before()
        self._put(task, encoded.data, record)
        notes = [*photo.notes, *made.info.get("notes", ()), *encoded.notes]
        if notes:
            made.info["notes"] = notes
        return encoded.exact and made.kept

    def copy(
        self,
        task: Task,
        photo: picture.Picture,
        data: bytes,
        content: str,
        fingerprint: str,
        info: dict[str, Any],
    ) -> bool:
        """Deliver a photo on which there is nothing to do: its file ``data`` as it is where that may be.

        As :meth:`write` otherwise.
        """
        assert task.frame is not None
        at, size = task.frame.photo, (photo.width, photo.height)
        if task.format == photo.format and not self.settings.strip_metadata:
            self._put(task, data, self._record(task, content, fingerprint, at, size, {}))
            return True
        made = Made(
            photo, photo.pixels, lambda: np.ones(size[::-1], np.bool_), at, info=info, generated=False
        )
        return self.write(task, photo, made, content, fingerprint, {})

    def _record(
        self,
        task: Task,
        content: str,
        fingerprint: str,
        at: Rect,
        size: tuple[int, int],
        scores: Mapping[str, float],
    ) -> dict[str, Any]:
        record: dict[str, Any] = {
            "fingerprint": fingerprint,
            "input": task.source.relative.as_posix(),
            "content": content,
            "source": {"x": at.x, "y": at.y, "width": at.width, "height": at.height},
            "width": size[0],
            "height": size[1],
            "version": outpaint_cli.__version__,
        }
        if self.ref:
            record |= {"model": self.ref.name, "revision": self.ref.revision}
        if self.settings.scored:
            record["scores"] = plain(scores)
        return record

    def _put(self, task: Task, data: bytes, record: dict[str, Any]) -> None:
        """Write the file and its line in the journal, or to standard output."""
        if task.output is None or task.folder is None:
            _to_stdout(data, self.stdout)
            return
        output, (journal, space) = task.output, self._place(task.folder)

        def note(there: os.stat_result) -> None:
            digest = hashlib.sha256(data).hexdigest()
            told = {"bytes": there.st_size, "modified": there.st_mtime_ns, "sha256": digest}
            journal.add(output, record | told)

        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            beside = space.file()
        except OSError as error:
            raise PictureError(
                f"the output folder can't be made or written ({reason(error)}); choose another -o"
            ) from error
        picture.write_atomic(output, data, beside=beside, ready=note)

    def _place(self, folder: Path) -> tuple[Journal, Workspace]:
        with self._lock:
            if folder not in self._places:
                sweep(folder)
                self._places[folder] = Journal(folder), Workspace(folder)
            return self._places[folder]

    def open(self, tasks: Sequence[Task]) -> None:
        """Remove what killed runs left in the output folders."""
        for folder in {task.folder for task in tasks if task.folder is not None}:
            self._place(folder)

    def close(self) -> None:
        """Tidy up after the run; what was delivered stays."""
        with self._lock:
            for _, space in self._places.values():
                space.close()


def _to_stdout(data: bytes, stdout: Callable[[bytes], None] | None) -> None:
    if stdout is None:
        raise PictureError("there is nowhere to write to; give -o")
    try:
        stdout(data)
    except OSError as error:
        raise PictureError(
            f"standard output can't be written ({reason(error)}); check where it goes, or give -o"
        ) from error


def read_bytes(path: Path | None) -> bytes:
    """A file's content. Raises PictureError, also where the file changes meanwhile."""
    if path is None:
        raise PictureError("there is nothing on standard input")
    try:
        before = path.stat()
        data = path.read_bytes()
        after = path.stat()
    except OSError as error:
        raise PictureError(f"can't be read ({reason(error)}); check its permissions") from error
    if stat.S_ISREG(after.st_mode) and (
        len(data) != after.st_size or before.st_mtime_ns != after.st_mtime_ns
    ):
        raise PictureError(CHANGED)
    return data


CHANGED = "changed while it was read; run again"


def reason(error: OSError) -> str:
    """What the system says, in small letters."""
    return (error.strerror or type(error).__name__).lower()
