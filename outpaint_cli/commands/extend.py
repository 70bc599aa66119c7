"""outpaint extend: grow photos beyond their borders."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._report import Reporter
from outpaint_cli.commands._signals import stopping
from outpaint_cli.frame import ANCHORS, parse_geometry
from outpaint_cli.plugin import UsageError

if TYPE_CHECKING:
    from outpaint_cli.batch.discover import Source
    from outpaint_cli.batch.plan import Settings

HARMONIZE = "auto"
FORMATS = ("keep", "png", "jpg", "webp", "tiff", "avif")


def extend(
    ctx: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...", help="Files, folders or globs; - is one picture on standard input."
        ),
    ] = None,
    out: o.Out = None,
    scale: Annotated[float | None, o.option("--scale", help="Both sides times F [1.5].", metavar="F")] = None,
    size: Annotated[str | None, o.option("--size", help="Exactly that output.", metavar="WxH")] = None,
    aspect: Annotated[
        str | None,
        o.option("--aspect", help="The smallest frame of that shape around the photo.", metavar="W:H"),
    ] = None,
    pad: Annotated[
        str | None,
        o.option("--pad", help="Pixels or percent on all sides, or on each.", metavar="N|P%|L,T,R,B"),
    ] = None,
    left: Annotated[str | None, o.option("--left", help="Pixels or percent.", metavar="N|P%")] = None,
    top: Annotated[str | None, o.option("--top", help="Pixels or percent.", metavar="N|P%")] = None,
    right: Annotated[str | None, o.option("--right", help="Pixels or percent.", metavar="N|P%")] = None,
    bottom: Annotated[str | None, o.option("--bottom", help="Pixels or percent.", metavar="N|P%")] = None,
    anchor: Annotated[
        str | None, o.option("--anchor", help=f"Where the photo sits: {', '.join(ANCHORS)}.", metavar="WHERE")
    ] = None,
    fit: Annotated[
        str | None,
        o.option(
            "--fit", help="A photo larger than --size: error [default] or shrink.", metavar="error|shrink"
        ),
    ] = None,
    overlap: Annotated[
        int, o.option("--overlap", help="Pixels inside the photo's edge that may change.", min=0, metavar="N")
    ] = 0,
    model: o.Model = "context-encoder",
    harmonize: Annotated[
        str, o.option("--harmonize", help="Finish the generated area.", metavar="auto|none|NAME")
    ] = HARMONIZE,
    existing: o.Existing = "skip",
    overwrite: o.Overwrite = False,
    recursive: o.Recursive = False,
    include: o.Include = [],  # noqa: B006 - typer copies it
    exclude: o.Exclude = [],  # noqa: B006
    from_file: o.FromFile = None,
    null: o.Nul = False,
    format: o.Format = "keep",
    quality: o.Quality = 95,
    strip_metadata: o.Strip = False,
    device: o.Device = "auto",
    jobs: o.Jobs = 0,
    shard: o.Shard = "1/1",
    seed: o.Seed = 0,
    variants: o.Variants = 1,
    option: o.PluginOptions = [],  # noqa: B006
    min_score: o.MinScore = None,
    strict: o.Strict = False,
    max_pixels: o.MaxPixels = 500_000_000,
    offline: o.Offline = False,
    dry_run: o.DryRun = False,
    fail_fast: o.FailFast = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Grow photos beyond their borders, to exactly the size asked for."""
    asked = o.without_beaten(
        ctx,
        {"scale": scale, "size": size, "aspect": aspect, "pad": pad, "left": left, "top": top, "right": right,
         "bottom": bottom},
    )  # fmt: skip
    if o.from_environment(ctx, "anchor") and any(
        asked[name] is not None for name in ("pad", "left", "top", "right", "bottom")
    ):
        anchor = None
    if o.from_environment(ctx, "fit") and asked["size"] is None:
        fit = None
    geometry = parse_geometry(**asked, anchor=anchor, fit=fit)
    if o.on_command_line(ctx, "existing") and o.from_environment(ctx, "overwrite"):
        overwrite = False
    if quiet and (as_json or verbose):
        if o.on_command_line(ctx, "quiet"):
            as_json = as_json and o.on_command_line(ctx, "as_json")
            verbose = verbose and o.on_command_line(ctx, "verbose")
        elif o.on_command_line(ctx, "as_json") or o.on_command_line(ctx, "verbose"):
            quiet = False
    if quiet and (as_json or verbose):
        raise UsageError("--quiet goes with neither --json nor --verbose")
    if null and from_file is None and o.on_command_line(ctx, "null"):
        raise UsageError("-0 goes with --from-file")
    if out is not None and str(out) == "-":
        if inputs != ["-"]:
            raise UsageError("-o - (standard output) goes with the input - alone; name a file or a folder")
        out = None
    from outpaint_cli.batch.plan import Settings, parse_shard

    settings = Settings(
        geometry=geometry,
        out=out,
        model=model,
        harmonize=harmonize,
        options=o.plugin_options(option),
        overlap=overlap,
        existing="overwrite"
        if overwrite
        else o.choice("--existing", existing, ("skip", "overwrite", "error")),
        format=o.choice("--format", format, FORMATS),
        quality=quality,
        strip_metadata=strip_metadata,
        device=device,
        jobs=jobs,
        shard=parse_shard(shard),
        seed=seed,
        variants=variants,
        min_score=min_score,
        max_pixels=max_pixels,
        fail_fast=fail_fast,
    )
    sources, stdin = _sources(inputs or [], from_file, null, settings, recursive, include, exclude)
    code = run(sources, stdin, settings, dry_run, strict, quiet, as_json, verbose)
    raise typer.Exit(code)


