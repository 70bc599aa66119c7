"""A comparison: one batch a model over the same inputs, then contact sheets and the page."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import typer

from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.pipeline import exit_code
from outpaint_cli.batch.session import Batch, open_batch
from outpaint_cli.batch.settings import Settings
from outpaint_cli.commands._common import Common
from outpaint_cli.commands._page import command_line
from outpaint_cli.commands._report import Reporter
from outpaint_cli.commands._run import find_sources
from outpaint_cli.commands._signals import Stop, stopping
from outpaint_cli.plugin import OutpaintError, UsageError
from outpaint_cli.remote import local_only
from outpaint_cli.report import (
    Column,
    Report,
    SheetRow,
    Shot,
    Shots,
    check_path,
    contact_sheets,
    machine_facts,
    model_facts,
    settings_facts,
)


@dataclass
class Contender:
    """A model with its harmonizer: ``label`` on the page, ``folder`` under the output folder."""

    label: str
    folder: str
    model: str
    harmonize: str
    events: dict[str, Event] = field(default_factory=dict)


def parse_contenders(texts: Sequence[str]) -> list[Contender]:
    """``REF`` or ``REF,HARMONIZER`` each. Raises UsageError for what is empty or given twice."""
    found: list[Contender] = []
    for text in texts:
        reference, comma, harmonizer = text.rpartition(",")
        if not comma:
            reference, harmonizer = text, "auto"
        if not reference or not harmonizer:
            raise UsageError(f"-m '{text}' is not MODEL or MODEL,HARMONIZER, as in pconv,singan")
        name = Path(reference).stem if reference.endswith(".onnx") else reference
        label = name if harmonizer == "auto" else f"{name}, {harmonizer}"
        folder = re.sub(r"[^\w+-]+", "_", label.replace(", ", "+"))
        if any((one.model, one.harmonize) == (reference, harmonizer) for one in found):
            raise UsageError(f"-m {text} is given twice")
        same = sum(one.folder == folder or one.folder.startswith(f"{folder}-") for one in found)
        if same:
            label, folder = f"{label} ({same + 1})", f"{folder}-{same + 1}"
        found.append(Contender(label, folder, reference, harmonizer))
    return found


def compare_command(
    inputs: list[str], texts: Sequence[str], out: Path | None, kind: Kind, common: Common, per_sheet: int
) -> None:
    """Do it, and exit with the code that docs/cli.md promises. Raises OutpaintError as extend does."""
    if common.watch:
        raise UsageError("--watch has no end to compare at; run compare again instead")
    if "-" in inputs:
        raise UsageError("- (standard input) can't be compared; name files or folders")
    local_only("compare", *inputs, *([out] if out else []))
    contenders = parse_contenders(texts)
    out = out or default_out(inputs)
    if out.exists() and not out.is_dir():
        raise UsageError(f"-o {out} is a file; name a folder")
    settings = replace(common.settings(out, harmonize="auto"), score=True)
    sources, _ = find_sources(inputs, settings, common, kind.verb, None)
    batches = [
        open_batch(sources, kind, with_contender(settings, out, one), find=common.find_model)
        for one in contenders
    ]
    raise typer.Exit(Comparison(contenders, batches, out, kind, settings, common, per_sheet).run())


def default_out(inputs: Sequence[str]) -> Path:
    """``photos_compared`` beside the only input, else ``compared`` here."""
    if len(inputs) != 1 or any(c in inputs[0] for c in "*?["):
        return Path("compared")
    path = Path(inputs[0])
    path = path if path.name not in ("", "..") else path.resolve()
    return path.with_name(f"{path.name if path.is_dir() else path.stem}_compared")


def with_contender(settings: Settings, out: Path, one: Contender) -> Settings:
    """The settings of one model's batch."""
    return replace(settings, out=out / one.folder, model=one.model, harmonize=one.harmonize)


