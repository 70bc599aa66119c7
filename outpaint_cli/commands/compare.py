"""outpaint compare: the same photos by several models, on contact sheets and on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outpaint_cli.commands import _geometry as g
from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._complete import contenders
from outpaint_cli.plugin import UsageError

Models = Annotated[
    list[str] | None,
    o.option(
        "--model",
        "-m",
        help="A model, or MODEL,HARMONIZER (none for its bare guess); give two or more.",
        metavar="REF[,NAME]",
        autocompletion=contenders,
    ),
]
Out = Annotated[
    Path | None,
    o.option("--out", "-o", help="Folder [beside the input, as photos_compared/].", metavar="FOLDER"),
]
PerSheet = Annotated[int, o.option("--per-sheet", help="Photos on a contact sheet.", min=1, max=200)]


@shared
def compare(
    ctx: typer.Context,
    common: Common,
    inputs: Inputs = None,
    out: Out = None,
    models: Models = None,
    per_sheet: PerSheet = 12,
    scale: g.Scale = None,
    size: g.Size = None,
    aspect: g.Aspect = None,
    pad: g.Pad = None,
    left: g.Left = None,
    top: g.Top = None,
    right: g.Right = None,
    bottom: g.Bottom = None,
    dpi: g.Dpi = None,
    anchor: g.Anchor = None,
    fit: g.Fit = None,
) -> None:
    """Extend photos by several models: contact sheets (PNG), and a page with a column a model.

    FOLDER gets a folder of outputs for each model, sheet-1.png and so on, and index.html (or --report's file).
    """
    if not models:
        raise UsageError("say with -m which models: outpaint compare photos -m context-encoder -m reflect")
    if common.variants > 1:
        raise UsageError(
            "--variants has no meaning in a comparison; compare runs with another --seed instead"
        )
    wanted = {"scale": scale, "size": size, "aspect": aspect, "pad": pad, "left": left, "top": top,
              "right": right, "bottom": bottom}  # fmt: skip
    geometry = g.settle(ctx, wanted, anchor, fit, dpi)
    common.settle(ctx)
    from outpaint_cli.batch.kinds.extend import Extend
    from outpaint_cli.commands._compare import compare_command

    compare_command(inputs or [], models, out, Extend(geometry), common, per_sheet)
