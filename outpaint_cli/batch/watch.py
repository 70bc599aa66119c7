"""Folders in which pictures arrive: each is handed out once it is complete, and again when it changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outpaint_cli.batch.discover import Source, wanted
from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import local_only

SETTLED = 1.0
"""Seconds for which a file must have kept its size and time to count as complete."""

LOOK = 200
"""Milliseconds between looks at what is settling."""


@dataclass
class Watch:
    """``folders`` to look into; ``include``, ``exclude`` and ``recursive`` as for ``discover``.

    ``apart`` are folders that are never looked into: the output's.
    """

    folders: Sequence[Path]
    recursive: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    apart: Sequence[Path] = ()
    settled: float = SETTLED
    _pending: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def batches(self, stopped: Callable[[], bool]) -> Iterator[list[Source]]:
        """What has arrived, as it does, beginning with what is there; ends when ``stopped``."""
        watch = watchfiles_module().watch
        for folder in self.folders:
            self._look_into(folder)
        stop = threading.Event()
        changes = watch(
            *self.folders, watch_filter=None, recursive=self.recursive, stop_event=stop, debounce=LOOK,
            rust_timeout=LOOK, yield_on_timeout=True, raise_interrupt=False, ignore_permission_denied=True,
        )  # fmt: skip
        try:
            for changed in changes:
                if stopped():
                    return
                for _, name in changed:
                    self._notice(Path(name))
                ready = self._ready()
                if ready:
                    yield ready
                if stopped():
                    return
        finally:
            stop.set()

    def _look_into(self, folder: Path) -> None:
        for path in folder.rglob("*") if self.recursive else folder.iterdir():
            self._notice(path)

    def _notice(self, path: Path) -> None:
        state = _state(path)
        if state is None:
            self._pending.pop(path, None)
            self._done.pop(path, None)
        elif self._source(path) is not None and self._done.get(path) != state:
            before = self._pending.get(path)
            if before is None or before[0] != state:
                self._pending[path] = state, time.monotonic()

    def _ready(self) -> list[Source]:
        ready = []
        for path, (state, since) in list(self._pending.items()):
            now = _state(path)
            if now is None:
                del self._pending[path]
            elif now != state:
                self._pending[path] = now, time.monotonic()
            elif time.monotonic() - since >= self.settled:
                del self._pending[path]
                self._done[path] = state
                source = self._source(path)
                if source is not None:
                    ready.append(source)
        return sorted(ready, key=lambda source: source.relative)

    def _source(self, path: Path) -> Source | None:
        """The input, where the file is one."""
        full = path.absolute()
        if any(full.is_relative_to(part.absolute()) for part in self.apart):
            return None
        for folder in self.folders:
            if full.is_relative_to(folder.absolute()):
                relative = full.relative_to(folder.absolute())
                hidden = any(part.startswith(".") for part in relative.parts)
                deep = len(relative.parts) > 1 and not self.recursive
                if not hidden and not deep and wanted(relative, self.include, self.exclude):
                    return Source(folder / relative, relative, folder)
        return None


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of change; None for what is no file."""
    try:
        there = path.stat()
    except OSError:
        return None
    return (there.st_size, there.st_mtime_ns) if path.is_file() else None


def watchfiles_module() -> Any:
    """The watchfiles module. Raises UsageError, with the extra to install, where there is none."""
    try:
        import watchfiles
    except ImportError as error:
        raise UsageError("--watch needs the extra 'watch': pip install 'outpaint-cli[watch]'") from error
    return watchfiles


def check_folders(inputs: Sequence[str]) -> list[Path]:
    """The folders to watch. Raises UsageError for what is none."""
    for text in inputs:
        local_only("--watch", text)
        if not Path(text).is_dir():
            raise UsageError(f"--watch looks into folders, and {text} is none; name the folder it arrives in")
    if not inputs:
        raise UsageError("--watch needs a folder to look into")
    return [Path(text) for text in inputs]
