"""What the photo's edge cuts goes on."""

from __future__ import annotations

import cv2
import numpy as np
from outpaint_patch.finish import finish

from outpaint_cli.plugin import Context, HarmonizeJob, Rect


def _cut_bar() -> tuple[np.ndarray, np.ndarray]:
    """A dark bar runs out of the photo to the right; another one ends inside, so that ends are to be had too."""
    rng = np.random.default_rng(0)
    scene = np.full((120, 240, 3), (150, 190, 230), np.float32) + rng.normal(0, 3, (120, 240, 3))
    for top, left, right in ((70, 0, 240), (25, 0, 90)):
        scene[top : top + 18, left:right] = (60, 40, 30) + rng.normal(0, 6, (18, right - left, 3))
    known = np.zeros((120, 240), bool)
    known[:, :160] = True
    return np.clip(scene, 0, 255).astype(np.uint8), known


def test_a_bar_that_the_guess_has_lost_goes_on() -> None:
    scene, known = _cut_bar()
    lost = scene.copy()
    lost[:, 160:] = cv2.blur(scene, (1, 1))[5, 5]  # sky alone: the guess says that the bar ends at the edge
    result, _ = finish(HarmonizeJob(lost, known, Rect(0, 0, 160, 120), scale=4), Context())
    beyond = result[74:84, 164:172].astype(float).mean()
    assert beyond < 100, "the bar ends at the photo's edge"
    above = result[40:60, 164:172].astype(float).mean()
    assert above > 150
