"""Inputs in, events out: what extend, inpaint and harmonize do with their settings."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outpaint_cli.commands._common import Common
from outpaint_cli.commands._report import Reporter, in_order, say
from outpaint_cli.commands._signals import stopping
from outpaint_cli.commands._stderr import own_stderr
from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import Location, location

if TYPE_CHECKING:
    from outpaint_cli.batch.discover import Source
    from outpaint_cli.batch.kinds import Kind
    from outpaint_cli.batch.settings import Settings, Task
    from outpaint_cli.commands._page import Page


def run_command(
    inputs: list[str],
    kind: Kind,
    settings: Settings,
    common: Common,
    masks: Location | None = None,
) -> None:
    """Find the inputs, plan, run, and exit with the code that docs/cli.md promises.

    ``masks`` is a file or folder that is no input. Raises UsageError, and ModelError or DeviceError.
    """
    if common.watch:
        from outpaint_cli.commands._watch import watch

        with own_stderr():
            code = watch(inputs, kind, settings, common)
        raise typer.Exit(code)
    sources, stdin = find_sources(inputs, settings, common, kind.verb, masks)
    with own_stderr():
        code = run(sources, stdin, kind, settings, common)
    raise typer.Exit(code)


def settle_out(
    out: str | None, inputs: list[str] | None, common: Common, mask: str | None = None
) -> Location | None:
    """The folder, file or URL that -o names; None for ``-o -``, standard output, as without -o for the input ``-``.

    Raises UsageError for ``-o -`` with other inputs, and for URLs under --offline.
    """
    common.check_offline([*(inputs or []), out or "", mask or "", *common.guide])
    if out == "-":
        if inputs != ["-"]:
            raise UsageError("-o - (standard output) goes with the input - alone; name a file or a folder")
        return None
    return None if out is None else location(out)


def find_sources(
    inputs: list[str], settings: Settings, common: Common, verb: str, masks: Location | None
) -> tuple[list[Source], bytes | None]:
    """The inputs, and what standard input holds where it is one. Raises UsageError."""
    from outpaint_cli.batch.discover import discover, read_list

    if not inputs and common.from_file is None:
        raise UsageError("no input: name files or folders, or use --from-file")
    if "-" in inputs and (len(inputs) > 1 or common.from_file is not None):
        raise UsageError("- (one picture on standard input) goes with no other input")
    if "-" in inputs and settings.variants > 1 and settings.out is None:
        raise UsageError("several variants can't go to standard output; give -o")
    if "-" in inputs and sys.stdin.isatty():
        raise UsageError(
            "a picture can't be typed: redirect one, as in outpaint extend - < photo.jpg > wide.jpg"
        )
    listed: list[str] = []
    if common.from_file is not None:
        name = common.from_file
        if name == "-" and sys.stdin.isatty():
            if common.no_input:
                raise UsageError(
                    "--from-file - would wait for paths to be typed; pipe them in, or drop --no-input"
                )
            say("outpaint: reading paths from the terminal, one a line; end with Ctrl-D")
        try:
            text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise UsageError(
                f"--from-file {name}: can't be read ({(error.strerror or '').lower()})"
            ) from error
        listed = read_list(text, common.null)
        common.check_offline(listed)
    sources = discover(
        inputs,
        listed=listed,
        recursive=common.recursive,
        include=common.include,
        exclude=common.exclude,
        skip=[path for path in (settings.out, masks) if path is not None],
    )
    stdin = sys.stdin.buffer.read() if "-" in inputs else None
    return sources, stdin


def run(sources: list[Source], stdin: bytes | None, kind: Kind, settings: Settings, common: Common) -> int:
    """Plan and run; the exit code."""
    from outpaint_cli.batch.events import Summary
    from outpaint_cli.batch.machine import few_heaps
    from outpaint_cli.batch.pipeline import exit_code
    from outpaint_cli.batch.session import open_batch
    from outpaint_cli.commands._page import open_page

    started = time.perf_counter()
    stdout_taken = stdin is not None and settings.out is None
    if stdout_taken and common.as_json:
        raise UsageError("--json and a picture can't share standard output; give -o")
    few_heaps()
    batch = open_batch(sources, kind, settings, stdin=stdin, find=common.find_model)
    tasks = batch.tasks
    page = open_page(common.report, batch) if not common.dry_run else None
    summary = Summary()
    with stopping() as stop:
        reporter = Reporter(
            len(tasks),
            doing=kind.doing,
            quiet=common.quiet,
            as_json=common.as_json,
            verbose=common.verbose,
            stdout_taken=stdout_taken,
            nul=common.print0,
        )
        work = batch.start(stop, reporter.note, reporter.progress)

        def write_stdout(data: bytes) -> None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

        try:
            if not tasks:
                reporter.note("outpaint: no pictures found")
            if common.dry_run:
                events = iter([work.planned(task) for task in tasks])
            else:
                events = work.run(tasks, write_stdout if stdout_taken else None)
            if common.quiet:
                events = in_order(events, [str(task.output) for task in tasks if task.output])
            device_said = settings.device != "auto" or common.dry_run or common.as_json
            for event in events:
                summary.count(event)
                reporter.event(event)
                if page:
                    page.add(event)
                if not device_said and event.device:
                    reporter.note(f"device: {event.device}")
                    device_said = True
        finally:
            reporter.close()
            summary.seconds = time.perf_counter() - started
            if page:
                page.write(summary, stopped=bool(stop.exit_code))
        folder = _where(tasks)
        reporter.summary(summary, f" -> {folder}" if summary.ok and folder else "", hint(common, page))
    code = stop.exit_code or exit_code(summary, strict=common.strict)
    if work.hung:  # a plugin's thread that never comes back would hold this process, or crash its end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def hint(common: Common, page: Page | None) -> str:
    """What to look at next."""
    if page:
        return f"report: {page.report.path}"
    return "" if common.dry_run else "--report report.html shows photos and results side by side"


def _where(tasks: Sequence[Task]) -> str:
    """The one output, or the one folder of them all."""
    if len(tasks) == 1:
        return str(tasks[0].output or "")
    folders = {str(task.folder) for task in tasks if task.folder is not None}
    return folders.pop() if len(folders) == 1 else ""
