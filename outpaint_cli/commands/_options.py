"""Options that commands share: their names, help, and environment variables (OUTPAINT_<NAME>)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from outpaint_cli.commands import _complete, _configured


def option(*names: str, help: str, env: str | None = None, **more: Any) -> Any:
    """A typer option that also reads OUTPAINT_<NAME>, named after its long form."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = env or "OUTPAINT_" + long.removeprefix("--").replace("-", "_").upper()
    return typer.Option(*names, help=help, envvar=variable, show_envvar=False, **more)


Out = Annotated[
    str | None,  # a path, or a URL: as a Path it would lose a slash
    option(
        "--out",
        "-o",
        help="Folder, file or URL [beside the input, as photo_extended.jpg or dir_extended/].",
        metavar="PATH",
    ),
]
Model = Annotated[
    str,
    option(
        "--model",
        "-m",
        help="A name from 'models list', a file.onnx, or hf://owner/repo[@revision]/file.onnx.",
        metavar="REF",
        autocompletion=_complete.models,
    ),
]
OnnxContract = Annotated[
    str,
    option(
        "--onnx-contract", help="What kind of model a foreign file.onnx is: lama, migan ...", metavar="NAME"
    ),
]
AcceptLicence = Annotated[
    bool, option("--accept-licence", help="Accept the licence of a model that limits its use; said once.")
]
Harmonizer = Annotated[
    str,
    option(
        "--harmonize",
        help="Finish the generated area.",
        metavar="auto|none|NAME",
        autocompletion=_complete.harmonizers,
    ),
]
MaskInvert = Annotated[bool, option("--mask-invert", help="Black is marked, not white.")]
Guides = Annotated[
    list[str],
    option("--guide", help="Another photo of the same place, to take patches from.", metavar="FILE|DIR|GLOB"),
]
Recursive = Annotated[bool, option("--recursive", "-r", help="Sub-folders too, mirrored in the output.")]
Include = Annotated[
    list[str], option("--include", help="Only files that match [all picture types].", metavar="GLOB")
]
Exclude = Annotated[list[str], option("--exclude", help="Not the files that match.", metavar="GLOB")]
Existing = Annotated[
    str,
    option(
        "--existing",
        help="An output that is already there: skip (but redo those made with other settings), overwrite, error.",
        metavar="skip|overwrite|error",
        autocompletion=_complete.among("skip", "overwrite", "error"),
    ),
]
Overwrite = Annotated[bool, option("--overwrite", "-f", help="Short for --existing overwrite.")]
Format = Annotated[
    str,
    option(
        "--format",
        help="The files to write.",
        metavar="keep|png|jpg|webp|tiff|avif",
        autocompletion=_complete.among("keep", "png", "jpg", "webp", "tiff", "avif"),
    ),
]
Quality = Annotated[int, option("--quality", help="Of lossy files, 1 to 100.", min=1, max=100)]
Strip = Annotated[bool, option("--strip-metadata", help="Leave EXIF, ICC and XMP out.")]
Device = Annotated[
    str,
    option(
        "--device",
        help="auto, cpu, cuda or cuda:N.",
        metavar="DEVICE",
        autocompletion=_complete.among("auto", "cpu", "cuda"),
    ),
]
Jobs = Annotated[
    int, option("--jobs", "-j", help="Decode and encode threads [one a core].", min=0, show_default=False)
]
BatchSize = Annotated[
    int,
    option("--batch-size", help="Windows a call of the model [the model's].", min=0, show_default=False),
]
Timeout = Annotated[
    float | None,
    option("--timeout", help="Give a picture up after so many seconds of work.", min=0.001, metavar="S"),
]
Shard = Annotated[str, option("--shard", help="This process's share of the files.", metavar="I/N")]
Ray = Annotated[
    str | None,
    option("--ray", help="Spread the batch over a Ray cluster; local: over this machine.", metavar="ADDRESS"),
]
Watch = Annotated[bool, option("--watch", help="Handle files as they arrive in the folders, until stopped.")]
Seed = Annotated[int, option("--seed", help="Same seed, same output.", min=0)]
Variants = Annotated[int, option("--variants", help="Several variants a photo.", min=1, max=1000)]
PluginOptions = Annotated[
    list[str],
    option(
        "--option",
        "-O",
        help="A plugin's own option.",
        metavar="PLUGIN.OPTION=VALUE",
        autocompletion=_complete.plugin_options,
    ),
]
MinScore = Annotated[
    float | None,
    option("--min-score", help="Flag results whose seam or sharpness is off, 0 to 1.", min=0, max=1),
]
Report = Annotated[
    Path | None,
    option(
        "--report", help="One page with the pictures before and after, scores, failures.", metavar="FILE.html"
    ),
]
NoProvenance = Annotated[
    bool,
    option(
        "--no-provenance", help="Don't say in the XMP that, and by what model and seed, part is generated."
    ),
]
Strict = Annotated[bool, option("--strict", help="Exit code 3 when a result is flagged.")]
Offline = Annotated[
    bool,
    typer.Option("--offline", envvar=["OUTPAINT_OFFLINE", "HF_HUB_OFFLINE"], help="Never touch the network."),
]
DryRun = Annotated[bool, option("--dry-run", "-n", help="Say what would be done.")]
FailFast = Annotated[bool, option("--fail-fast", help="Stop at the first failure.")]
Quiet = Annotated[bool, option("--quiet", "-q", help="Print the outputs' paths only.")]
Print0 = Annotated[bool, option("--print0", help="As -q, but each path ends in NUL, as xargs -0 reads them.")]
NoInput = Annotated[bool, option("--no-input", help="Never wait for something to be typed.")]
Json = Annotated[bool, option("--json", help="One JSON object a line.")]
Verbose = Annotated[bool, option("--verbose", "-v", help="More detail.")]
FromFile = Annotated[
    str | None, option("--from-file", help="Read paths, one a line; - is standard input.", metavar="LIST")
]
Nul = Annotated[
    bool, option("--null", "-0", help="--from-file's paths end in NUL, as find -print0 writes them.")
]
Preset = Annotated[
    str | None,
    option(
        "--preset",
        help="Options by name; see 'config presets'.",
        metavar="NAME",
        autocompletion=_complete.presets,
    ),
]
MaxPixels = Annotated[int, option("--max-pixels", help="Refuse larger pictures and outputs.", min=1)]


def on_command_line(ctx: typer.Context, name: str) -> bool:
    """Whether parameter ``name`` was given on the command line, not by a preset, the environment or a file."""
    return _configured.given(ctx, name)


def rank(ctx: typer.Context, name: str) -> int:
    """How strong the value of parameter ``name`` is: more the more directly it was given, 0 for a default."""
    return _configured.rank(ctx, name)


def loses(ctx: typer.Context, name: str, others: Iterable[str]) -> bool:
    """Whether ``name`` is to give way to ``others``, which exclude it.

    It does where it was not asked for on the command line, itself or by a preset named there, or less
    directly than one of ``others``.
    """
    from outpaint_cli.config import COMMAND_PRESET

    own = rank(ctx, name)
    return own < COMMAND_PRESET or any(own < rank(ctx, other) for other in others)


def without_beaten(ctx: typer.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of options that exclude each other: those given in the strongest way stay, the rest are None."""
    ranks = {name: rank(ctx, name) for name, value in values.items() if value is not None}
    strongest = max(ranks.values(), default=0)
    return {name: value if ranks.get(name) == strongest else None for name, value in values.items()}
