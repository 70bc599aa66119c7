"""outpaint models: what there is, fetched, checked, published, removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outpaint_cli.commands import _complete
from outpaint_cli.commands import _options as o
from outpaint_cli.commands._report import say
from outpaint_cli.plugin import ModelError, OutpaintError, UsageError

if TYPE_CHECKING:
    from outpaint_cli.catalogue import Entry
    from outpaint_cli.plugin import OnnxDescription

app = typer.Typer(
    help="List, fetch, check, publish and remove models.", no_args_is_help=True, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line (docs/models.schema.json).")]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME...", help="Names, or hf://owner/repo/file.onnx.", autocompletion=_complete.models
    ),
]
Outputs = Annotated[
    Path | None, typer.Option("--outputs", help="Also what killed runs left in this folder.", metavar="DIR")
]


@app.callback()
def _group() -> None:
    """List, fetch, check, publish and remove models."""


@app.command("list")
def list_models(as_json: Json = False, outputs: Outputs = None) -> None:
    """List the models that --model knows by name, what was fetched, and what outpaint keeps by itself."""
    from outpaint_cli import catalogue

    if outputs is not None and not outputs.is_dir():
        raise UsageError(f"--outputs {outputs}: there is no such folder")
    for entry in catalogue.entries(outputs):
        _print(entry, as_json)


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A name, a file.onnx, or hf://owner/repo/file.onnx.", autocompletion=_complete.models
        ),
    ],
    as_json: Json = False,
) -> None:
    """All that is known of one model. Nothing is fetched; a file is described by what it says of itself."""
    from outpaint_cli import catalogue, runtime

    file = Path(name)
    row = _described(runtime.describe(file), file) if file.is_file() else catalogue.find(name).row()
    if as_json:
        typer.echo(json.dumps(row))
        return
    for key, value in row.items():
        if key != "schema" and value not in (None, "", {}):
            typer.echo(f"{key}: {value}")


@app.command()
def pull(
    names: Names = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every model that has a name; vgg16 too where PyTorch is installed.")
    ] = False,
    accept_licence: o.AcceptLicence = False,
    offline: o.Offline = False,
    as_json: Json = False,
) -> None:
    """Fetch models into the cache and check them, so that they are there without a network.

    Prints the path of each. A model that can't be had doesn't keep the others from being fetched.
    """
    from importlib.util import find_spec

    from outpaint_cli import catalogue, hub, models

    if everything == bool(names):
        raise UsageError("name the models to fetch, or use --all")
    if everything:
        wanted = [e.name for e in catalogue.entries() if e.source == "hub" and e.role == "filler"]
        wanted += [hub.VGG16.name] if find_spec("torch") else []
    else:
        wanted = list(names or ())
    failed: OutpaintError | None = None
    for name in wanted:
        try:
            if name == hub.VGG16.name:
                path, _ = models.card_file(hub.VGG16, offline, accept_licence, note=say)
            else:
                path = models.resolve(name, offline=offline, accept_licence=accept_licence, note=say).path
        except OutpaintError as error:
            if len(wanted) == 1:
                raise
            say(f"outpaint: {error}")
            failed = error
            continue
        if as_json:
            typer.echo(json.dumps(catalogue.find(name).row()))
        elif path is not None:
            typer.echo(str(path))
    if failed is not None:
        raise typer.Exit(failed.exit_code)


@app.command()
def verify(names: Names = None, as_json: Json = False) -> None:
    """Read models whole and compare them with what they should be: those named, or all that are here.

    Touches no network. Exit code 4 where one is damaged, or one that is named is not here.
    """
    from outpaint_cli import catalogue

    if names:
        wanted = [catalogue.find(name) for name in names]
    else:
        wanted = [e for e in catalogue.entries() if e.path is not None and e.role != "kept"]
    bad = 0
    for entry in wanted:
        try:
            fault = catalogue.fault_of(entry)
        except OSError as error:
            fault = f"it can't be read ({(error.strerror or '').lower()})"
        state = "damaged" if fault else "not here" if not entry.cached else "ok"
        bad += state != "ok"
        if as_json:
            typer.echo(json.dumps({"schema": 1, "name": entry.name, "state": state, "error": fault or None}))
        else:
            mend = (
                "install outpaint-cli again"
                if entry.source == "bundled"
                else f"outpaint models pull {entry.name}"
            )
            remedy = "" if state == "ok" else f": {fault}; {mend}" if fault else f": {mend}"
            typer.echo(f"{entry.name}  {state}{remedy}")
    if bad:
        raise typer.Exit(ModelError.exit_code)


@app.command()
def push(
    file: Annotated[Path, typer.Argument(help="The ONNX file.")],
    repo: Annotated[
        str, typer.Argument(help="Your repository on the Hub, owner/name; made if it is not there.")
    ],
    card: Annotated[
        Path | None, typer.Option(help="The model card (README.md); by default made of what the file says.")
    ] = None,
    licence: Annotated[str, typer.Option(help="SPDX name, where the file states none.")] = "",
    private: Annotated[bool, typer.Option("--private", help="Only you can see a new repository.")] = False,
    message: Annotated[str, typer.Option(help="Commit message.")] = "",
    offline: o.Offline = False,
) -> None:
    """Publish a model with its card in your repository on the Hub; needs HF_TOKEN. Prints its reference."""
    import re

    from outpaint_cli import hub
    from outpaint_cli.commands._card import card_of

    if not file.is_file() or file.suffix.lower() != ".onnx":
        raise UsageError(f"{file}: there is no such .onnx file")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        raise UsageError(f"'{repo}' is not owner/name")
    if card is not None and not card.is_file():
        raise UsageError(f"--card {card}: there is no such file")
    if hub.is_offline(offline):
        raise ModelError(f"{file.name} can't be published without the network: leave --offline out")
    try:
        own = card.read_text(encoding="utf-8") if card else None
    except (UnicodeDecodeError, OSError) as error:
        raise UsageError(f"--card {card}: it can't be read as text; save it as UTF-8") from error
    text = card_of(file, repo, licence) if own is None else own
    there = hub.push(file, repo, text, private=private, message=message)
    typer.echo(f"{hub.PREFIX}{there.repo}@{there.revision}/{there.file}")


@app.command()
def rm(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="As 'models list' shows them; singan is all pyramids."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that outpaint fetched or keeps.")] = False,
    outputs: Outputs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be removed.")] = False,
) -> None:
    """Remove what outpaint fetched, or keeps by itself; what other programs fetched into the Hub's cache stays."""
    from outpaint_cli import catalogue
    from outpaint_cli.commands._remove import chosen, remove

    if not (names or everything or outputs):
        raise UsageError("name what to remove as 'models list' shows it, or use --all or --outputs DIR")
    if outputs is not None and not outputs.is_dir():
        raise UsageError(f"--outputs {outputs}: there is no such folder")
    there = list(catalogue.entries(outputs))
    freed = 0
    for entry in chosen(there, names or [], everything, outputs is not None):
        freed += entry.bytes if dry_run else remove(entry)
        typer.echo(f"{'would remove' if dry_run else 'removed'} {entry.name} ({entry.bytes / 1e6:.1f} MB)")
    say(f"{freed / 1e6:.1f} MB {'would be' if dry_run else ''} freed".replace("  ", " "))


# -------------------------------------------------------------------------------------- small parts


def _print(entry: Entry, as_json: bool) -> None:
    typer.echo(json.dumps(entry.row()) if as_json else entry.line())


def _described(description: OnnxDescription, path: Path) -> dict[str, Any]:
    from outpaint_cli import models

    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": models.sha256(path),
        "inputs": {t.name: f"{t.type} {list(t.shape)}" for t in description.inputs},
        "outputs": {t.name: f"{t.type} {list(t.shape)}" for t in description.outputs},
        "metadata": dict(description.metadata),
    }
