"""Which scale to put the picture in at: high enough to keep its content, low enough to be given texture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli import metrics
from outpaint_singan.inject import SMOOTH, Scene, blur, inject, keep_colours, to_picture
from outpaint_singan.train import Pyramid

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

PIXELS = 60_000  # of the scale where the candidates are compared
KEPT = 23.0  # dB
METHOD = 4  # raised when the same picture would be put in at another scale than before


@dataclass(frozen=True)
class Score:
    """How one scale does. ``sharp``: gradients of the new area over the photo's own; ``kept``: dB."""

    scale: int
    sharp: float
    kept: float

    def as_dict(self) -> dict[str, Any]:
        """The fields, rounded."""
        return {key: round(value, 3) for key, value in asdict(self).items()}


def choose(
    pyramid: Pyramid, scene: Scene, seed: int, check: Callable[[], None], told: Callable[[float], None]
) -> tuple[int, list[Score]]:
    """The scale, and the scores of all candidates; nothing is trained for it.

    The sharpest that is no sharper than the photo and keeps the guess's low frequencies to within
    :data:`KEPT`; where none does, the one that keeps most.
    """
    scales, stop = candidates(scene)
    guess, known, step = to_picture(scene.at(stop)), scene.known_at(stop), scene.step_at(stop)
    scores = []
    for number, start in enumerate(scales):
        made = to_picture(inject(pyramid, scene, start, stop, seed, check))
        scores.append(score(start, keep_colours(made, guess, known, step), guess, known, step))
        told((number + 1) / len(scales))
    return best(scores), scores


def candidates(scene: Scene) -> tuple[list[int], int]:
    """The scales to try, and the one to compare them at.

    All that are quickly tried but 0, which invents all but colours and scores as the sharpest, with seams; for a
    guess that is sharp beyond those, the scales where it still is.
    """
    last = len(scene.sizes) - 1
    quick = max(1, *(n for n, size in enumerate(scene.sizes) if size[0] * size[1] <= PIXELS or n <= 1))
    natural = min(scene.resolved + 1, last)
    if natural > quick:
        return [natural - 1, natural], natural
    return list(range(1, quick + 1)), quick


def score(scale: int, picture: Floats, guess: Floats, known: Bools, step: float) -> Score:
    """Scores of one result (h, w, 3) in 0..1 whose guess resolves ``step`` pixels.

    ``kept`` looks at half the wavelength that :func:`keep_colours` puts back.
    """
    sharp = metrics.own_scores(picture, known).get("sharp", 1.0)
    sigma = max(SMOOTH, step) / 2
    off = float(np.square(blur(picture, sigma) - blur(guess, sigma))[~known].mean())
    return Score(scale, sharp, -10 * math.log10(max(off, 1e-10)))


def best(scores: Sequence[Score]) -> int:
    """The scale to take."""
    fit = [s for s in scores if s.kept >= KEPT and s.sharp <= 1]
    if fit:
        return max(fit, key=lambda s: s.sharp).scale
    return max(scores, key=lambda s: s.kept).scale
