"""Threads that do jobs and can be given up: a job that hangs loses its thread, not the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any


@dataclass(eq=False)
class Job:
    """One call. ``started`` is when it began (perf_counter), 0 before; ``error`` what it raised."""

    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    started: float = 0.0
    abandoned: bool = False
    result: Any = None
    error: BaseException | None = None


class Turn:
    """A place among those that keep the cores busy: taken to work, given back to wait for a disk.

    ``places`` says how many there are; None: as many as want one. Giving back what is not held does nothing, and a
    turn that was given back for good, by :meth:`end`, holds nothing any more: so may a job's that hangs be.
    """

    def __init__(self, places: threading.Semaphore | None = None) -> None:
        self._places = places
        self._held = self._ended = False
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for a place."""
        if self._places is None:
            return
        self._places.acquire()
        with self._lock:
            self._held = not self._ended
        if not self._held:
            self._places.release()

    def give(self) -> None:
        """Give it back."""
        with self._lock:
            held, self._held = self._held, False
        if held and self._places is not None:
            self._places.release()

    def end(self) -> None:
        """Give it back; nothing is taken from here on."""
        with self._lock:
            self._ended = True
        self.give()


@dataclass
class Crew:
    """``size`` daemon threads; every finished job goes to ``done``."""

    size: int
    done: SimpleQueue[Job]
    name: str
    _waiting: SimpleQueue[Job | None] = field(default_factory=SimpleQueue)
    _threads: dict[threading.Thread, Job | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _ in range(self.size):
            self._hire()

    def _hire(self) -> None:
        thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._threads[thread] = None
        thread.start()

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Job:
        """Have ``call(*arguments)`` done when a thread is free."""
        job = Job(call, arguments)
        self._waiting.put(job)
        return job

    def abandon(self, job: Job) -> None:
        """Give up a job that has begun: its thread ends with it, another one takes its place."""
        job.abandoned = True
        self._hire()

    def close(self) -> None:
        """Drop what has not begun, wait for what has, but for jobs that were given up."""
        while True:
            try:
                self._waiting.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._waiting.put(None)
        for thread, job in list(self._threads.items()):
            while thread.is_alive() and not (job and job.abandoned):
                thread.join(0.1)
                job = self._threads.get(thread)

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            job = self._waiting.get()
            if job is None:
                return
            self._threads[me] = job
            job.started = time.perf_counter()
            try:
                job.result = job.call(*job.arguments)
            except BaseException as error:  # told to the run, which knows what to do
                job.error = error
            self.done.put(job)
            if job.abandoned:
                self._threads.pop(me, None)
                return
            del job  # and with it the pictures that it holds
            self._threads[me] = None