def _sources(
    inputs: list[str],
    from_file: str | None,
    null: bool,
    settings: Settings,
    recursive: bool,
    include: list[str],
    exclude: list[str],
) -> tuple[list[Source], bytes | None]:
    from pathlib import Path

    from outpaint_cli.batch.discover import discover, read_list

    if not inputs and from_file is None:
        raise UsageError("nothing to extend: name files or folders, or use --from-file")
    if "-" in inputs and (len(inputs) > 1 or from_file is not None):
        raise UsageError("- (one picture on standard input) goes with no other input")
    if "-" in inputs and settings.variants > 1 and settings.out is None:
        raise UsageError("several variants can't go to standard output; give -o")
    listed: list[str] = []
    if from_file is not None:
        try:
            text = sys.stdin.buffer.read() if from_file == "-" else Path(from_file).read_bytes()
        except OSError as error:
            raise UsageError(
                f"--from-file {from_file}: can't be read ({(error.strerror or '').lower()})"
            ) from error
        listed = read_list(text, null)
    sources = discover(
        inputs, listed=listed, recursive=recursive, include=include, exclude=exclude, skip=settings.out
    )
    stdin = sys.stdin.buffer.read() if "-" in inputs else None
    return sources, stdin


def run(
    sources: list[Source],
    stdin: bytes | None,
    settings: Settings,
    dry_run: bool,
    strict: bool,
    quiet: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Plan and run; the exit code."""
    from outpaint_cli import models, registry, runtime
    from outpaint_cli.batch.events import Summary
    from outpaint_cli.batch.pipeline import Run, exit_code
    from outpaint_cli.batch.plan import make_plan

    started = time.perf_counter()
    stdout_taken = stdin is not None and settings.out is None
    if stdout_taken and as_json:
        raise UsageError("--json and a picture can't share standard output; give -o")
    runtime.check_device(settings.device)
    if settings.harmonize not in ("auto", "none"):
        registry.find_harmonizer(settings.harmonize)
    ref = models.resolve(settings.model)
    tasks = make_plan(sources, settings, stdin=stdin)
    summary = Summary()
    with stopping() as stop:
        reporter = Reporter(
            len(tasks), quiet=quiet, as_json=as_json, verbose=verbose, stdout_taken=stdout_taken
        )
        work = Run(settings, ref, stop, reporter.note)

        def write_stdout(data: bytes) -> None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

        try:
            if not tasks:
                reporter.note("outpaint: no pictures found")
            if dry_run:
                events = iter([work.planned(task) for task in tasks])
            else:
                events = work.run(tasks, write_stdout if stdout_taken else None)
            device_said = settings.device != "auto" or dry_run or as_json
            for event in events:
                summary.count(event)
                reporter.event(event)
                if not device_said and event.device:
                    reporter.note(f"device: {event.device}")
                    device_said = True
        finally:
            reporter.close()
        summary.seconds = time.perf_counter() - started
        where = f" -> {_where(settings, tasks)}" if summary.ok and _where(settings, tasks) else ""
        reporter.summary(summary, where)
    return stop.exit_code or exit_code(summary, strict=strict)


def _where(settings: Settings, tasks: list) -> str:  # type: ignore[type-arg]
    folders = {str(task.folder) for task in tasks if task.folder is not None}
    return folders.pop() if len(folders) == 1 else ""
