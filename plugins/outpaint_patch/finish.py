"""From a job to the finished picture: complete, correct, render."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from outpaint_cli.plugin import Context, HarmonizeJob

from .complete import complete
from .detail import copies, render
from .pyramid import blur
from .seam import corrections
from .settings import Settings
from .stage import Completed

if TYPE_CHECKING:
    from outpaint_cli.plugin import Floats, Samples


def finish(
    job: HarmonizeJob, ctx: Context, settings: Settings | None = None
) -> tuple[Samples, Mapping[str, Any]]:
    """The picture (H, W, 3) with its unknown part made of patches, and figures about the work.

    Where nothing can be copied (no whole patch is known) the guess comes back as it is.
    """
    settings = settings or Settings()
    known = np.ascontiguousarray(job.known)
    if known.all() or not known.any():
        return job.image.copy(), {"patches": False}
    rng = np.random.default_rng(ctx.seed)

    def progress(share: float) -> None:
        ctx.check()
        ctx.progress(0.7 * share, "searching patches")

    found = complete(job.image, known, job.confidence, settings, rng, progress, ctx.check)
    if found is None:
        return job.image.copy(), {"patches": False}
    correction = correct(found, settings)

    def rendered(share: float) -> None:
        ctx.check()
        ctx.progress(0.75 + 0.25 * share, "copying detail")

    height, width = known.shape
    plan = copies(found.numbers, found.level.known, correction, height, width)
    image = render(job.image, known, plan, rendered, ctx.threads or os.cpu_count() or 1)
    return image, {"patches": True, "cells": list(found.level.shape)}


def correct(found: Completed, settings: Settings) -> Floats:
    """Corrections (h, w, 3) of the copied cells' colours, toward seamlessness and, far off, the guess."""
    level = found.level
    atlas = np.concatenate((level.image.reshape(-1, 3), level.image[:, ::-1].reshape(-1, 3)))
    copied = atlas[found.numbers]
    long = max(level.shape)
    wanted = np.clip(blur(level.image - copied, long / 40), -settings.tint, settings.tint)
    # the guess has its say far from the photo only: drawn in sooner, it would show as a frame around it
    depth = cv2.distanceTransform((~level.known).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(long)
    pull = (np.minimum(depth / settings.reach, 1) / (settings.reach * long)).astype(np.float32) ** 2
    return corrections(copied, atlas, found.numbers, level.known, wanted, pull)
