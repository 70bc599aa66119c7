"""The plugin object. NumPy and PyTorch are imported when a harmonizer is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_cli.plugin import Context, Harmonizer, ModelError, Plugin, PluginOption

if TYPE_CHECKING:
    from outpaint_singan.harmonizer import SinganHarmonizer

NEEDS = ("torch", "safetensors")


def load_harmonizer(ctx: Context) -> Harmonizer:
    """The harmonizer.

    Raises ModelError where PyTorch is not installed, UsageError for options that make no sense, DeviceError
    for a device that is not there.
    """
    return _load(ctx)


def _load(ctx: Context) -> SinganHarmonizer:
    from importlib.util import find_spec

    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"harmonizer 'singan' needs {' and '.join(missing)}: pip install 'outpaint-cli[torch]', or choose "
            "'patch', which needs none of it (harmonize --method patch, --harmonize patch)"
        )
    from outpaint_singan.harmonizer import SinganHarmonizer

    return SinganHarmonizer(ctx)


plugin = Plugin(
    name="singan",
    summary="SinGAN after Shaham et al. 2019: small GANs trained on the photo itself; needs PyTorch",
    harmonizers={"singan": load_harmonizer},
    options=(
        PluginOption(
            "preset", "fast, or exact: the original's steps, hours on a processor", "fast", ("fast", "exact")
        ),
        PluginOption("size", "long side of the pyramid's finest scale, at most [1024; exact 250]", ""),
        PluginOption("scale", "the scale where the picture goes in: a number, or auto", "auto"),
        PluginOption(
            "iterations",
            "training steps a scale; fast takes 4 times as many at scales 1 to 3 [240; exact 2000]",
            "",
        ),
        PluginOption("seed", "another number trains another pyramid", "0"),
    ),
)
