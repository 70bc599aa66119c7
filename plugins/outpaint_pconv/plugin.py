"""The plugin object of the partial convolution networks. Everything heavy is imported when it is used."""

from __future__ import annotations

from pathlib import Path

from outpaint_cli.plugin import Context, Filler, ModelCard, ModelRef, OnnxContract, OnnxDescription, Plugin
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
    models=(
        ModelCard(
            "pconv",
            "a lean U-Net of partial convolutions; sizes up to 256 pixels, holes of any shape, any side unknown",
            source=Path(__file__).parent / "weights" / "pconv.onnx",
            bytes=10_765_769,
            sha256="2ea6a3500ecdc2696751593b569ef4d503cc353d968a7fc69c4f19886840003d",
            licence="Apache-2.0",
            training_data="14,000 photos, part of them without a licence for redistribution; see the model card",
            scores={"kodak_psnr_0.3_0.4": 24.28, "kodak_psnr_0.5_0.6": 21.20},
        ),
    ),
    load=load,
    contracts=(OnnxContract("pconv", recognises),),
    trainers=hooks.TRAINERS,
    layouts=hooks.LAYOUTS,
    options=hooks.OPTIONS,
)
