"""--report: the page about a run, from the events as they come."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outpaint_cli.commands._report import one_line
from outpaint_cli.remote import redact

if TYPE_CHECKING:
    from outpaint_cli.batch.events import Event, Summary
    from outpaint_cli.batch.session import Batch
    from outpaint_cli.report import Report


@dataclass
class Page:
    """The page of one run; what it says of the model is known once the first output is there."""

    report: Report
    batch: Batch

    def add(self, event: Event) -> None:
        """Take one output in."""
        from outpaint_cli.report import model_facts

        self.report.add(event)
        if event.device:
            self.report.facts["Model"] = model_facts(self.batch.ref, event.harmonizer, event.device)

    def write(self, summary: Summary, stopped: bool) -> None:
        """Write the page, unless nothing was begun. Raises PictureError where it can't be written."""
        try:
            if self.report.entries or not sys.exc_info()[0]:
                self.report.write(summary, stopped)
        finally:
            self.report.close()


def open_page(path: Path | None, batch: Batch) -> Page | None:
    """The page at ``path``, None without one. Raises UsageError before any work where it can't be written."""
    if path is None:
        return None
    from outpaint_cli.report import Report, check_path, machine_facts, settings_facts

    used = {task.source.path: "an input" for task in batch.tasks if task.source.path is not None}
    used |= {task.output: "an output" for task in batch.tasks if task.output is not None}
    title = f"outpaint {command_name()}".strip()
    facts = {
        "Settings": {"command": command_line(), **settings_facts(batch.settings, batch.kind)},
        "Model": {},
        "Machine": machine_facts(),
    }
    return Page(Report(check_path(path, used), title, facts), batch)


def command_name() -> str:
    """The command that runs: extend."""
    return one_line(sys.argv[1]) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""


def command_line() -> str:
    """The command as it was given."""
    return one_line(shlex.join(["outpaint", *map(redact, sys.argv[1:])]))
