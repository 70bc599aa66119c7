"""The patch plugin: guided patch completion as a harmonizer, and as a filler without a network that guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outpaint_cli.plugin import (
    AnyMask,
    Context,
    FillSpec,
    Harmonized,
    HarmonizeJob,
    ModelCard,
    ModelRef,
    Native,
    Plugin,
    Rect,
)

from . import hooks

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples


class PatchHarmonizer:
    """Makes the rough guess around a photo real picture, of the photo's own patches."""

    parallel = True  # it keeps nothing between calls

    @property
    def device(self) -> str:
        """Plain array work on the processor."""
        return "cpu"

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        """Finish the unknown part of ``job.image``; known pixels come back bit for bit."""
        from .finish import finish
        from .networks import MISSING, networks

        bundled = networks()
        image, info = finish(job, ctx, networks=bundled)
        if bundled is None:
            info = {**info, "notes": [*info.get("notes", ()), MISSING]}
        return Harmonized(image, info)


class PatchFiller:
    """Fills without a network: a smooth fill stands in for the guess."""

    spec = FillSpec(size=Native(), known=AnyMask(), max_unknown=0.95)

    @property
    def device(self) -> str:
        """Plain array work on the processor."""
        return "cpu"

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats:
        """``images`` float32 (N, H, W, 3) 0..1, ``known`` bool (N, H, W): the same, unknown pixels filled."""
        from .finish import finish
        from .networks import networks
        from .smooth import smooth_guess

        result = images.copy()
        for picture, mask in zip(result, known, strict=True):
            if mask.all() or not mask.any():
                continue
            samples: Samples = smooth_guess((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), mask)
            y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            photo = Rect(int(x[0]), int(y[0]), int(x[-1] - x[0] + 1), int(y[-1] - y[0] + 1))
            job = HarmonizeJob(samples, mask, photo, scale=max(1.0, max(mask.shape) / 64))
            finished, _ = finish(job, ctx, networks=networks())
            picture[~mask] = finished[~mask] / np.float32(255)
        return result


def load(ref: ModelRef, ctx: Context) -> PatchFiller:
    """The filler; it has no weights."""
    return PatchFiller()


def load_harmonizer(ctx: Context) -> PatchHarmonizer:
    """The harmonizer."""
    return PatchHarmonizer()


plugin = Plugin(
    name="patch",
    summary="guided patch completion: real picture at any size from the photo's own patches",
    models=(
        ModelCard(
            "patch",
            "patches of the photo itself; no network guesses",
            licence="Apache-2.0",
            training_data="of its small networks: 4,050 photos; see docs/models/texture.md",
        ),
    ),
    load=load,
    harmonizers={"patch": load_harmonizer},
    trainers=hooks.TRAINERS,
    options=hooks.OPTIONS,
)
