"""outpaint inpaint: fill holes in photos."""

from __future__ import annotations

from typing import Annotated

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._common import Common, Inputs, shared
from outpaint_cli.commands._run import run_command, settle_out
from outpaint_cli.plugin import UsageError

DEFAULT_MODEL = "pconv"


@shared
def inpaint(
    ctx: typer.Context,
    common: Common,
    inputs: Inputs = None,
    out: o.Out = None,
    mask: Annotated[
        str | None,
        o.option(
            "--mask",
            help="White = hole: one file, a folder of the same names, or alpha: the photos' transparent pixels.",
            metavar="FILE|DIR|alpha",
        ),
    ] = None,
    mask_invert: o.MaskInvert = False,
    model: o.Model = DEFAULT_MODEL,
    harmonize: o.Harmonizer = "auto",
) -> None:
    """Fill holes in photos at full resolution; all pixels outside the holes stay as they are."""
    if mask is None:
        raise UsageError("say with --mask where the holes are: a file, a folder, or alpha")
    common.settle(ctx)
    where = settle_out(out, inputs, common, mask)
    if mask == "alpha" and mask_invert and o.on_command_line(ctx, "mask_invert"):
        raise UsageError("--mask-invert has no meaning with --mask alpha: what is transparent is the hole")
    from outpaint_cli.batch.kinds.inpaint import Inpaint
    from outpaint_cli.batch.masks import Masks

    masks = None if mask == "alpha" else Masks.at(mask, mask_invert)
    settings = common.settings(where, model=model, harmonize=harmonize)
    run_command(inputs or [], Inpaint(masks), settings, common, masks.path if masks else None)
