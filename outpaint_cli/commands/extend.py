"""outpaint extend: grow photos beyond their borders."""

from __future__ import annotations

from typing import Annotated

import typer

from outpaint_cli.commands import _geometry as g
from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._run import run_command, settle_out

Overlap = Annotated[
    int, o.option("--overlap", help="Pixels inside the photo's edge that may change.", min=0, metavar="N")
]


@shared
def extend(
    ctx: typer.Context,
    common: Common,
    inputs: Inputs = None,
    out: o.Out = None,
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
    overlap: Overlap = 0,
    model: o.Model = "context-encoder",
    harmonize: o.Harmonizer = "auto",
) -> None:
    """Grow photos beyond their borders, to exactly the size asked for."""
    wanted = {"scale": scale, "size": size, "aspect": aspect, "pad": pad, "left": left, "top": top,
              "right": right, "bottom": bottom}  # fmt: skip
    geometry = g.settle(ctx, wanted, anchor, fit, dpi)
    common.settle(ctx)
    where = settle_out(out, inputs, common)
    from outpaint_cli.batch.kinds.extend import Extend

    settings = common.settings(where, model=model, harmonize=harmonize)
    run_command(inputs or [], Extend(geometry, overlap), settings, common)
