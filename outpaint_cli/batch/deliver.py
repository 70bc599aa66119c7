"""Outputs on their way out: what is already there, writing, and the journal's line."""

from __future__ import annotations

import hashlib
import json
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import outpaint_cli
from outpaint_cli import picture, registry
from outpaint_cli.batch.bucket import BucketTarget
from outpaint_cli.batch.events import plain
from outpaint_cli.batch.kinds import Kind, Made
from outpaint_cli.batch.kinds.place import STEP, UPSCALED
from outpaint_cli.batch.noted import header
from outpaint_cli.batch.provenance import Provenance, plain_packet
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.batch.target import FolderTarget, Target, reason
from outpaint_cli.plugin import ModelRef, PictureError, Rect
from outpaint_cli.remote import Location, Url


@dataclass
class Delivery:
    """Knows a run's output folders; safe to use from several threads."""

    settings: Settings
    kind: Kind
    ref: ModelRef | None
    note: Callable[[str], None]
    stdout: Callable[[bytes], None] | None = None
    _targets: dict[Location, Target[Any]] = field(default_factory=dict)
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
        target = self._target(task)
        if target is None or not target.holds(task.output):
            return "", {}
        if target.is_folder(task.output):
            raise PictureError(f"{task.output} is a folder; choose another -o")
        if self.settings.existing == "error":
            raise PictureError(f"{task.output} is already there; use --existing skip or overwrite")
        if self.settings.existing == "overwrite":
            return "", {}
        made = target.record(task.output)
        if made is None and target.unfinished(task.output):
            return "", {}
        if made is None and target.latest(task.output) is not None:
            return "already there, changed since outpaint made it; --overwrite replaces it", {}
        if made is None:
            return "already there, not made by outpaint; --overwrite replaces it", {}
        scores = made.get("scores")
        if made.get("fingerprint") != fingerprint():
            return "", {}
        if self.settings.min_score is not None and not isinstance(scores, dict):
            return "", {}
        return "already there, made with the same settings", scores if isinstance(scores, dict) else {}

    def holds(self, task: Task) -> bool:
        """Whether something is already there. Raises PictureError."""
        target = self._target(task)
        return target is not None and target.holds(task.output)

    def known_content(self, task: Task) -> str:
        """The sha256 of an input elsewhere, noted when the output was made of it; "" where it is to be read."""
        tag, target = task.source.tag, self._target(task)
        if not tag or target is None or self.settings.existing != "skip":
            return ""
        if task.layout is None or task.layout.mask is not None or not target.holds(task.output):
            return ""
        made = target.record(task.output) or {}
        return str(made.get("content", "")) if made.get("input_tag") == tag else ""

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
        record |= header(task.source.tag, task.info)
        if self.ref:
            record |= {"model": self.ref.name, "revision": self.ref.revision}
        if self.settings.scored:
            record["scores"] = plain(scores)
        return record

    def _put(self, task: Task, data: bytes, record: dict[str, Any]) -> None:
        """Write the file and its line in the journal, or to standard output."""
        target = self._target(task)
        if target is None:
            _to_stdout(data, self.stdout)
        else:
            target.put(task.output, data, record)

    def _target(self, task: Task) -> Target[Any] | None:
        """The folder of the output; None for standard output."""
        if task.output is None or task.folder is None:
            return None
        with self._lock:
            if task.folder not in self._targets:
                self._targets[task.folder] = self._made(task.folder)
            return self._targets[task.folder]

    def _made(self, folder: Location) -> Target[Any]:
        if isinstance(folder, Url):
            s = self.settings
            return BucketTarget(folder, s.shard, s.existing == "overwrite", self.note)
        return FolderTarget(folder)

    def open(self, tasks: Sequence[Task]) -> None:
        """Before the tasks: what killed runs left in the output folders is removed."""
        outputs: dict[Location, list[Location]] = {}
        for task in tasks:
            if self._target(task) is not None and task.folder is not None and task.output is not None:
                outputs.setdefault(task.folder, []).append(task.output)
        for folder, named in outputs.items():
            self._targets[folder].open(named)

    def close(self) -> None:
        """Tidy up after the run; what was delivered stays."""
        with self._lock:
            for target in self._targets.values():
                target.close()


def _to_stdout(data: bytes, stdout: Callable[[bytes], None] | None) -> None:
    if stdout is None:
        raise PictureError("there is nowhere to write to; give -o")
    try:
        stdout(data)
    except OSError as error:
        raise PictureError(
            f"standard output can't be written ({reason(error)}); check where it goes, or give -o"
        ) from error


def read_bytes(path: Location | None) -> bytes:
    """A file's content. Raises PictureError, also where the file changes meanwhile."""
    if path is None:
        raise PictureError("there is nothing on standard input")
    if isinstance(path, Url):
        return path.read_bytes()
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
