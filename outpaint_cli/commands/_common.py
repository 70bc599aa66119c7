"""The options that extend, inpaint and harmonize share, declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outpaint_cli.batch.options import choice, plugin_options
from outpaint_cli.commands import _options as o
from outpaint_cli.commands._report import say
from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import Location, is_url, redact

if TYPE_CHECKING:
    from outpaint_cli.batch.settings import Settings
    from outpaint_cli.plugin import ModelRef

FORMATS = ("keep", "png", "jpg", "webp", "tiff", "avif")

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="Files, folders, globs or URLs (s3://, gs://); - is one picture on standard input.",
    ),
]


@dataclass
class Common:
    """The shared options as they were given; their order is that of --help."""

    preset: o.Preset = None
    guide: o.Guides = field(default_factory=list)
    existing: o.Existing = "skip"
    overwrite: o.Overwrite = False
    recursive: o.Recursive = False
    include: o.Include = field(default_factory=list)
    exclude: o.Exclude = field(default_factory=list)
    from_file: o.FromFile = None
    null: o.Nul = False
    format: o.Format = "keep"
    quality: o.Quality = 95
    strip_metadata: o.Strip = False
    no_provenance: o.NoProvenance = False
    device: o.Device = "auto"
    jobs: o.Jobs = 0
    batch_size: o.BatchSize = 0
    timeout: o.Timeout = None
    shard: o.Shard = "1/1"
    ray: o.Ray = None
    watch: o.Watch = False
    seed: o.Seed = 0
    variants: o.Variants = 1
    option: o.PluginOptions = field(default_factory=list)
    min_score: o.MinScore = None
    strict: o.Strict = False
    report: o.Report = None
    max_pixels: o.MaxPixels = 500_000_000
    onnx_contract: o.OnnxContract = ""
    accept_licence: o.AcceptLicence = False
    offline: o.Offline = False
    dry_run: o.DryRun = False
    fail_fast: o.FailFast = False
    no_input: o.NoInput = False
    quiet: o.Quiet = False
    print0: o.Print0 = False
    as_json: o.Json = False
    verbose: o.Verbose = False

    def __post_init__(self) -> None:
        self._guides_win = False

    def settle(self, ctx: typer.Context) -> None:
        """Of options that exclude each other let those given more directly win. Raises UsageError."""
        self._guides_win = bool(self.guide) and o.rank(ctx, "guide") > o.rank(ctx, "harmonize")
        if o.rank(ctx, "existing") > o.rank(ctx, "overwrite"):
            self.overwrite = False
        if self.print0 and not self.quiet:
            if self.as_json or self.verbose:
                raise UsageError("--print0 goes with neither --json nor --verbose")
            self.quiet = True
        if self.quiet and (self.as_json or self.verbose):
            quiet = o.rank(ctx, "quiet")
            self.as_json = self.as_json and o.rank(ctx, "as_json") >= quiet
            self.verbose = self.verbose and o.rank(ctx, "verbose") >= quiet
            self.quiet = not any(
                on and o.rank(ctx, name) > quiet
                for name, on in (("as_json", self.as_json), ("verbose", self.verbose))
            )
        if self.quiet and (self.as_json or self.verbose):
            raise UsageError("--quiet goes with neither --json nor --verbose")
        if self.null and self.from_file is None and o.on_command_line(ctx, "null"):
            raise UsageError("-0 goes with --from-file")

    def check_offline(self, texts: Iterable[str]) -> None:
        """Raise UsageError for a URL under --offline."""
        for text in texts if self.offline else ():
            if is_url(text):
                raise UsageError(
                    f"{redact(text)} is on the network, which --offline (or HF_HUB_OFFLINE) never touches; drop one"
                )

    def find_model(self, reference: str) -> ModelRef:
        """What --model means; a dry run fetches nothing. Raises ModelError or UsageError."""
        from outpaint_cli import models

        return models.resolve(
            reference,
            offline=self.offline,
            contract=self.onnx_contract,
            accept_licence=self.accept_licence,
            fetch=not self.dry_run,
            note=lambda text: None if self.quiet else say(text),
        )

    def settings(self, out: Location | None, *, model: str = "", harmonize: str) -> Settings:
        """The settings of a run; reads the guides. Raises UsageError."""
        from outpaint_cli.batch.guides import read_guides
        from outpaint_cli.batch.plan import parse_shard
        from outpaint_cli.batch.settings import Settings

        if harmonize == "none" and self._guides_win:
            harmonize = "auto"
        if self.guide and harmonize == "none":
            raise UsageError("--guide goes with a harmonizer, which uses them; drop --harmonize none")
        existing = choice("--existing", self.existing, ("skip", "overwrite", "error"))
        return Settings(
            out=out,
            model=model,
            harmonize=harmonize,
            options=plugin_options(self.option),
            existing="overwrite" if self.overwrite else existing,
            format=choice("--format", self.format, FORMATS),
            quality=self.quality,
            strip_metadata=self.strip_metadata,
            provenance=not self.no_provenance,
            device=self.device,
            jobs=self.jobs,
            batch_size=self.batch_size,
            timeout=self.timeout,
            shard=parse_shard(self.shard),
            ray=self.ray,
            seed=self.seed,
            variants=self.variants,
            min_score=self.min_score,
            score=self.report is not None,
            max_pixels=self.max_pixels,
            fail_fast=self.fail_fast,
            guides=read_guides(self.guide, max_pixels=self.max_pixels),
        )


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter ``common`` is gathered from all options of :class:`Common`."""
    own = inspect.signature(command, eval_str=True).parameters
    hints = inspect.get_annotations(Common, eval_str=True)
    theirs = {
        part.name: inspect.Parameter(
            part.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if part.name in ("guide", "include", "exclude", "option") else part.default,
            annotation=hints[part.name],
        )
        for part in fields(Common)
    }

    def run(**values: Any) -> None:
        common = Common(**{name: values.pop(name) for name in theirs})
        command(**values, common=common)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.values() if p.name != "common"]
    parameters += theirs.values()
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__, run.__name__ = command.__doc__, command.__name__
    return run
