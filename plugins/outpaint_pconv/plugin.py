"""The plugin object of the partial convolution networks. Everything heavy is imported when it is used."""

from __future__ import annotations

from outpaint_cli.plugin import Context, Filler, ModelRef, OnnxContract, OnnxDescription, Plugin
from outpaint_pconv import hooks


def load(ref: ModelRef, ctx: Context) -> Filler:
    """A filler for a bundled model or for a file that :func:`recognises` accepted."""
    from outpaint_cli.described import DescribedFiller

    return DescribedFiller(ref, ctx)


def recognises(description: OnnxDescription) -> bool:
    """Whether an ONNX file is a partial convolution network of ours."""
    from outpaint_cli.described import describes_itself

    return describes_itself(description, "pconv")


plugin = Plugin(
    name="pconv",
    summary="partial convolutions after Liu et al. 2018, on onnxruntime: holes of any shape",
    load=load,
    contracts=(OnnxContract("pconv", recognises),),
    trainers=hooks.TRAINERS,
    layouts=hooks.LAYOUTS,
    options=hooks.OPTIONS,
)
