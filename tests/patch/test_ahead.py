"""What the photo's edge cuts goes on."""

from __future__ import annotations

import numpy as np
from outpaint_patch.onward import onward
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage


def _cut_bar() -> Level:
    """A dark bar runs to the photo's right edge, a second one ends inside; the guess beyond is all sky."""
    rng = np.random.default_rng(0)
    image = np.full((40, 64, 3), (0.6, 0.75, 0.9), np.float32)
    image[22:28, :40] = image[8:14, :20] = (0.2, 0.15, 0.1)
    image += rng.normal(0, 0.01, image.shape).astype(np.float32)
    known = np.zeros((40, 64), bool)
    known[:, :40] = True
    return Level(image.astype(np.float32), known)


def test_a_bar_that_the_guess_has_lost_goes_on_in_a_band_along_the_edge() -> None:
    level = _cut_bar()
    stage = Stage(
        level,
        None,
        None,
        Settings(),
        3,
        0,
        True,
        None,
        None,
        onward(level.image, level.known, 0.4, 0.5, 0.01),
    )
    picture = stage._go_on(level.image)
    assert level.image[23:27, 40:42].mean() > 0.7, "the guess says sky"
    assert picture[23:27, 40:42].mean() < 0.3
    assert picture[32:36, 40:42].mean() > 0.7, "sky goes on as sky"
    assert stage.band[4:36, 40:42].all()
    changed = (picture != level.image).any(-1)
    assert (changed <= stage.band).all()
    assert not (stage.band & level.known).any()


def test_the_colour_of_known_cells_counts_at_the_edge_alone() -> None:
    level = _cut_bar()
    stage = Stage(
        level,
        None,
        None,
        Settings(edge=7.0),
        3,
        0,
        True,
        None,
        None,
        onward(level.image, level.known, 0.4, 0.5, 0.01),
    )
    targets = stage._targets(level.image, fresh=False)
    weight = targets.weights[:, stage.basis.components]
    known = level.known.ravel()[targets.where]
    assert (weight[known] == 7).all()
    assert (weight[~known] == 0).all()
    assert known.any()
