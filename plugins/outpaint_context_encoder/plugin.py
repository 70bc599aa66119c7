"""The plugin object of the context encoder. Everything heavy is imported when it is used."""

from __future__ import annotations

from pathlib import Path

from outpaint_cli.plugin import Context, Filler, ModelCard, ModelRef, OnnxContract, OnnxDescription, Plugin
from outpaint_context_encoder import hooks

WEIGHTS = Path(__file__).parent / "weights"
FULL, INT8 = "context-encoder", "context-encoder-int8"


def load(ref: ModelRef, ctx: Context) -> Filler:
    """A filler for a bundled model or for a file that :func:`recognises` accepted."""
    from outpaint_context_encoder.filler import ContextEncoder

    return ContextEncoder(ref, ctx)


def recognises(description: OnnxDescription) -> bool:
    """Whether an ONNX file is a context encoder of ours."""
    from outpaint_context_encoder.filler import recognises

    return recognises(description)


def variant(name: str, ctx: Context) -> str:
    """On a CPU ``context-encoder`` computes in 8 bits, unless the option ``precision`` says otherwise."""
    precision = ctx.options.get("precision", "auto")
    if name == FULL and (precision == "int8" or (precision == "auto" and ctx.device == "cpu")):
        return INT8
    return name


plugin = Plugin(
    name="context-encoder",
    summary="a context encoder after van Hoorick 2019, on onnxruntime",
    models=(
        ModelCard(
            FULL,
            "a lean U-Net that corrects a smooth fill; sizes up to 128 pixels, any side unknown",
            source=WEIGHTS / "context-encoder.onnx",
            bytes=9_061_114,
            sha256="5c37b316fc05bbc4138f07cd48bc1cd3d12f7da8f9b63577a66b41f877da218f",
            licence="Apache-2.0",
            training_data="14,000 photos, part of them without a licence for redistribution; see the model card",
            scores={"kodak_mse": 0.0232, "kodak_mse16": 0.0154, "kodak_bias_luma": 0.0009},
        ),
        ModelCard(
            INT8,
            "the same network in 8 bits, which context-encoder runs on CPUs",
            source=WEIGHTS / "context-encoder-int8.onnx",
            bytes=4_657_560,
            sha256="971fb74f296d9c3321142a687b8c9ec8f4da76dc6746b33d942da93361ae4cda",
            licence="Apache-2.0",
            training_data="that of context-encoder; calibrated on 128 of its photos",
        ),
    ),
    load=load,
    variant=variant,
    contracts=(OnnxContract("context-encoder", recognises),),
    trainers=hooks.TRAINERS,
    layouts=hooks.LAYOUTS,
    options=hooks.OPTIONS,
)
