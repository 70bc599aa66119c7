"""The pipeline: decode and encode in threads around one inference session, with bounded memory.

decode -> shrink to working size -> micro-batch -> fill -> make -> harmonize -> encode -> rename -> journal
-> event; what a kind of job does in between is in ``kinds``.
"""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from outpaint_cli import metrics, picture
from outpaint_cli.batch.deliver import Delivery, read_bytes
from outpaint_cli.batch.engines import Engines
from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.batch.kinds import Kind, Made, Work
from outpaint_cli.batch.options import photo_seed
from outpaint_cli.batch.provenance import Provenance
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.fill import run_fills
from outpaint_cli.plugin import (
    Cancelled,
    DeviceError,
    Filler,
    ModelError,
    ModelRef,
    Native,
    OutpaintError,
    PictureError,
    UsageError,
)

MEMORY = 3 << 30
"""Bytes of decoded pictures and outputs in flight, unless a single one takes more."""

GROUP = 8
"""The most photos whose windows share batches."""


@dataclass
class Decoded:
    """A photo on its way."""

    task: Task
    photo: picture.Picture
    work: Work
    content: str
    seed: int
    seconds: float
    fingerprint: str
    size: int = 0


@dataclass
class Run:
    """One run over a plan.

    ``ref`` is the model, None for kinds that fill nothing; ``filler`` is that model where it is loaded already.
    ``progress`` is told, from any thread, an input's name, the share 0..1 of its harmonizing, and what goes on.
    """

    settings: Settings
    kind: Kind
    ref: ModelRef | None = None
    cancelled: Callable[[], bool] = lambda: False
    note: Callable[[str], None] = lambda text: None
    filler: Filler | None = None
    progress: Callable[[str, float, str], None] = lambda name, share, what: None

    def __post_init__(self) -> None:
        self.engines = Engines(self.settings, self.kind, self.ref, self.cancelled, self.filler, self.progress)
        self.delivery = Delivery(self.settings, self.kind, self.ref, self.note)

    def run(self, tasks: Sequence[Task], stdout: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        """Do the tasks; yields an event for each. The model is loaded when the first photo needs it."""
        self.delivery.stdout = stdout
        workers = self.settings.jobs or os.cpu_count() or 1
        waiting = deque(tasks)
        decoding: dict[Future[Decoded | Event], int] = {}
        finishing: dict[Future[Event], int] = {}
        ready: list[Decoded] = []
        held = 0  # bytes in flight
        pool = ThreadPoolExecutor(workers)
        stop = False
        try:
            while waiting or decoding or ready or finishing:
                stop = stop or self.cancelled()
                if stop:
                    waiting.clear()
                    for future in decoding:
                        future.cancel()
                    decoding = {f: b for f, b in decoding.items() if not f.cancelled()}
                while waiting and len(decoding) + len(ready) + len(finishing) < 2 * workers + GROUP:
                    size = _footprint(waiting[0])
                    if held and held + size > MEMORY:
                        break
                    held += size
                    decoding[pool.submit(self._decode, waiting.popleft())] = size
                for future in [f for f in decoding if f.done()]:
                    size = decoding.pop(future)
                    result = future.result()
                    if isinstance(result, Decoded):
                        result.size = size + self._canvas_bytes(result.task)
                        held += result.size - size
                        ready.append(result)
                    else:
                        held -= size
                        yield result
                        stop = stop or self._fatal(result)
                if ready and stop:
                    ready.clear()
                elif self._group_is_due(ready, decoding, finishing):
                    group, ready = ready[: self._group_size()], ready[self._group_size() :]
                    for decoded, guess in zip(group, self._fill(group), strict=True):
                        if not isinstance(guess, Exception):
                            finishing[pool.submit(self._finish, decoded, guess)] = decoded.size
                        elif isinstance(guess, Cancelled) and self.cancelled():
                            stop = True
                        else:
                            held -= decoded.size
                            event = self._failed(decoded.task, guess, decoded.seconds)
                            yield event
                            stop = stop or self._fatal(event)
                for done in [f for f in finishing if f.done()]:
                    held -= finishing.pop(done)
                    event = done.result()
                    if event.error and event.error[0] == Cancelled.__name__ and self.cancelled():
                        continue
                    yield event
                    stop = stop or self._fatal(event)
                idle = not (ready and stop) and not self._group_is_due(ready, decoding, finishing)
                if idle and (decoding or finishing):
                    running: list[Future[Any]] = [*decoding, *finishing]
                    wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _fatal(self, event: Event) -> bool:
        return self.settings.fail_fast and event.status == "failed"

    def _group_size(self) -> int:
        return max(1, min(GROUP, self.engines.filler.spec.max_batch)) if self.engines.filler else 1

    def _group_is_due(
        self, ready: Sequence[Decoded], decoding: Mapping[Any, int], finishing: Mapping[Any, int]
    ) -> bool:
        """Whether to fill now: a whole group is there, or all that will come, and room for what it makes."""
        if not ready or (finishing and sum(finishing.values()) + ready[0].size > MEMORY):
            return False
        return len(ready) >= self._group_size() or not decoding

    def _canvas_bytes(self, task: Task) -> int:
        """Bytes of float canvases that a task adds; only fillers that take a picture whole make large ones."""
        filler = self.engines.filler
        if filler is None or task.frame is None or not isinstance(filler.spec.size, Native):
            return 0
        return 2 * 12 * min(task.frame.rect.area, filler.spec.size.max_pixels)

    # ------------------------------------------------------------------------------------- stages

    def _decode(self, task: Task) -> Decoded | Event:
        started = time.perf_counter()

        def seconds() -> float:
            return time.perf_counter() - started

        try:
            if task.error or task.info is None or task.layout is None:
                raise task.error or PictureError("could not be planned")
            data, mask, content, fingerprint = self._read(task)
            skipped = self._skipped(task, lambda: fingerprint, seconds())
            if skipped:
                return skipped
            photo = picture.read(data, max_pixels=self.settings.max_pixels)
            if (photo.width, photo.height) != (task.info.width, task.info.height):
                raise PictureError("changed while it was read; run again")
            work = self.kind.work(task, photo, mask)
            if isinstance(work, str):
                info: dict[str, Any] = {"reason": work, "copied": True, "notes": [f"{work}: copied"]}
                exact = self.delivery.copy(task, photo, data, content, fingerprint, info)
                return self._event("ok", task, seconds(), core_exact=exact, info=info)
            del data, mask
            seed = photo_seed(self.settings.seed, task.variant, content)
            self.engines.load()
            if self.engines.filler is not None:
                work.ready(self.engines.filler, seed, task.variant)
            return Decoded(task, photo, work, content, seed, seconds(), fingerprint)
        except Exception as error:
            return self._failed(task, error, seconds())

    def _read(self, task: Task) -> tuple[bytes, bytes | None, str, str]:
        """The files' bytes, the sha256 of the photo, and the fingerprint of the output."""
        data = task.data if task.data is not None else read_bytes(task.source.path)
        mask = read_bytes(task.layout.mask) if task.layout and task.layout.mask else None
        content = hashlib.sha256(data).hexdigest()
        marked = hashlib.sha256(mask).hexdigest() if mask is not None else ""
        return data, mask, content, self.delivery.fingerprint(task, content, marked)

    def _skipped(self, task: Task, fingerprint: Callable[[], str], seconds: float) -> Event | None:
        why, scores = self.delivery.skip(task, fingerprint)
        if not why:
            return None
        event = self._event("skipped", task, seconds, info={"reason": why})
        if self.settings.scored:
            event.scores, event.flagged = scores, self._flag(scores)
        return event

    def _fill(self, group: Sequence[Decoded]) -> list[Any]:
        """For each photo what its work's steps returned, or the exception it met."""
        filler = self.engines.filler
        if filler is None or self.ref is None:
            return [None] * len(group)
        started = time.perf_counter()
        try:
            steps = [one.work.steps() for one in group]
            guesses: list[Any] = list(run_fills(steps, filler, self.engines.context(self.ref.plugin)))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Cancelled):  # one photo's fault is not the others'
                return [guess for one in group for guess in self._fill([one])]
            guesses = [error] * len(group)
        share = (time.perf_counter() - started) / len(group)
        for one in group:
            one.seconds += share
        return guesses

    def _finish(self, one: Decoded, guess: Any) -> Event:
        started = time.perf_counter()
        task = one.task
        try:
            self._check_cancelled()
            info: dict[str, Any] = {}
            made = one.work.make(guess, one.seed, self.engines.finish(task.name, one.content, one.seed, info))
            self._check_cancelled()
            scores = self._scores(made)
            notes = [*made.info.get("notes", ()), *info.get("notes", ())]
            made.info = {**info, **made.info} | ({"notes": notes} if notes else {})
            by = Provenance.of(self.engines, self.ref, self.settings.seed, task)
            exact = self.delivery.write(task, one.photo, made, one.content, one.fingerprint, scores, by)
            seconds = one.seconds + time.perf_counter() - started
            event = self._event("ok", task, seconds, core_exact=exact, scores=scores, info=made.info)
            event.source, event.flagged = made.photo, self._flag(scores)
            return event
        except Exception as error:
            return self._failed(task, error, one.seconds + time.perf_counter() - started)

    def _check_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("stopped")

    # --------------------------------------------------------------------------------------- small

    def _scores(self, made: Made) -> dict[str, float]:
        return {} if not self.settings.scored else metrics.own_scores(made.image, made.known())

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

    def planned(self, task: Task) -> Event:
        """The event of a dry run: planned, or skipped where the output is there already."""
        try:
            if task.error:
                raise task.error
            there = self._skipped(task, lambda: self._read(task)[3], 0.0)
        except OutpaintError as error:
            return self._failed(task, error, 0.0)
        if there:
            return there
        replaces = task.output is not None and os.path.lexists(task.output)
        return self._event("planned", task, 0.0, info={"replaces": True} if replaces else {})

    def _event(self, status: Any, task: Task, seconds: float, **more: Any) -> Event:
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
            seconds,
            **more,
        )

    def _failed(self, task: Task, error: Exception, seconds: float) -> Event:
        if os.environ.get("OUTPAINT_DEBUG") == "1":
            traceback.print_exception(error)
        if isinstance(error, (ModelError, DeviceError, UsageError)) and not self.engines.loaded:
            raise error  # nothing can be done for any photo
        if isinstance(error, OutpaintError):
            message = str(error)
        elif isinstance(error, MemoryError):
            message = "not enough memory; try a smaller output, or fewer --jobs"
        else:
            text = " ".join(str(error).split())[:200]
            message = f"a fault of outpaint ({type(error).__name__}: {text}); OUTPAINT_DEBUG=1 shows where"
        fault = not isinstance(error, (OutpaintError, MemoryError))
        return self._event("failed", task, seconds, error=(type(error).__name__, message), fault=fault)


def exit_code(summary: Summary, *, strict: bool = False) -> int:
    """0, 1 or 3, as docs/cli.md has it."""
    if summary.faults:
        return 1
    return 3 if summary.failed or (strict and summary.flagged) else 0


def _footprint(task: Task) -> int:
    """Bytes that a task holds at its peak: the photo, the frame and the encoder's copy, and masks over it."""
    if task.frame is None or task.info is None:
        return 0
    samples = (3 + task.info.has_alpha + (task.info.mode == "CMYK")) * task.info.bits // 8
    area = task.frame.rect.area
    return (task.info.width * task.info.height + 2 * area) * samples + 4 * area
