"""outpaint extend: grow photos beyond their borders."""

from __future__ import annotations

from typing import Annotated

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._run import run_command, settle_out
from outpaint_cli.frame import ANCHORS, parse_geometry


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
    harmonize: o.Harmonizer = "auto",
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
    common.settle(ctx)
    out = settle_out(out, inputs)
    from outpaint_cli.batch.kinds.extend import Extend

    settings = common.settings(out, model=model, harmonize=harmonize)
    run_command(inputs or [], Extend(geometry, overlap), settings, common)
