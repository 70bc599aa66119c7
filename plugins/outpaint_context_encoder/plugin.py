"""The plugin object of the context encoder. Everything heavy is imported when it is used."""

from __future__ import annotations

from pathlib import Path

from outpaint_cli.plugin import Context, Filler, ModelCard, ModelRef, OnnxContract, OnnxDescription, Plugin
from outpaint_context_encoder import hooks


def load(ref: ModelRef, ctx: Context) -> Filler:
    """A filler for a bundled model or for a file that :func:`recognises` accepted."""
    from outpaint_context_encoder.filler import ContextEncoder

    return ContextEncoder(ref, ctx)


def recognises(description: OnnxDescription) -> bool:
    """Whether an ONNX file is a context encoder of ours."""
    from outpaint_context_encoder.filler import recognises

    return recognises(description)


plugin = Plugin(
    name="context-encoder",
    summary="a context encoder after van Hoorick 2019, on onnxruntime",
    models=(
        ModelCard(
            "context-encoder",
            "a lean U-Net that corrects a smooth fill; sizes up to 128 pixels, any side unknown",
            source=Path(__file__).parent / "weights" / "context-encoder.onnx",
            bytes=9_061_114,
            sha256="5c37b316fc05bbc4138f07cd48bc1cd3d12f7da8f9b63577a66b41f877da218f",
            licence="Apache-2.0",
            training_data="14,000 photos, part of them without a licence for redistribution; see the model card",
            scores={"kodak_mse": 0.0232, "kodak_mse16": 0.0154, "kodak_bias_luma": 0.0009},
        ),
    ),
    load=load,
    contracts=(OnnxContract("context-encoder", recognises),),
    trainers=hooks.TRAINERS,
    layouts=hooks.LAYOUTS,
    options=hooks.OPTIONS,
)
