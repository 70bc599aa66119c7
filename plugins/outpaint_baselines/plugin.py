"""The plugin object of the baselines. Everything heavy is imported when a filler is loaded."""

from __future__ import annotations

from collections.abc import Callable

from outpaint_cli.plugin import Context, Filler, ModelCard, ModelRef, Plugin


def load(ref: ModelRef, ctx: Context) -> Filler:
    """The filler called ``ref.name``."""
    from outpaint_baselines.fillers import Edge, Reflect, navier_stokes, telea

    fillers: dict[str, Callable[[], Filler]] = {
        "reflect": Reflect,
        "edge": Edge,
        "telea": telea,
        "ns": navier_stokes,
    }
    return fillers[ref.name]()


plugin = Plugin(
    name="baselines",
    summary="no weights: what every result is measured against",
    models=(
        ModelCard("reflect", "mirrors the photo at its edges"),
        ModelCard("edge", "repeats the photo's outermost pixels"),
        ModelCard("telea", "fast marching inpainting (Telea 2004), from OpenCV"),
        ModelCard("ns", "inpainting after Navier and Stokes (Bertalmio et al. 2001), from OpenCV"),
    ),
    load=load,
)
