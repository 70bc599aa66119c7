"""What is done with one picture, stage by stage; each in whatever thread calls it.

read and decode -> shrink to what the filler sees -> (batches of windows, in ``pipeline``) -> make ->
harmonize -> encode -> rename, with a line in the journal.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from outpaint_cli import metrics, picture
from outpaint_cli.batch.crew import Turn
from outpaint_cli.batch.deliver import CHANGED, Delivery, read_bytes
from outpaint_cli.batch.engines import Engines
from outpaint_cli.batch.events import Event
from outpaint_cli.batch.kinds import Kind, Work
from outpaint_cli.batch.options import photo_seed
from outpaint_cli.batch.provenance import Provenance
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.fill import Answer, FillSteps, Request
from outpaint_cli.plugin import (
    Cancelled,
    DeviceError,
    ModelError,
    ModelRef,
    OutpaintError,
    PictureError,
    UsageError,
)
from outpaint_cli.remote import redact


@dataclass(eq=False)
class Item:
    """A picture on its way. ``size`` is the bytes it is reckoned to take; ``seconds`` what it took so far, of
    which it was ``idle`` for a while in this stage, waiting for its turn.

    ``requests`` wait for ``answers``, of which ``missing`` are still to come.
    """

    task: Task
    size: int = 0
    seconds: float = 0.0
    photo: picture.Picture | None = None
    work: Work | None = None
    content: str = ""
    fingerprint: str = ""
    seed: int = 0
    steps: FillSteps[Any] | None = None
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    missing: int = 0
    idle: float = 0.0
    idle_since: float = 0.0
    turn: Turn = field(default_factory=Turn)
    _state: str = "alive"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def waits(self, begins: bool) -> None:
        """Waiting for its turn begins or ends."""
        now = time.perf_counter()
        if begins:
            self.idle_since = now
        else:
            self.idle, self.idle_since = self.idle + now - self.idle_since, 0.0

    def begin_work(self) -> None:
        """Take a turn; the wait for it does not count."""
        self.waits(True)
        self.turn.take()
        self.waits(False)

    def busy(self, since: float) -> float:
        """Seconds of work since the stage began, without waiting."""
        now = time.perf_counter()
        return now - since - self.idle - (now - self.idle_since if self.idle_since else 0.0)

    @property
    def expired(self) -> bool:
        """Whether it was given up."""
        return self._state == "expired"

    def expire(self) -> bool:
        """Give it up; False where its output is just being delivered."""
        with self._lock:
            if self._state == "alive":
                self._state = "expired"
            return self.expired

    def deliver(self) -> None:
        """From here on it can't be given up. Raises Cancelled where it was already."""
        with self._lock:
            if self._state == "expired":
                raise Cancelled("given up")
            self._state = "delivering"


