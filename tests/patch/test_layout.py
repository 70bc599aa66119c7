"""Where cells beyond the photo fold to, and how far off they are."""

from __future__ import annotations

import numpy as np
import pytest
from outpaint_patch.layout import DEEP, far_off, folded_places
from outpaint_patch.onward import onward
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage


def _tall() -> np.ndarray:
    known = np.zeros((100, 30), bool)
    known[40:60, 5:25] = True
    return known


def test_what_is_far_above_the_photo_folds_into_its_upper_part() -> None:
    place, short = folded_places(_tall())
    assert short == 20
    row = place[:, 0, 0]
    np.testing.assert_allclose(row[40:60], np.arange(20) / 20)
    np.testing.assert_allclose(row[39:35:-1], np.arange(4) / 20)  # as a mirror would have it
    assert row[:40].max() < DEEP < 0.5
    assert row[60:].min() >= 1 - DEEP - 0.05
    np.testing.assert_allclose(row[60:], (19 / 20 - row[:40])[::-1], atol=1e-6)


def test_rows_are_the_further_off_up_to_half_a_photo() -> None:
    far = far_off(_tall())
    assert (far[40:60] == 0).all()
    assert 0 < far[39] < far[35] < far[31] < 1
    assert far[35] == pytest.approx(0.5)
    assert (far[:30] == 1).all()
    assert (far[70:] == 1).all()
    assert not far_off(np.zeros((5, 5), bool)).any()


def test_another_row_is_dear_beside_the_photo_and_far_from_it() -> None:
    rng = np.random.default_rng(0)
    known = np.zeros((120, 60), bool)
    known[45:75, 15:45] = True
    level = Level(rng.random((120, 60, 3)).astype(np.float32), known)
    settings = Settings(row=2.5, far=5.0)
    stage = Stage(
        level, None, None, settings, 3, 0, True, None, None, onward(level.image, level.known, 0.4, 0.5, 0.01)
    )
    targets = stage._targets(level.image, fresh=False)
    weight = np.full(known.size, np.nan, np.float32)
    weight[targets.where] = targets.weights[:, stage.basis.components + 6]
    weight = weight.reshape(known.shape) / (settings.place * stage.unit)
    np.testing.assert_allclose(weight[50:70, 8], 2.5, rtol=1e-5)
    np.testing.assert_allclose(weight[40:44, 30], 1 + 4 * np.array([5, 4, 3, 2]) / 15, rtol=1e-5)
    np.testing.assert_allclose(weight[5:25, 30], 5.0, rtol=1e-5)
    across = targets.weights[:, stage.basis.components + 7] / (settings.place * stage.unit)
    np.testing.assert_allclose(across, 1.0, rtol=1e-5)
