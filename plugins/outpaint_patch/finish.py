"""From a job to the finished picture: complete, correct, render."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

from .blend import blended
from .complete import complete
from .detail import copies, render
from .guides import planes, room
from .pyramid import banks, blur
from .reflection import reflect, seen
from .seam import corrections
from .settings import Settings
from .slope import slopes
from .stage import Completed

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

    from .guides import Plane
    from .networks import Networks
    from .pyramid import Level
    from .search import Ints


def finish(
    job: HarmonizeJob, ctx: Context, settings: Settings | None = None, networks: Networks | None = None
) -> tuple[Samples, Mapping[str, Any]]:
    """The picture (H, W, 3) with its unknown part made of patches, and figures about the work.

    ``networks`` tell what to expect, if given. Where nothing can be copied (no whole patch is known) the
    guess comes back as it is.
    """
    settings = settings or Settings()
    known = np.ascontiguousarray(job.known)
    if known.all() or not known.any():
        return job.image.copy(), {"patches": False}
    rng = np.random.default_rng(ctx.seed)

    def progress(share: float) -> None:
        ctx.check()
        ctx.progress(0.7 * share, "searching patches")

    guides = planes(job.guides, job.image, job.photo, ctx.memory)
    threads = ctx.threads or os.cpu_count() or 1
    left = room(job.image, ctx.memory) - len(guides)
    found = complete(
        job.image, known, guides, job.confidence, settings, rng, progress, ctx.check, threads, networks, left
    )
    if found is None:
        return job.image.copy(), {"patches": False}
    found.numbers, reflected = reflect(
        found, round(settings.band * max(found.level.shape)), settings.reflection, settings.straight
    )
    height, width = known.shape
    level = found.level
    sheets = 1 + len(level.guides)
    # of the photos' and the enlargements' planes, the one that each cell is copied from
    plane = found.numbers % (level.known.size * sheets) // level.known.size

    def rendered(share: float) -> None:
        ctx.check()
        ctx.progress(0.75 + 0.25 * share, "copying detail")

    with ThreadPoolExecutor(1) as aside:  # what is copied from is drawn while its colours are seen to
        drawn = aside.submit(_sheet, job.image, guides, level, plane)
        copied = seen(level, found.numbers, reflected, _bounds(known), height, width)
        correction = correct(found, copied, settings)
        sheet = drawn.result()
    plan = copies(found.numbers, level.known, correction, height, width, sheets, reflected, _bounds(known))
    image = render(job.image, known, plan, rendered, threads, sheet=sheet)
    info: dict[str, Any] = {"patches": True, "cells": list(found.level.shape)}
    plane = plane[~level.known]
    if level.nearer is not None:
        info["enlarged"] = round(float((plane >= level.photos).mean()), 4)
    if job.guides:
        of_guides = (plane > 0) & (plane < level.photos)
        info |= {"guides": len(guides), "from_guides": round(float(of_guides.mean()), 4)}
        if len(guides) < len(job.guides):
            lacking = len(job.guides) - len(guides)
            info["notes"] = [
                f"{lacking} of {len(job.guides)} guides left out: the memory holds no more of this size"
            ]
    return image, info


def _sheet(image: Samples, guides: Sequence[Plane], level: Level, plane: Ints) -> Samples:
    """All there is to copy from (p H, W, 3): the ``image``, the ``guides``, and of its enlargements what is wanted.

    ``plane`` (h, w) is the number of the plane that each cell is copied from.
    """
    if not level.guides:
        return image
    # pages that nothing is written to take no memory
    sheet = np.zeros((1 + len(level.guides), *image.shape), image.dtype)
    for part, picture in zip(sheet, (image, *(guide.image for guide in guides)), strict=False):
        part[:] = picture
    if level.nearer is not None:
        numbers = np.arange(level.photos, len(sheet))[:, None, None]
        level.nearer.draw(image, plane == numbers, sheet[level.photos :])
    return sheet.reshape(-1, *image.shape[1:])


def _bounds(known: Bools) -> Rect:
    """The rectangle around the known pixels."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    return Rect(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1))


def correct(found: Completed, copied: Floats, settings: Settings) -> Floats:
    """Corrections (h, w, 3) of the ``copied`` cells' colours, toward seamlessness and, far off, the guess."""
    level = found.level
    atlas = level.atlas()
    long = max(level.shape)
    # what goes straight on is drawn over the guess by a share only: the rest is no reason to take its hue out
    tones = level.image if found.tones is None else found.tones
    off = np.where(found.held[..., None], 0, tones - copied)
    wanted = _wanted(copied, blur(off, long / 40), long / 40, settings)
    # the guess has its say far from the photo only: drawn in sooner, it would show as a frame around it
    depth = cv2.distanceTransform((~level.known).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(long)
    pull = (np.minimum(depth / settings.reach, 1) / (settings.reach * long)).astype(np.float32) ** 2
    correction = corrections(copied, atlas, found.numbers, level.known, wanted, pull)
    correction += blended(level, found.numbers, copied + correction)
    photo = level.image
    if found.light is not None:
        photo, copied, correction = _darkened(found, copied, correction, found.light)
    return correction + slopes(photo, level.known, copied + correction)


def _wanted(copied: Floats, shift: Floats, reach: float, settings: Settings) -> Floats:
    """``shift`` (h, w, 3) toward the guess, within bounds; of its hue in the dark there is little to see.

    Guesses of what lies beyond dark ground are often brown; on black, even a little of that is a red glow.
    """
    shift = np.clip(shift, -settings.tint, settings.tint)
    grey = shift.mean(-1, keepdims=True)
    bright = np.maximum(blur(copied, reach).mean(-1, keepdims=True) + grey, 0)
    most = np.float32(settings.tinge) * bright
    result: Floats = grey + np.clip(shift - grey, -most, most)
    return result


def _darkened(
    found: Completed, copied: Floats, correction: Floats, light: Floats
) -> tuple[Floats, Floats, Floats]:
    """Photo, what is ``copied`` and its ``correction`` (h, w, 3 each) as they are and not evened out.

    ``light`` (h, w) is what the photo's vignette leaves here, where it is to be as dark as at the photo's edge; at
    the source it leaves something else.
    """
    level = found.level
    there = np.ones((level.photos * level.shape[0], level.shape[1]), np.float32)
    there[: level.shape[0]] = light
    there = level.with_enlarged(there)
    of_source = np.concatenate([bank.ravel() for bank in banks(there, level.shape[0])])[found.numbers]
    dark = copied * of_source[..., None]
    wanted = (copied + correction) * light[..., None]
    change = np.where(level.known[..., None], 0, wanted - dark).astype(np.float32)
    return level.image * light[..., None], dark, change
