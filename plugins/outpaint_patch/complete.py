"""Coarse-to-fine completion: from a rough guess to a map that says where every unknown cell is copied from.

After Wexler et al. 2007 (Space-time completion of video) and Barnes et al. 2009 (PatchMatch), with the
guess's colours as a guide: at every level, targets find their sources, and the picture is voted or copied
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .expected import Expected, demand, embed, expect, measure, principal
from .lines import below
from .modes import likeliest
from .nearer import add_enlarged, nearer
from .onward import drawn, onward
from .pyramid import level_sizes, shrink, shrink_further
from .settings import Settings
from .stage import Completed, Stage
from .variety import addresses
from .vignette import even, vignette

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

    from .guides import Plane
    from .nearer import Nearer
    from .networks import Networks
    from .pyramid import Level


LARGEST = 32767
"""Pixels: OpenCV enlarges nothing of a longer side."""


def complete(
    image: Samples,
    known: Bools,
    guides: Sequence[Plane],
    confidence: Floats | None,
    settings: Settings,
    rng: np.random.Generator,
    progress: Callable[[float], None],
    check: Callable[[], None],
    threads: int = 1,
    networks: Networks | None = None,
    room: int = 1,
) -> Completed | None:
    """Find sources for every unknown cell of ``image`` (H, W, 3); None where no whole patch is known.

    ``networks`` tell what to expect there (see expected.py); without them, colours alone guide. There is
    ``room`` for so many planes of the frame's size, in which the photo may be enlarged.
    """
    height, width = known.shape
    radius = _radius(known, settings)
    if radius is None:
        return None
    sizes = level_sizes(
        height,
        width,
        max(_long(height, width, settings.coarsest), _needed(known, radius)),
        _long(height, width, settings.finest),
        settings.factor,
    )
    finest = shrink(image, known, *sizes[-1])
    light = vignette(finest.image, finest.known)
    if light is not None:
        finest.image = even(finest.image, finest.known, light, settings.reach)
    going = onward(
        finest.image, finest.known, settings.straightness, settings.onward_reach, settings.onward_alike
    )
    mean, tones = finest.image, drawn(finest.image, going, settings.onward)
    finest.image = tones
    finest.guides = tuple(shrink(guide.image, guide.known, *sizes[-1]) for guide in guides)
    found: Nearer | None = None
    if settings.nearer and not guides and room > 0 and max(height, width) < LARGEST:
        cell = max(height, width) / max(finest.shape)
        found = nearer(mean, finest.known, cell, room, threads, below(going, finest.known))
    if found is not None:
        finest = add_enlarged(
            finest, found, found.enlarged(_rather_large(image, finest), cv2.INTER_CUBIC), light
        )
    expected = _expected(finest, mean, settings, networks) if networks is not None else None
    if expected is not None and expected.definite is not None:
        finest.image = drawn(expected.definite, going, settings.onward)
        # what is likeliest decides what is copied; as its colour, something between it and the mean is safer
        tones = np.float32(0.5) * (tones + finest.image)
    drawn_by_chance = addresses(height, width, rng)
    before: Completed | None = None
    rarity: Floats | None = None
    price: Floats | None = None
    for index, size in enumerate(sizes):
        level = shrink_further(finest, *size)
        first = before is None
        stage = Stage(
            level,
            confidence,
            expected,
            settings,
            radius,
            index,
            first,
            rarity,
            price,
            going,
            threads,
            drawn_by_chance,
        )
        if not stage.ready:
            continue
        before = stage.run(before, rng, check)
        rarity, price = stage.rarities(), stage.prices()
        progress((index + 1) / len(sizes))
    if before is None or before.level.shape != sizes[-1]:
        return None
    before.light, before.tones = light, tones
    return before


def _rather_large(image: Samples, finest: Level) -> Samples:
    """``image`` (H, W, 3), or a smaller one that the level tells apart from it no more."""
    height, width = finest.shape
    if max(image.shape) <= 3 * max(height, width):
        return image
    smaller: Samples = cv2.resize(image, (3 * width, 3 * height), interpolation=cv2.INTER_AREA)
    return smaller


def _expected(finest: Level, mean: Floats, settings: Settings, networks: Networks) -> Expected:
    """What the picture and each guide have in each place, or ought to have.

    Texture is measured where it is known. Which parts of the photo belong where is not asked if there are
    guides: they may show what is there, and the network has never seen one. ``mean`` (h, w, 3) is the image
    before anything was drawn over the guess.
    """
    levels = (finest, *finest.guides)
    texture, alone = expect(finest, settings.calmer, networks.texture), finest.photos == 1
    if alone:
        belongs = embed(finest, networks.affinity)
        definite, texture = likeliest(replace(finest, image=mean), belongs, texture, settings.calmer)
    textures = [texture, *(measure(guide) for guide in finest.guides)]
    weight = np.float32(np.sqrt(settings.texture))
    seen = [level.known for level in levels[: finest.photos]]
    planes = [weight * plane for plane in principal(textures, seen, settings.textures)]
    if not alone:
        return Expected(planes)
    weighted = np.float32(np.sqrt(settings.affinity)) * belongs
    everywhere = [weighted] if finest.nearer is None else [weighted, *finest.nearer.enlarged(weighted)]
    planes = [np.concatenate(both, -1) for both in zip(planes, everywhere, strict=True)]
    return Expected(planes, demand(finest, belongs), definite)


def _long(height: int, width: int, cells: int) -> float:
    """The long side at which the frame has so many cells."""
    return float(np.sqrt(cells * max(height, width) / min(height, width)))


def _sides(known: Bools) -> tuple[int, int]:
    """Height and width of the rectangle that bounds the known pixels."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def _needed(known: Bools, radius: int) -> float:
    """The long side at which the known part's shorter side still holds a few patches."""
    return float(4 * (2 * radius + 1) * max(known.shape) / min(_sides(known)))


def _radius(known: Bools, settings: Settings) -> int | None:
    """The largest patches that the known part has room for; None where it has none even for the smallest.

    A photo that is a thin strip of a large frame would ask for very many cells; smaller patches do with
    fewer.
    """
    short = min(_sides(known))
    height, width = known.shape
    most = _long(height, width, 4 * settings.finest)
    for radius in range(settings.radius, 0, -1):
        if short >= 2 * (2 * radius + 1) and _needed(known, radius) <= max(most, 64):
            return radius
    return None
