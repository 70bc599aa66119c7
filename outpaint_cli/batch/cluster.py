"""--ray: the batch spread over a Ray cluster, a pipeline in each worker.

The plan is made here, once. Workers, Ray actors, load the model once each and are handed a few pictures at a
time. What a lost worker had in hand is done by another one.
Inputs and outputs must be reachable under the same paths on all machines.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outpaint_cli.batch.events import Event
from outpaint_cli.batch.pipeline import Run
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.plugin import OutpaintError, PluginError, UsageError

CHUNK = 8
"""Pictures that a worker is handed at a time."""

TRIES = 3
"""How often a picture may be in a worker that is lost."""


@dataclass
class ClusterRun(Run):
    """As :class:`Run`, on a cluster."""

    def run(self, tasks: Sequence[Task], stdout: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        """Do the tasks; yields an event for each, in order of completion."""
        if any(task.output is None and task.error is None for task in tasks):
            raise UsageError("--ray writes files; give -o")
        ray = ray_module()
        started = not ray.is_initialized()
        if started:
            _connect(ray, str(self.settings.ray))
        try:
            yield from _Cluster(self, ray, tasks).events()
        finally:
            if started:
                ray.shutdown()


def ray_module() -> Any:
    """The ray module. Raises UsageError, with the extra to install, where there is none."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise UsageError("--ray needs the extra 'ray': pip install 'outpaint-cli[ray]'") from error
    return ray


def _connect(ray: Any, address: str, **more: Any) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address == "local":  # the workers find the packages where this process does
            paths = os.pathsep.join(path for path in sys.path if path)
            environment = {"env_vars": {"PYTHONPATH": paths}}
            ray.init(include_dashboard=False, runtime_env=environment, **quiet, **more)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())[:160]
        raise UsageError(f"--ray {address}: no cluster can be reached there ({text})") from error


class Worker:
    """One actor: a pipeline that is handed pictures."""

    def __init__(self, settings: Settings, kind: Any, ref: Any) -> None:
        self._stop = threading.Event()
        self._settings, self._kind, self._ref = settings, kind, ref
        self._runs: dict[bool, Run] = {}

    def pid(self) -> int:
        """The process."""
        return os.getpid()

    def stop(self) -> None:
        """Begin nothing more; called while :meth:`do` is at work."""
        self._stop.set()

    def do(self, tasks: Sequence[Task], again: bool) -> list[Event]:
        """An event for each. ``again``: a lost worker may have made them already."""
        if again not in self._runs:
            settings = replace(self._settings, existing="overwrite") if again else self._settings
            self._runs[again] = Run(settings, self._kind, self._ref, self._stop.is_set)
        return list(self._runs[again].run(tasks))


@dataclass
class _Chunk:
    """Pictures for a worker."""

    tasks: list[Task]
    tries: int = 0
    again: bool = False


class _Cluster:
    """Who does what."""

    def __init__(self, run: Run, ray: Any, tasks: Sequence[Task]) -> None:
        self.run, self.ray = run, ray
        self.fresh = {task.output for task in tasks if task.output and not run.delivery.holds(task)}
        self.chunks = deque(_Chunk(list(tasks[at : at + CHUNK])) for at in range(0, len(tasks), CHUNK))
        self.stopped = False
        threads = run.settings.jobs or 1
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0)) if run.settings.device != "cpu" else 0
        count = gpus or int(found.get("CPU", 1)) // threads
        self.count = max(1, min(count, len(self.chunks)))
        settings = replace(run.settings, jobs=threads, shard=(1, 1), ray=None)
        make = ray.remote(max_concurrency=2, num_cpus=threads, num_gpus=1 if gpus else 0)(Worker)
        self.hire: Callable[[], Any] = lambda: make.remote(settings, run.kind, run.ref)
        self.busy: dict[Any, tuple[Any, _Chunk]] = {}  # by what will be the worker's events

    def events(self) -> Iterator[Event]:
        """All of them."""
        idle = [self.hire() for _ in range(self.count)]
        while self.busy or (self.chunks and not self.stopped):
            while idle and self.chunks and not self.stopped:
                self._begin(idle.pop(), self.chunks.popleft())
            done, _ = self.ray.wait(list(self.busy), num_returns=1, timeout=0.5)
            if self.run.cancelled():
                self._halt()
            for reference in done:
                actor, chunk = self.busy.pop(reference)
                try:
                    events = self.ray.get(reference)
                except self.ray.exceptions.RayActorError:
                    idle.append(self.hire())
                    yield from self._lost(chunk)
                    continue
                except self.ray.exceptions.RayTaskError as error:
                    raise _cause(error) from error
                idle.append(actor)
                for event in events:
                    if self.run.settings.fail_fast and event.status == "failed":
                        self._halt()
                    yield event

    def _begin(self, actor: Any, chunk: _Chunk) -> None:
        self.busy[actor.do.remote(chunk.tasks, chunk.again)] = actor, chunk

    def _halt(self) -> None:
        if not self.stopped:
            self.stopped = True
            for actor, _ in self.busy.values():
                actor.stop.remote()

    def _lost(self, chunk: _Chunk) -> Iterator[Event]:
        """What a lost worker had in hand is tried again, each picture by itself the last time."""
        if chunk.tries + 1 >= TRIES:
            error = PluginError("its worker was lost each time, perhaps for want of memory; try it alone")
            for task in chunk.tasks:
                yield self.run.stages.failed(task, error, 0.0)
            return
        for again in (True, False):
            part = [task for task in chunk.tasks if (task.output in self.fresh) == again]
            singly = chunk.tries + 2 >= TRIES  # the last try: one by one, so that one spoils no other
            for tasks in [[task] for task in part] if singly else [part] if part else []:
                self.chunks.append(_Chunk(tasks, chunk.tries + 1, again))


def _cause(error: Any) -> BaseException:
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, OutpaintError) else error