@dataclass
class Comparison:
    """The batches, one a contender, and what comes of them."""

    contenders: Sequence[Contender]
    batches: Sequence[Batch]
    out: Path
    kind: Kind
    settings: Settings
    common: Common
    per_sheet: int
    summary: Summary = field(default_factory=Summary)

    def run(self) -> int:
        """The exit code."""
        common, started = self.common, time.perf_counter()
        report = None if common.dry_run else self._report()
        with stopping() as stop:
            total = sum(len(batch) for batch in self.batches)
            reporter = Reporter(
                total, doing="comparing", quiet=common.quiet, as_json=common.as_json, verbose=common.verbose,
                stdout_taken=False, paths=False,
            )  # fmt: skip
            try:
                if not total:
                    reporter.note("outpaint: no pictures found")
                for column, batch in enumerate(self.batches):
                    self._batch(column, batch, stop, reporter, report)
            finally:
                reporter.close()
                self.summary.seconds = time.perf_counter() - started
                if report:
                    self._write(report, bool(stop.exit_code))
            reporter.summary(self.summary, f" -> {self.out}" if self.summary.ok else "")
            if report and not common.as_json:
                self._tell([report.path, *self._sheets()])
            elif report:
                self._sheets()
        return stop.exit_code or exit_code(self.summary, strict=common.strict)

    def _report(self) -> Report:
        tasks = [task for batch in self.batches for task in batch.tasks]
        used = {task.source.path: "an input" for task in tasks if task.source.path is not None}
        path = check_path(self.common.report or self.out / "index.html", used)
        facts = {"Settings": {"command": command_line(), **settings_facts(self.settings, self.kind)}}
        return Report(path, "outpaint compare", facts, [Column(one.label) for one in self.contenders])

    def _batch(
        self, column: int, batch: Batch, stop: Stop, reporter: Reporter, report: Report | None
    ) -> None:
        """One model's turn."""
        if stop():
            return
        one = self.contenders[column]
        work = batch.start(stop, reporter.note, reporter.progress)
        planned = (work.planned(task) for task in batch.tasks)
        for event in planned if self.common.dry_run else work.run(batch.tasks):
            self.summary.count(event)
            reporter.event(event)
            one.events[event.input] = event
            if report:
                report.add(event, column)
                report.facts[one.label] = model_facts(batch.ref, event.harmonizer, event.device)

    def _write(self, report: Report, stopped: bool) -> None:
        try:
            report.facts["Machine"] = machine_facts()
            order = {name: number for number, name in enumerate(self._names())}
            report.entries.sort(key=lambda entry: (order.get(entry.event.input, 0), entry.column))
            if report.entries or not sys.exc_info()[0]:
                report.write(self.summary, stopped)
        finally:
            report.close()

    def _sheets(self) -> list[Path]:
        shots, begun = Shots(), {name for one in self.contenders for name in one.events}
        rows: list[Callable[[], SheetRow]] = [
            partial(self._row, shots, name) for name in self._names() if name in begun
        ]
        return contact_sheets(self.out, [one.label for one in self.contenders], rows, self.per_sheet)

    def _names(self) -> list[str]:
        """The inputs, as they were found."""
        return [task.name for task in self.batches[0].tasks]

    def _row(self, shots: Shots, name: str) -> SheetRow:
        return SheetRow(Path(name).name, [shot(shots, one.events.get(name)) for one in self.contenders])

    def _tell(self, paths: Sequence[Path]) -> None:
        """The page and the sheets on standard output."""
        sys.stdout.flush()
        for path in paths:
            sys.stdout.buffer.write(os.fsencode(path) + (b"\0" if self.common.print0 else b"\n"))
        sys.stdout.buffer.flush()


def shot(shots: Shots, event: Event | None) -> Shot | str:
    """A model's picture small, or why there is none."""
    if event is None or event.output is None:
        return "not done"
    if event.error:
        return "failed"
    try:
        return shots.shot(Path(event.input), Path(event.output), event.source)
    except OutpaintError as error:
        return str(error)
