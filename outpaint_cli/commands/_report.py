"""What a run prints: results to standard output, progress and messages to standard error."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from outpaint_cli.commands._tally import Tally, one_line

if TYPE_CHECKING:
    from outpaint_cli.batch.events import Event, Summary

__all__ = ["Reporter", "in_order", "one_line", "say"]


def say(text: str) -> None:
    """A message to standard error."""
    print(one_line(text), file=sys.stderr, flush=True)


class Reporter:
    """Prints events as they come: a summary with progress, paths only, JSON lines, or every file."""

    def __init__(
        self,
        total: int,
        *,
        doing: str,
        quiet: bool,
        as_json: bool,
        verbose: bool,
        stdout_taken: bool,
        nul: bool = False,
        paths: bool = True,
    ) -> None:
        self.quiet, self.as_json, self.verbose = quiet, as_json, verbose
        self._out = sys.stderr if stdout_taken else sys.stdout
        self._paths = paths and not stdout_taken
        self._path_end = b"\0" if nul else b"\n"
        self._doing, self._soft = doing, 0
        self._progress: Any = None
        self._bar: Any = None
        self._tally: Tally | None = None
        if not quiet and not as_json and total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._bar = self._progress.add_task(doing, total=total)
            self._progress.start()
            self._tally = Tally()

    def event(self, event: Event) -> None:
        """Tell what became of one output."""
        if self._progress:
            self._progress.update(self._bar, advance=1, description=self._doing)
        self._soft += "mask" in event.info
        if self._tally:
            self._tally.take(event)
        if event.error:
            self.message(f"outpaint: {event.input}: {event.error[1]}")
        if self.as_json:
            print(event.as_json(), file=self._out, flush=True)
            return
        if self.quiet:
            if event.output and event.status in ("ok", "skipped", "planned") and self._paths:
                _print_path(event.output, self._path_end)
            return
        if event.flagged:
            self.message(f"flagged: {event.output}: {event.flagged}")
        if event.status == "planned":
            at = event.source
            where = f", photo at {at.x},{at.y}" if at else ""
            self.message(
                f"{event.input} -> {event.output or 'standard output'} ({event.width}x{event.height}{where})"
            )
        elif self.verbose and event.status == "ok":
            self.message(
                f"{event.input} -> {event.output or 'standard output'} "
                f"({event.width}x{event.height}, {event.seconds:.2f} s)"
            )
        elif self.verbose and event.status == "skipped":
            self.message(f"{event.input}: skipped, {event.info.get('reason', '')}")
        if self.verbose and "mask" in event.info:
            self.message(f"{event.input}: its mask has {event.info['mask']}")
        for note in event.info.get("notes", ()):
            self.message(f"{event.input}: {note}")

    def progress(self, name: str, share: float, what: str) -> None:
        """Beside the bar: how far the long work on one input is; may be called from any thread."""
        progress = self._progress
        if progress:
            told = f"{self._doing} ({os.path.basename(name)}: {what} {share:.0%})"  # noqa: PTH119
            progress.update(self._bar, description=one_line(told))

    def message(self, text: str) -> None:
        """A line to standard error, above the progress bar."""
        if self._progress:
            self._progress.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)
        else:
            say(text)

    def note(self, text: str) -> None:
        """A line that -q leaves out."""
        if not self.quiet:
            self.message(text)

    def close(self) -> None:
        """Take the progress bar away."""
        if self._progress:
            self._progress.stop()
            self._progress = None

    def summary(self, summary: Summary, where: str, hint: str = "") -> None:
        """The end: a line, or on a terminal a table, the failures by message, and ``hint`` where it helps."""
        self.close()
        if self.as_json:
            print(summary.as_json(), file=self._out, flush=True)
            return
        if self.quiet:
            return
        parts = [f"{summary.ok} done"]
        parts += [f"{summary.planned} planned"] if summary.planned else []
        parts += [f"{summary.skipped} skipped"] if summary.skipped else []
        parts += [f"{summary.failed} failed"] if summary.failed else []
        parts += [f"{summary.flagged} flagged"] if summary.flagged else []
        if self._soft and not self.verbose:
            say(f"masks with soft edges, cut at 50 %: {self._soft}")
        if self._tally and self._tally.worth_a_table(summary):
            self._tally.print(summary, where, hint)
            return
        say(f"{', '.join(parts)} in {summary.seconds:.1f} s{where}")


def _print_path(path: str, end: bytes) -> None:
    """A path to standard output, byte for byte as the file system has it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(path) + end)
    sys.stdout.buffer.flush()


def in_order(events: Iterable[Event], outputs: Sequence[str]) -> Iterator[Event]:
    """``events`` in the order of ``outputs``, so that what -q prints does not depend on who was first.

    Failures come at once; an event waits only for outputs before its own.
    """
    waiting, held = deque(outputs), dict[str, "Event | None"]()
    for event in events:
        if event.output is None or event.status == "failed":
            yield event
        if event.output is not None:
            held[event.output] = None if event.status == "failed" else event
        while waiting and waiting[0] in held:
            ready = held.pop(waiting.popleft())
            if ready is not None:
                yield ready
    yield from (event for event in held.values() if event is not None)  # the run was stopped
