"""The plugin object. Everything heavy is imported when a filler is loaded."""

from __future__ import annotations

from outpaint_cli.plugin import Context, Filler, HubFile, ModelCard, ModelRef, Plugin, PluginOption
from outpaint_hub.contracts import CONTRACTS


def load(ref: ModelRef, ctx: Context) -> Filler:
    """A filler for a model of the list, or for a file of one of the contracts."""
    from outpaint_hub.fillers import Lama, Migan

    if (ref.contract or ref.name) == "migan":
        return Migan(ref, ctx)
    return Lama(ref, ctx, 1.0 if ref.contract == "lama-unit" else 255.0)


plugin = Plugin(
    name="hub",
    summary="models that others published on the Hugging Face Hub: fetched when they are first used",
    models=(
        ModelCard(
            "migan",
            "MI-GAN (Sargsyan et al. 2023), a small GAN for holes of any shape; 512 pixels",
            source=HubFile(
                "andraniksargsyan/migan", "406830d0fa60666da0071c342ad2fbc8f30c5c64", "migan_pipeline_v2.onnx"
            ),
            bytes=28_079_181,
            sha256="6f1f3530a1a2324b19752018ce756088b07973cda8d7d890034ace5c8a48c40b",
            licence="MIT",
        ),
        ModelCard(
            "lama",
            "LaMa (Suvorov et al. 2022), Fourier convolutions for large holes; 512 pixels",
            source=HubFile("Carve/LaMa-ONNX", "c3c0c9e468934d62e79c329e35d82dd09ff8c444", "lama_fp32.onnx"),
            bytes=208_044_816,
            sha256="1faef5301d78db7dda502fe59966957ec4b79dd64e16f03ed96913c7a4eb68d6",
            licence="Apache-2.0",
        ),
        ModelCard(
            "lama-int8",
            "LaMa with quantized weights, less than half the size",
            source=HubFile(
                "opencv/inpainting_lama",
                "aee6d22f0a13e5e35af1c9a1c3afd62841fc6f3f",
                "inpainting_lama_2025jan.onnx",
            ),
            bytes=92_591_623,
            sha256="7df918ac3921d3daf0aae1d219776cf0dc4e4935f035af81841b40adcf74fdf2",
            licence="Apache-2.0",
        ),
    ),
    load=load,
    contracts=CONTRACTS,
    options=(
        PluginOption("mirror", "pixels of mirrored context that lama gets beyond a hole at the edge", "64"),
    ),
)
