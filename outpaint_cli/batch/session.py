"""A batch that is planned and not begun: what the commands and the Python functions both run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from outpaint_cli import models, registry, runtime
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.events import Event
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.pipeline import Run
from outpaint_cli.batch.plan import make_plan
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.plugin import ModelRef


@dataclass
class Batch:
    """Inputs with their outputs. Iterating does the work and yields an :class:`Event` for each output.

    ``len(batch)`` is the number of outputs. Nothing is loaded before the first photo needs it, and what is
    finished when the iteration is left early stays.
    """

    kind: Kind
    settings: Settings
    ref: ModelRef | None
    tasks: Sequence[Task]
    _cancelled: bool = False

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Event]:
        return self.start().run(self.tasks)

    def planned(self) -> Iterator[Event]:
        """What iterating would do: an event for each output, with status planned, skipped or failed."""
        run = self.start()
        return (run.planned(task) for task in self.tasks)

    def cancel(self) -> None:
        """Begin nothing more; may be called from any thread. The photos in flight are given up."""
        self._cancelled = True

    def start(
        self,
        cancelled: Callable[[], bool] = lambda: False,
        note: Callable[[str], None] = lambda text: None,
        progress: Callable[[str, float, str], None] = lambda name, share, what: None,
    ) -> Run:
        """The run, to be given the tasks; see :class:`outpaint_cli.batch.pipeline.Run`."""
        make: type[Run] = Run
        if self.settings.ray is not None:
            from outpaint_cli.batch.cluster import ClusterRun

            make = ClusterRun
        return make(
            self.settings,
            self.kind,
            self.ref,
            lambda: self._cancelled or cancelled(),
            note,
            progress=progress,
        )


def open_batch(
    sources: Sequence[Source],
    kind: Kind,
    settings: Settings,
    *,
    stdin: bytes | None = None,
    find: Callable[[str], ModelRef] = models.resolve,
) -> Batch:
    """Plan a batch over ``sources``; ``stdin`` is the picture of a source without a path.

    ``find`` says what the model's name means: it may fetch the model.

    Raises UsageError for outputs that clash, ModelError and DeviceError for what is not to be had.
    """
    runtime.check_device(settings.device)
    if settings.harmonize not in ("auto", "none"):
        registry.find_harmonizer(settings.harmonize)
    ref = models.variant(find(settings.model), settings.device, settings.options) if kind.fills else None
    return Batch(kind, settings, ref, make_plan(sources, settings, kind, stdin=stdin))
