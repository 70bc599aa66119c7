"""outpaint convert: a PyTorch checkpoint becomes a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    checkpoint: Annotated[
        Path, typer.Argument(help="A published or own checkpoint (.pt, .pth, .safetensors).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The ONNX file to write.")],
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store weights in half precision: half the size.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", "-f", help="Replace an existing file.")] = False,
) -> None:
    """Turn CHECKPOINT into a self-describing ONNX file, checked against PyTorch.

    The layout is recognised by its keys and shapes. Checkpoints are loaded safely: what could run code is
    refused.
    """
    import sys

    from outpaint_cli import registry
    from outpaint_cli.commands.train import require_torch
    from outpaint_cli.plugin import ModelError, UsageError

    if not checkpoint.is_file():
        raise UsageError(f"{checkpoint}: there is no such checkpoint")
    if out.is_dir() or out.suffix.lower() != ".onnx":
        raise UsageError(f"-o {out}: give the name of an .onnx file")
    if out.exists() and not overwrite:
        raise UsageError(f"{out}: exists already; use --overwrite to replace it")
    require_torch("converting")
    from outpaint_cli.training.reading import load_checkpoint

    loaded = load_checkpoint(checkpoint)
    layouts = [layout for plugin in registry.plugins() for layout in plugin.layouts]
    layout = next((layout for layout in layouts if layout.recognises(loaded)), None)
    if layout is None:
        known = "; ".join(f"{layout.name} ({layout.summary})" for layout in layouts) or "none"
        raise ModelError(f"{checkpoint}: no known checkpoint layout. Known are: {known}")
    difference = layout.convert(loaded, out, fp16)
    print(f"{layout.name}: onnxruntime and PyTorch differ by at most {difference:.2g}", file=sys.stderr)
    typer.echo(out)