@dataclass
class Stages:
    """The stages of one run."""

    settings: Settings
    kind: Kind
    ref: ModelRef | None
    cancelled: Callable[[], bool]
    delivery: Delivery
    engines: Engines

    def begin(self, item: Item) -> Event | None:
        """Read, decode and prepare; the event where that is the end of it, None where requests wait."""
        return self._guarded(item, lambda: self._begin(item))

    def go_on(self, item: Item) -> Event | None:
        """Take the answers; the event where the picture is finished, None where there are further requests."""

        def take() -> Event | None:
            item.begin_work()
            return self._advance(item, [a for a in item.answers if a is not None])

        return self._guarded(item, take)

    def _guarded(self, item: Item, stage: Callable[[], Event | None]) -> Event | None:
        started, item.idle, item.idle_since = time.perf_counter(), 0.0, 0.0
        try:
            event = stage()
            item.seconds += item.busy(started)
            if event is not None:
                event.seconds = item.seconds
            return event
        except Exception as error:
            item.seconds += item.busy(started)
            return self.failed(item.task, error, item.seconds)
        finally:
            item.turn.give()

    def _begin(self, item: Item) -> Event | None:
        task = item.task
        if task.error or task.info is None or task.layout is None:
            raise task.error or PictureError("could not be planned")
        skipped = self._skipped_unread(task)
        if skipped:
            return skipped
        data, mask, item.content, item.fingerprint = self._read(task)
        skipped = self._skipped(task, lambda: item.fingerprint)
        if skipped:
            return skipped
        item.begin_work()
        photo = picture.read(data, max_pixels=self.settings.max_pixels)
        if (photo.width, photo.height) != (task.info.width, task.info.height):
            raise PictureError(CHANGED)
        work = self.kind.work(task, photo, mask)
        if isinstance(work, str):
            info: dict[str, Any] = {"reason": work, "copied": True, "notes": [f"{work}: copied"]}
            item.deliver()
            exact = self.delivery.copy(task, photo, data, item.content, item.fingerprint, info)
            return self._event("ok", task, core_exact=exact, info=info)
        del data, mask
        item.photo, item.work = photo, work
        item.seed = photo_seed(self.settings.seed, task.variant, item.content)
        self.engines.load()
        if self.engines.filler is None:
            return self._finish(item, None)
        work.ready(self.engines.filler, item.seed, task.variant)
        item.steps = work.steps()
        return self._advance(item, None)

    def _advance(self, item: Item, answers: list[Answer] | None) -> Event | None:
        assert item.steps is not None
        self._check(item)
        try:
            item.requests = next(item.steps) if answers is None else item.steps.send(answers)
        except StopIteration as stop:
            item.requests, item.answers, item.steps = [], [], None
            return self._finish(item, stop.value)
        item.answers, item.missing = [None] * len(item.requests), len(item.requests)
        return None if item.missing else self._advance(item, [])

    def _finish(self, item: Item, guess: Any) -> Event:
        task, work, photo = item.task, item.work, item.photo
        assert work is not None and photo is not None
        self._check(item)
        info: dict[str, Any] = {}
        finish = self.engines.finish(
            task.name, item.content, item.seed, info, lambda: item.expired, item.waits
        )
        made = work.make(guess, item.seed, finish)
        self._check(item)
        scores = metrics.own_scores(made.image, made.known()) if self.settings.scored else {}
        notes = [*made.info.get("notes", ()), *info.get("notes", ())]
        made.info = {**info, **made.info} | ({"notes": notes} if notes else {})
        by = Provenance.of(self.engines, self.ref, self.settings.seed, task)

        def delivering() -> None:
            item.deliver()
            item.turn.give()  # what follows is waiting for the disk

        exact = self.delivery.write(
            task, photo, made, item.content, item.fingerprint, scores, by, before=delivering
        )
        picture.recycle(made.picture.pixels)
        event = self._event("ok", task, core_exact=exact, scores=scores, info=made.info)
        event.source, event.flagged = made.photo, self._flag(scores)
        return event

    def _check(self, item: Item) -> None:
        if item.expired or self.cancelled():
            raise Cancelled("stopped")

    def _read(self, task: Task) -> tuple[bytes, bytes | None, str, str]:
        """The files' bytes, the sha256 of the photo, and the fingerprint of the output."""
        data = task.data if task.data is not None else read_bytes(task.source.path)
        mask_file = task.layout.mask if task.layout else None
        mask = None if mask_file is None else read_bytes(mask_file)
        content = hashlib.sha256(data).hexdigest()
        marked = "" if mask is None else hashlib.sha256(mask).hexdigest()
        return data, mask, content, self.delivery.fingerprint(task, content, marked)

    def _skipped_unread(self, task: Task) -> Event | None:
        """The event of an output that need not be made, where that can be told without fetching the input."""
        content = self.delivery.known_content(task)
        if not content:
            return None
        return self._skipped(task, lambda: self.delivery.fingerprint(task, content, ""))

    def _skipped(self, task: Task, fingerprint: Callable[[], str]) -> Event | None:
        why, scores = self.delivery.skip(task, fingerprint)
        if not why:
            return None
        event = self._event("skipped", task, info={"reason": why})
        if self.settings.scored:
            event.scores, event.flagged = scores, self._flag(scores)
        return event

    # ------------------------------------------------------------------------------------- events

    def planned(self, task: Task) -> Event:
        """The event of a dry run: planned, or skipped where the output is there already."""
        try:
            if task.error:
                raise task.error
            there = self._skipped_unread(task) or self._skipped(task, lambda: self._read(task)[3])
        except OutpaintError as error:
            return self.failed(task, error, 0.0)
        if there:
            return there
        replaces = self.delivery.holds(task)
        return self._event("planned", task, info={"replaces": True} if replaces else {})

    def failed(self, task: Task, error: BaseException, seconds: float) -> Event:
        """The event of a picture that can't be made.

        Raises ``error`` where it means that nothing can be done for any picture.
        """
        if os.environ.get("OUTPAINT_DEBUG") == "1":
            sys.stderr.write(redact("".join(traceback.format_exception(error))))
        if isinstance(error, (ModelError, DeviceError, UsageError)) and not self.engines.loaded:
            raise error
        if isinstance(error, OutpaintError):
            message = str(error)
        elif isinstance(error, MemoryError):
            message = "not enough memory; try a smaller output, or fewer --jobs"
        else:
            text = redact(" ".join(str(error).split()))[:200]
            message = f"a fault of outpaint ({type(error).__name__}: {text}); OUTPAINT_DEBUG=1 shows where"
        fault = not isinstance(error, (OutpaintError, MemoryError))
        event = self._event("failed", task, error=(type(error).__name__, message), fault=fault)
        event.seconds = seconds
        return event

    def _flag(self, scores: dict[str, float]) -> str:
        """Which of the scores is off: further from 1, either way, than --min-score allows."""
        limit = self.settings.min_score
        if limit is None:
            return ""
        off = [
            f"{name} {value:.2f}"
            for name, value in scores.items()
            if name in ("seam", "sharp") and min(value, 1 / value if value > 0 else 0) < limit
        ]
        return ", ".join(off)

    def _event(self, status: Any, task: Task, **more: Any) -> Event:
        frame = task.frame
        return Event(
            status,
            task.name,
            str(task.output) if task.output else None,
            frame.width if frame else 0,
            frame.height if frame else 0,
            frame.photo if frame else None,
            self.ref.name if self.ref else "",
            self.ref.revision if self.ref else "",
            self.engines.device,
            self.engines.harmonize,
            self.settings.seed,
            **more,
        )
