"""What a person sees of a run, on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Display:
    """Loss, pictures a second and the time left; ``quiet`` shows nothing (all processes but the first)."""

    def __init__(self, what: str, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = not quiet and sys.stderr.isatty()
        self._what = what
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._loss: float | None = None
        self._rate = 0.0
        self._last = time.monotonic()

    def __enter__(self) -> Display:
        if self.live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (
                TextColumn("[bold]{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("{task.fields[told]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=Console(stderr=True))
            self._progress.start()
            self._task = self._progress.add_task(self._what, total=1.0, told="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    @property
    def rate(self) -> float:
        """Pictures a second, smoothed."""
        return self._rate

    def step(self, number: int, progress: float, loss: float, pictures: int) -> None:
        """After every step: ``progress`` in 0..1, ``pictures`` trained on in it by all processes."""
        now = time.monotonic()
        rate = pictures / max(now - self._last, 1e-6)
        self._last = now
        self._rate = rate if not self._rate else 0.95 * self._rate + 0.05 * rate
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        if self._progress is not None and self._task is not None:
            told = f"step {number}  loss {self._loss:.4f}  {self._rate:.1f} pictures/s"
            self._progress.update(self._task, completed=progress, told=told)

    def pause(self) -> None:
        """Time since the last step was not spent on training."""
        self._last = time.monotonic()

    def say(self, text: str) -> None:
        """One line that stays."""
        if self._progress is not None:
            self._progress.console.print(text, highlight=False)
        elif not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def scores(self, step: int, scores: Mapping[str, Any]) -> None:
        """The line after a validation."""
        told = "  ".join(f"{key} {value:.4g}" for key, value in scores.items())
        self.say(f"step {step}  {told}")
