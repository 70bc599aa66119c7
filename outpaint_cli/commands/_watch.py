"""--watch: what arrives in folders is handled until a signal comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from outpaint_cli.commands._common import Common
from outpaint_cli.commands._report import Reporter
from outpaint_cli.commands._signals import stopping
from outpaint_cli.plugin import UsageError

if TYPE_CHECKING:
    from outpaint_cli.batch.events import Event
    from outpaint_cli.batch.kinds import Kind
    from outpaint_cli.batch.settings import Settings


def watch(inputs: list[str], kind: Kind, settings: Settings, common: Common) -> int:
    """Handle what is there and what comes; the exit code once it was stopped. Raises UsageError."""
    from outpaint_cli.batch.events import Summary
    from outpaint_cli.batch.session import open_batch
    from outpaint_cli.batch.watch import Watch, check_folders, watchfiles_module

    if common.from_file is not None or common.dry_run or common.report is not None:
        raise UsageError("--watch goes with neither --from-file nor --dry-run nor --report")
    watchfiles_module()
    folders = check_folders(inputs)
    apart = [settings.out] if isinstance(settings.out, Path) else []
    watched = Watch(folders, common.recursive, common.include, common.exclude, apart)
    started, summary = time.perf_counter(), Summary()
    with stopping() as stop:
        reporter = Reporter(
            0, doing=kind.doing, quiet=common.quiet, as_json=common.as_json, verbose=common.verbose,
            stdout_taken=False, nul=common.print0,
        )  # fmt: skip
        work = open_batch([], kind, settings, find=common.find_model).start(stop, reporter.note)
        reporter.note(f"watching {', '.join(map(str, folders))}; end with Ctrl-C")

        def events() -> Iterator[Event]:
            for sources in watched.batches(stop):
                try:
                    yield from work.run(open_batch(sources, kind, settings, find=common.find_model).tasks)
                except UsageError as error:  # names that clash: said, and the next ones are waited for
                    reporter.message(f"outpaint: {error}")

        for event in events():
            summary.count(event)
            reporter.event(event)
        summary.seconds = time.perf_counter() - started
        reporter.summary(summary, "")
    return stop.exit_code
