"""outpaint extend: grow photos beyond their borders."""

from __future__ import annotations

from typing import Annotated

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._complete import among
from outpaint_cli.commands._run import run_command, settle_out
from outpaint_cli.frame import ANCHORS, parse_geometry, printed


@shared
def extend(
    ctx: typer.Context,
    common: Common,
    inputs: Inputs = None,
    out: o.Out = None,
    scale: Annotated[float | None, o.option("--scale", help="Both sides times F [1.5].", metavar="F")] = None,
    size: Annotated[str | None, o.option("--size", help="Exactly that output.", metavar="WxH")] = None,
    aspect: Annotated[
        str | None,
        o.option("--aspect", help="The smallest frame of that shape around the photo.", metavar="W:H"),
    ] = None,
    pad: Annotated[
        str | None,
        o.option(
            "--pad",
            help="Pixels, percent, mm, cm or in, on all sides or on each.",
            metavar="N|P%|Nmm|L,T,R,B",
        ),
    ] = None,
    left: Annotated[str | None, o.option("--left", help="The same, on one side.", metavar="N|P%|Nmm")] = None,
    top: Annotated[str | None, o.option("--top", help="The same, on one side.", metavar="N|P%|Nmm")] = None,
    right: Annotated[
        str | None, o.option("--right", help="The same, on one side.", metavar="N|P%|Nmm")
    ] = None,
    bottom: Annotated[
        str | None, o.option("--bottom", help="The same, on one side.", metavar="N|P%|Nmm")
    ] = None,
    dpi: Annotated[
        float | None,
        o.option("--dpi", help="Dots an inch, for mm, cm and in [the picture's own].", metavar="N"),
    ] = None,
    anchor: Annotated[
        str | None,
        o.option(
            "--anchor",
            help=f"Where the photo sits: {', '.join(ANCHORS)}.",
            metavar="WHERE",
            autocompletion=among(*ANCHORS),
        ),
    ] = None,
    fit: Annotated[
        str | None,
        o.option(
            "--fit",
            help="A photo larger than --size: error [default] or shrink.",
            metavar="error|shrink",
            autocompletion=among("error", "shrink"),
        ),
    ] = None,
    overlap: Annotated[
        int, o.option("--overlap", help="Pixels inside the photo's edge that may change.", min=0, metavar="N")
    ] = 0,
    model: o.Model = "context-encoder",
    harmonize: o.Harmonizer = "auto",
) -> None:
    """Grow photos beyond their borders, to exactly the size asked for."""
    asked = o.without_beaten(
        ctx,
        {"scale": scale, "size": size, "aspect": aspect, "pad": pad, "left": left, "top": top, "right": right,
         "bottom": bottom},
    )  # fmt: skip
    sides = {
        name: asked[name] for name in ("pad", "left", "top", "right", "bottom") if asked[name] is not None
    }
    if sides and o.loses(ctx, "anchor", sides):
        anchor = None
    if asked["size"] is None and o.loses(ctx, "fit", [name for name in asked if asked[name] is not None]):
        fit = None
    if not printed(*sides.values()) and o.loses(ctx, "dpi", sides):
        dpi = None
    geometry = parse_geometry(**asked, anchor=anchor, fit=fit, dpi=dpi)
    common.settle(ctx)
    out = settle_out(out, inputs)
    from outpaint_cli.batch.kinds.extend import Extend

    settings = common.settings(out, model=model, harmonize=harmonize)
    run_command(inputs or [], Extend(geometry, overlap), settings, common)
