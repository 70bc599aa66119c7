"""A complete outpaint plugin: a filler and a harmonizer, in one small file."""

from __future__ import annotations

import numpy as np

from outpaint_cli.plugin import (
    AnyMask,
    Context,
    FillSpec,
    Harmonized,
    HarmonizeJob,
    ModelCard,
    ModelRef,
    Multiple,
    Plugin,
    PluginOption,
)


class Average:
    """Fills what is unknown with the mean of what is known."""

    # Pictures of any shape with sides that are multiples of 8 from 16 to 64 pixels, four at a time.
    # The host scales photos down to that, cuts windows, goes ring by ring, and enlarges the result.
    spec = FillSpec(size=Multiple(8, 16, 64), known=AnyMask(), max_unknown=0.6, max_batch=4)
    device = "cpu"

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        """Images float32 (N, H, W, 3) in 0..1, known bool (N, H, W); the same shape comes back."""
        out = images.copy()
        for image, mask, result in zip(images, known, out, strict=True):
            result[~mask] = image[mask].mean(0)
        return out


class Speckle:
    """Gives the new area grain: noise of so many 8-bit steps (-O average.grain=4)."""

    device = "cpu"

    def __init__(self, ctx: Context) -> None:
        self.grain = float(ctx.options.get("grain", "4"))

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        """Known pixels come back untouched; the same seed gives the same grain."""
        top = np.iinfo(job.image.dtype).max
        noise = np.random.default_rng(ctx.seed).normal(0, self.grain / 255 * top, job.image.shape[:2])
        image = np.clip(job.image + noise[..., None], 0, top).astype(job.image.dtype)
        image[job.known] = job.image[job.known]
        return Harmonized(image, {"grain": self.grain})


def load(ref: ModelRef, ctx: Context) -> Average:
    """Called once a process; ``ctx.device`` says where to run."""
    return Average()


plugin = Plugin(
    name="average",
    summary="an example: the photo's average colour",
    models=(ModelCard("average", "the photo's average colour"),),
    load=load,
    harmonizers={"speckle": Speckle},
    options=(PluginOption("grain", "8-bit steps of noise", "4"),),
)
