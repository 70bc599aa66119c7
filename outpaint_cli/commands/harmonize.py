"""outpaint harmonize: give generated pixels the photo's own texture."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._complete import methods
from outpaint_cli.commands._run import run_command, settle_out
from outpaint_cli.plugin import Rect, UsageError


@shared
def harmonize(
    ctx: typer.Context,
    common: Common,
    inputs: Inputs = None,
    out: o.Out = None,
    method: Annotated[
        str,
        o.option(
            "--method",
            help="The harmonizer; patch needs no PyTorch.",
            metavar="NAME",
            autocompletion=methods,
        ),
    ] = "singan",
    mask: Annotated[
        str | None,
        o.option(
            "--mask", help="White = generated: one file, or a folder of the same names.", metavar="FILE|DIR"
        ),
    ] = None,
    mask_invert: o.MaskInvert = False,
    source: Annotated[
        str | None, o.option("--source", help="Where the photo sits, in pixels.", metavar="X,Y,W,H")
    ] = None,
    upscale: Annotated[
        float, o.option("--upscale", help="Enlarge the finished picture, 1 to 8 times.", metavar="F")
    ] = 1.0,
) -> None:
    """Give generated pixels the photo's own texture, at full resolution.

    Works on what extend wrote, which notes where the photo sits; for other pictures give --mask or --source.
    """
    from outpaint_cli import registry

    if method in ("none", "auto"):
        raise UsageError(f"--method {method} does nothing here: use {' or '.join(registry.harmonizers())}")
    asked = o.without_beaten(ctx, {"mask": mask, "source": source})
    mask, source = asked["mask"], asked["source"]
    if mask is not None and source is not None:
        raise UsageError("--mask and --source can't be used together; choose one")
    if mask is None and mask_invert and o.on_command_line(ctx, "mask_invert"):
        raise UsageError("--mask-invert goes with --mask")
    rect = None if source is None else parse_rect(source)
    common.settle(ctx)
    where = settle_out(out, inputs, common, mask)
    from outpaint_cli.batch.kinds.harmonize import Harmonize
    from outpaint_cli.batch.masks import Masks

    masks = None if mask is None else Masks.at(mask, mask_invert)
    settings = common.settings(where, harmonize=method)
    run_command(
        inputs or [], Harmonize(rect, masks, upscale), settings, common, masks.path if masks else None
    )


def parse_rect(text: str) -> Rect:
    """``X,Y,W,H`` in pixels, not empty. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d{1,7})\s*,\s*(\d{1,7})\s*,\s*(\d{1,7})\s*,\s*(\d{1,7})\s*", text)
    if not match or not (int(match[3]) and int(match[4])):
        raise UsageError(f"--source '{text}' is not x, y, width and height in pixels, as in 64,0,1920,1080")
    return Rect(*(int(part) for part in match.groups()))
