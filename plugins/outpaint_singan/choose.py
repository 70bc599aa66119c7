"""Which scale to put the picture in at: high enough to keep its content, low enough to be given texture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli import metrics
from outpaint_singan.inject import SMOOTH, Scene, blur, inject, to_picture
from outpaint_singan.train import Pyramid

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats

PIXELS = 150_000  # of the scale where the candidates are compared
SIGMAS = (0.35, 2.2)  # the guess's blur at the scale below, in its pixels, of the candidates
KEPT = 23.0  # dB


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
    scales = candidates(scene)
    stop = compared_at(scene, scales)
    guess, known = to_picture(scene.at(stop)), scene.known_at(stop)
    scores = []
    for number, start in enumerate(scales):
        picture = to_picture(inject(pyramid, scene, start, stop, seed, check))
        scores.append(score(start, picture, guess, known, scene.step_at(stop)))
        told((number + 1) / len(scales))
    return best(scores), scores


def candidates(scene: Scene) -> list[int]:
    """Scales whose scale below shows the guess with little blur, but not with none."""
    last = len(scene.sizes) - 1
    sigma = [scene.step_at(n) / 2 for n in range(last + 1)]
    fit = [n for n in range(1, last + 1) if SIGMAS[0] <= sigma[n - 1] <= SIGMAS[1]]
    # A guess that is coarser or sharper than the pyramid knows: what is nearest.
    return fit or [1 if sigma[0] > SIGMAS[1] else last]


def compared_at(scene: Scene, scales: Sequence[int]) -> int:
    """The finest scale of at most :data:`PIXELS`, but none of ``scales`` above it."""
    fit = [n for n, size in enumerate(scene.sizes) if size[0] * size[1] <= PIXELS]
    return max(fit[-1] if fit else 0, *scales)


def score(scale: int, picture: Floats, guess: Floats, known: Bools, step: float) -> Score:
    """Scores of one result (h, w, 3) in 0..1 whose guess has ``step`` pixels a pixel."""
    sharp = metrics.own_scores(picture, known).get("sharp", 1.0)
    sigma = max(SMOOTH, step)
    off = float(np.square(blur(picture, sigma) - blur(guess, sigma))[~known].mean())
    return Score(scale, sharp, -10 * math.log10(max(off, 1e-10)))


def best(scores: Sequence[Score]) -> int:
    """The scale to take."""
    fit = [s for s in scores if s.kept >= KEPT and s.sharp <= 1]
    if fit:
        return max(fit, key=lambda s: s.sharp).scale
    return max(scores, key=lambda s: s.kept).scale
