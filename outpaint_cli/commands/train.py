"""outpaint train: train a network on a folder of photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from outpaint_cli.commands._complete import networks

if TYPE_CHECKING:
    from outpaint_cli.training.material import MakeTask
    from outpaint_cli.training.photos import Progress


def train(
    network: Annotated[
        str, typer.Argument(help="What to train, e.g. context-encoder.", autocompletion=networks)
    ],
    photos: Annotated[Path, typer.Argument(help="Folder of photos, sub-folders included.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Run folder; a run that is already there goes on.")
    ] = Path("outpaint-run"),
    steps: Annotated[int | None, typer.Option(help="How many steps; the run repeats bit for bit.")] = None,
    minutes: Annotated[float | None, typer.Option(help="How many minutes of training instead.")] = None,
    loss: Annotated[str, typer.Option(help="Which loss; the network names its own.")] = "",
    init: Annotated[
        Path | None,
        typer.Option(help="Start from these weights: .safetensors or .pt; context-encoder from .onnx, too."),
    ] = None,
    perceptual: Annotated[
        Path | None,
        typer.Option(help="Feature network (safetensors: VGG16 or MobileNetV2); default VGG16 from the Hub."),
    ] = None,
    validate: Annotated[
        Path | None, typer.Option(help="Photos to validate on; by default some are held out.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Pictures a step and process; 0 is the network's choice.")] = 0,
    lr: Annotated[float | None, typer.Option(help="Learning rate; default the network's choice.")] = None,
    precision: Annotated[str, typer.Option(help="auto (a probe decides), fp32 or bf16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 0,
    threads: Annotated[
        int, typer.Option(help="CPU threads; 0 is one a core. On a busy machine fewer are faster.")
    ] = 0,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            help="PREFIX=SHARE[@START]: paths so named are at most this share of the pictures drawn."
        ),
    ] = None,
    save_every: Annotated[int, typer.Option(help="Save every so many steps; 0 every few minutes.")] = 0,
    cache: Annotated[Path | None, typer.Option(help="Where shrunken photos are kept.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-O", help="plugin.option=value: a plugin's own option.")
    ] = None,
) -> None:
    """Train NETWORK on PHOTOS. The run folder gets model.onnx, metrics, sample sheets and the state to go on.

    For several GPUs start it with `accelerate launch --num_processes N $(which outpaint) train ...`.
    """
    from outpaint_cli.plugin import UsageError
    from outpaint_cli.training.options import Cap, TrainOptions

    own: dict[str, str] = {}
    for text in option or []:
        name, equals, value = text.partition("=")
        plugin, dot, key = name.partition(".")
        if not (equals and dot and key):
            raise UsageError(f"-O '{text}' is not plugin.option=value")
        if plugin == network:
            own[key] = value
    make_task = find_trainer(network)
    options = TrainOptions(
        network=network, photos=photos, out=out, steps=steps, minutes=minutes, batch=batch, lr=lr, loss=loss,
        init=init, perceptual=str(perceptual or ""), validate=validate, precision=precision, device=device,
        seed=seed, threads=threads, save_every=save_every, cache=cache, offline=offline,
        caps=[Cap.parse(text) for text in cap or []], own=own,
    )  # fmt: skip
    require_torch("training")
    from outpaint_cli.training.material import run

    typer.echo(run(options, make_task, progress=_told()))


def find_trainer(network: str) -> MakeTask:
    """The trainer that a plugin offers under this name. Raises UsageError with the names there are."""
    from outpaint_cli import registry
    from outpaint_cli.plugin import UsageError

    trainers = {name: make for plugin in registry.plugins() for name, make in plugin.trainers.items()}
    if network not in trainers:
        known = ", ".join(sorted(trainers)) or "none is installed"
        raise UsageError(f"there is no network '{network}' to train: {known}")
    return trainers[network]


def require_torch(what: str) -> None:
    """Raise ModelError with the extra to install where PyTorch is missing."""
    from importlib.util import find_spec

    from outpaint_cli.plugin import ModelError

    for module in ("torch", "safetensors", "onnx", "onnxscript"):
        if find_spec(module) is None:
            raise ModelError(
                f"{what} needs {module}: install the extra 'torch', pip install 'outpaint-cli[torch]'"
            )


def _told() -> Progress:
    """A progress callback that says on a terminal how far the photos are read."""
    import sys

    def progress(share: float, what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{what} {share:4.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)

    return progress
