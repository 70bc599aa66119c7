"""The end of a run on a terminal: a table of what was done, and the failures grouped by message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outpaint_cli.remote import redact

if TYPE_CHECKING:
    from outpaint_cli.batch.events import Event, Summary

NAMES = 5
"""Inputs named under a message; the others are counted."""


def one_line(text: str) -> str:
    """``text`` without line breaks, control characters or what is secret in a URL: a message of one line."""
    text = redact(text)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


@dataclass
class Tally:
    """What the events of a run said; ``failures`` are inputs by message."""

    failures: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    harmonizers: dict[str, None] = field(default_factory=dict)
    devices: dict[str, None] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take one output in."""
        if event.error:
            self.failures.setdefault(event.error[1], []).append(event.input)
        if event.status == "ok":
            told = (
                (self.models, event.model),
                (self.harmonizers, event.harmonizer),
                (self.devices, event.device),
            )
            for names, name in told:
                if name and name != "none":
                    names[name] = None

    def worth_a_table(self, summary: Summary) -> bool:
        """One picture gets a line."""
        return summary.ok + summary.skipped + summary.failed > 1 and not summary.planned

    def print(self, summary: Summary, where: str, hint: str) -> None:
        """To standard error."""
        from rich.console import Console
        from rich.table import Table

        console = Console(stderr=True, highlight=False)

        def line(text: str, style: str = "") -> None:
            console.print(one_line(text), style=style, markup=False, soft_wrap=True)

        self._failures(line)
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column("done", justify="right")
        cells = [str(summary.ok)]
        counts = [("skipped", summary.skipped, "dim"), ("failed", summary.failed, "red")]
        counts.append(("flagged", summary.flagged, "yellow"))
        for name, count, style in counts:
            if count:
                table.add_column(name, justify="right", style=style)
                cells.append(str(count))
        table.add_column("time", justify="right")
        cells.append(duration(summary.seconds))
        if summary.ok and summary.seconds > 0:
            table.add_column("each", justify="right")
            cells.append(f"{summary.seconds / summary.ok:.2f} s")
        for title, names in (
            ("model", self.models),
            ("harmonizer", self.harmonizers),
            ("device", self.devices),
        ):
            if names:
                table.add_column(title)
                cells.append(", ".join(names))
        table.add_row(*cells)
        console.print(table)
        if where:
            line(where.strip())
        if hint and (summary.failed or summary.flagged or summary.ok >= 5 or hint.startswith("report:")):
            line(hint, "dim")

    def _failures(self, line: Callable[..., None]) -> None:
        """Only where there are several: one was told already."""
        if sum(map(len, self.failures.values())) < 2:
            return
        for message, inputs in sorted(self.failures.items(), key=lambda item: -len(item[1])):
            line(f"{len(inputs)} failed: {message}", "red")
            more = len(inputs) - NAMES
            line("    " + ", ".join(inputs[:NAMES]) + (f" and {more} more" if more > 0 else ""))


def duration(seconds: float) -> str:
    """4.2 s, 3 min 5 s, 2 h 3 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
