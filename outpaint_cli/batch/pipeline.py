"""The pipeline: pictures are decoded and encoded in threads around one model, with bounded memory.

This thread hands out the work and never does any. Pictures go through their stages (``stages``) in the
threads of one crew; what they need filled, windows of one shape together, whoever they belong to, goes through
the model in another's only thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from outpaint_cli.batch.crew import Crew, Job, Turn
from outpaint_cli.batch.deliver import Delivery
from outpaint_cli.batch.engines import Engines
from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.machine import cores, memory, one_thread_a_call
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.batch.stages import Item, Stages
from outpaint_cli.fill import Answer
from outpaint_cli.plugin import Cancelled, Filler, ModelRef, Native, OutpaintError, PluginError

TICK = 0.5
"""Seconds between looks at whether the run is to stop."""

WAITING = 4
"""Threads more than asked for, which read, or wait until the disk has what was written: that takes longer than
making a small picture, and many together no longer than one."""

Place = tuple[Item, int]
"""A request of a picture."""


@dataclass
class Run:
    """One run over a plan.

    ``ref`` is the model, None for kinds that fill nothing; ``filler`` is that model where it is loaded already.
    ``progress`` is told, from any thread, an input's name, the share 0..1 of its harmonizing, and what goes on.
    ``hung`` says afterwards that a thread was given up and may still be running.
    """

    settings: Settings
    kind: Kind
    ref: ModelRef | None = None
    cancelled: Callable[[], bool] = lambda: False
    note: Callable[[str], None] = lambda text: None
    filler: Filler | None = None
    progress: Callable[[str, float, str], None] = lambda name, share, what: None
    hung: bool = False

    def __post_init__(self) -> None:
        engines = Engines(self.settings, self.kind, self.ref, self.cancelled, self.filler, self.progress)
        self.delivery = Delivery(self.settings, self.kind, self.ref, self.note)
        self.stages = Stages(self.settings, self.kind, self.ref, self.cancelled, self.delivery, engines)

    @property
    def engines(self) -> Engines:
        """The model and the harmonizer."""
        return self.stages.engines

    def planned(self, task: Task) -> Event:
        """The event of a dry run: planned, or skipped where the output is there already."""
        return self.stages.planned(task)

    def run(self, tasks: Sequence[Task], stdout: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        """Do the tasks; yields an event for each. The model is loaded when the first photo needs it."""
        self.delivery.stdout = stdout
        self.delivery.open(tasks)
        with one_thread_a_call():
            flow = Flow(self, deque(tasks))
            try:
                yield from flow.events()
            finally:
                flow.close()
                self.delivery.close()


@dataclass
class Flow:
    """What is where, in one run."""

    run: Run
    waiting: deque[Task]
    done: SimpleQueue[Job] = field(default_factory=SimpleQueue)
    working: dict[Job, Item] = field(default_factory=dict)
    to_fill: dict[tuple[int, ...], deque[Place]] = field(default_factory=dict)
    filling: tuple[Job, list[Place]] | None = None
    suspects: deque[list[Place]] = field(default_factory=deque)
    held: int = 0
    in_flight: int = 0
    stop: bool = False

    def __post_init__(self) -> None:
        self.memory = memory()
        self.threads = self.run.settings.jobs or cores()
        self.places = threading.Semaphore(self.threads)
        self.crew = Crew(self.threads + WAITING, self.done, "outpaint-picture")
        self.model = Crew(1, self.done, "outpaint-model")

    def close(self) -> None:
        """End the threads, but for those that hang."""
        self.crew.close()
        self.model.close()

    def events(self) -> Iterator[Event]:
        """Do everything; an event an output, in order of completion."""
        while True:
            self.stop = self.stop or self.run.cancelled()
            if self.stop:
                self._drop()
            self._admit()
            self._fill_some()
            if not self.in_flight:
                return
            try:
                job = self.done.get(timeout=self._patience())
            except Empty:
                job = None
            found = [] if job is None else self._filled(job) if self._was_filling(job) else self._worked(job)
            for event in [*found, *self._expired()]:
                gone = (
                    event.error is not None and event.error[0] == Cancelled.__name__ and self.run.cancelled()
                )
                if not gone:
                    self.stop = self.stop or (
                        self.run.settings.fail_fast and event.status == "failed"
                    )  # those in flight are finished
                    yield event

    # ------------------------------------------------------------------------------------- pictures

    def _admit(self) -> None:
        """Begin as many pictures as there is room for."""
        most = 2 * self.threads + 2 * self._batch()
        while self.waiting and self.in_flight < most:
            task = self.waiting[0]
            size = footprint(task) + self._canvas(task)
            if self.held and self.held + size > self.memory:
                return
            self.waiting.popleft()
            self.held += size
            self.in_flight += 1
            item = Item(task, size, turn=Turn(self.places))
            self.working[self.crew.submit(self.run.stages.begin, item)] = item

    def _worked(self, job: Job) -> list[Event]:
        """A picture's stage has ended."""
        item = self.working.pop(job, None)
        if item is None:
            return []  # given up before
        if job.error is not None:
            raise job.error
        if job.result is not None:
            self._leave(item)
            return [job.result]
        for number, request in enumerate(item.requests):
            self.to_fill.setdefault(request.image.shape, deque()).append((item, number))
        return []

    def _leave(self, item: Item) -> None:
        self.held -= item.size
        self.in_flight -= 1

    def _drop(self) -> None:
        """Begin nothing more; what waits for the model will not be filled."""
        self.waiting.clear()
        self.suspects.clear()
        filling = {item for item, _ in self.filling[1]} if self.filling else set()
        for item in {item for places in self.to_fill.values() for item, _ in places} - filling:
            self._leave(item)
        self.to_fill.clear()

    # ------------------------------------------------------------------------------------- the model

    def _batch(self) -> int:
        batches = self.run.engines.batches
        return batches.size if batches else 1

    def _fill_some(self) -> None:
        """Give the model a batch: a whole one, or what there is where nothing more would come before."""
        batches = self.run.engines.batches
        if self.filling is not None or batches is None or self.stop:
            return
        if self.suspects:
            places = self.suspects.popleft()
        else:
            shape = max(self.to_fill, key=lambda shape: len(self.to_fill[shape]), default=None)
            if shape is None or (len(self.to_fill[shape]) < batches.size and self.working):
                return
            queue = self.to_fill[shape]
            places = [queue.popleft() for _ in range(min(batches.size, len(queue)))]
            if not queue:
                del self.to_fill[shape]
        self.filling = self.model.submit(self._call, places), places

    def _call(self, places: list[Place]) -> list[Answer | OutpaintError]:
        run = self.run
        assert run.engines.batches is not None and run.ref is not None
        context = run.engines.context(run.ref.plugin)
        return run.engines.batches.fill([item.requests[number] for item, number in places], context)

    def _was_filling(self, job: Job) -> bool:
        return self.filling is not None and self.filling[0] is job

    def _filled(self, job: Job) -> list[Event]:
        """The model has answered."""
        assert self.filling is not None
        _, places = self.filling
        self.filling = None
        error = job.error
        if error is not None and not isinstance(error, Exception):
            raise error
        seconds = (time.perf_counter() - job.started) / len(places)
        answers: Sequence[Answer | BaseException] = [error] * len(places) if error else job.result
        failed: dict[Item, BaseException] = {}
        for (item, number), answer in zip(places, answers, strict=True):
            item.seconds += seconds
            if isinstance(answer, BaseException):
                failed[item] = answer
            else:
                item.answers[number] = answer
                item.missing -= 1
        items = dict.fromkeys(item for item, _ in places)
        for item in items:
            if item not in failed and not item.missing:
                self.working[self.crew.submit(self.run.stages.go_on, item)] = item
        return self._fail(failed)

    def _fail(self, failed: dict[Item, BaseException]) -> list[Event]:
        for shape, queue in list(self.to_fill.items()):
            kept = deque(place for place in queue if place[0] not in failed)
            if kept:
                self.to_fill[shape] = kept
            else:
                del self.to_fill[shape]
        for item in failed:
            self._leave(item)
        return [self.run.stages.failed(item.task, error, item.seconds) for item, error in failed.items()]

    # ------------------------------------------------------------------------------------- time-outs

    def _patience(self) -> float:
        limit = self.run.settings.timeout
        return TICK if limit is None else min(TICK, max(0.02, limit / 4))

    def _expired(self) -> list[Event]:
        """Give up what takes longer than --timeout."""
        limit, now = self.run.settings.timeout, time.perf_counter()
        if limit is None:
            return []
        late = PluginError(f"took more than {limit:g} s; raise --timeout, or leave it out")
        failed: dict[Item, BaseException] = {}
        for job, item in list(self.working.items()):
            if job.started and item.seconds + item.busy(job.started) > limit and item.expire():
                del self.working[job]
                item.turn.end()
                self._give_up(self.crew, job)
                failed[item] = late
        if self.filling is not None and self.filling[0].started:
            job, places = self.filling
            if now - job.started > limit:
                self.filling = None
                self._give_up(self.model, job)
                if len(places) == 1:
                    failed[places[0][0]] = late
                else:  # one of them is to blame
                    self.suspects.extend([place] for place in places)
        self.suspects = deque(places for places in self.suspects if places[0][0] not in failed)
        return self._fail(failed)

    def _give_up(self, crew: Crew, job: Job) -> None:
        self.run.hung = True
        crew.abandon(job)
        self.run.engines.renew()

    def _canvas(self, task: Task) -> int:
        """Bytes of float canvases that a task adds; only fillers that take a picture whole make large ones."""
        filler = self.run.engines.filler
        if filler is None or task.frame is None or not isinstance(filler.spec.size, Native):
            return 0
        return 2 * 12 * min(task.frame.rect.area, filler.spec.size.max_pixels)


def exit_code(summary: Summary, *, strict: bool = False) -> int:
    """0, 1 or 3, as docs/cli.md has it."""
    if summary.faults:
        return 1
    return 3 if summary.failed or (strict and summary.flagged) else 0


def footprint(task: Task) -> int:
    """Bytes that a task holds at its peak: the photo, the frame and the encoder's copy, and masks over it."""
    if task.frame is None or task.info is None:
        return 0
    samples = (3 + task.info.has_alpha + (task.info.mode == "CMYK")) * task.info.bits // 8
    area = task.frame.rect.area
    return (task.info.width * task.info.height + 2 * area) * samples + 4 * area
