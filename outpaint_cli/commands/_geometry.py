"""How large the output is: the options of extend and compare, and the geometry they mean."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._complete import among
from outpaint_cli.frame import ANCHORS, Geometry, parse_geometry, printed

Scale = Annotated[float | None, o.option("--scale", help="Both sides times F [1.5].", metavar="F")]
Size = Annotated[str | None, o.option("--size", help="Exactly that output.", metavar="WxH")]
Aspect = Annotated[
    str | None, o.option("--aspect", help="The smallest frame of that shape around the photo.", metavar="W:H")
]
Pad = Annotated[
    str | None,
    o.option(
        "--pad", help="Pixels, percent, mm, cm or in, on all sides or on each.", metavar="N|P%|Nmm|L,T,R,B"
    ),
]
Left = Annotated[str | None, o.option("--left", help="The same, on one side.", metavar="N|P%|Nmm")]
Top = Annotated[str | None, o.option("--top", help="The same, on one side.", metavar="N|P%|Nmm")]
Right = Annotated[str | None, o.option("--right", help="The same, on one side.", metavar="N|P%|Nmm")]
Bottom = Annotated[str | None, o.option("--bottom", help="The same, on one side.", metavar="N|P%|Nmm")]
Dpi = Annotated[
    float | None, o.option("--dpi", help="Dots an inch, for mm, cm and in [the picture's own].", metavar="N")
]
Anchor = Annotated[
    str | None,
    o.option(
        "--anchor",
        help=f"Where the photo sits: {', '.join(ANCHORS)}.",
        metavar="WHERE",
        autocompletion=among(*ANCHORS),
    ),
]
Fit = Annotated[
    str | None,
    o.option(
        "--fit",
        help="A photo larger than --size: error [default] or shrink.",
        metavar="error|shrink",
        autocompletion=among("error", "shrink"),
    ),
]
SIDES = ("pad", "left", "top", "right", "bottom")


def settle(
    ctx: typer.Context, wanted: dict[str, Any], anchor: str | None, fit: str | None, dpi: float | None
) -> Geometry:
    """The geometry; of options that exclude each other those given most directly count. Raises UsageError."""
    asked = o.without_beaten(ctx, wanted)
    sides = {name: asked[name] for name in SIDES if asked[name] is not None}
    if sides and o.loses(ctx, "anchor", sides):
        anchor = None
    if asked["size"] is None and o.loses(ctx, "fit", [name for name in asked if asked[name] is not None]):
        fit = None
    if not printed(*sides.values()) and o.loses(ctx, "dpi", sides):
        dpi = None
    return parse_geometry(**asked, anchor=anchor, fit=fit, dpi=dpi)
