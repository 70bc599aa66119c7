"""Corrections of colour: joins whose step differs along them vanish, edges that do not fit stay."""

from __future__ import annotations

import numpy as np
import pytest
from outpaint_patch.finish import correct
from outpaint_patch.pyramid import Level
from outpaint_patch.seam import corrections
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Completed

HEIGHT, WIDTH = 24, 48


def _joined(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atlas (2 n, 3), map and known cells: the photo's row 0 on top, below it two plain sources side by side.

    The second, of the atlas's other half, is brighter by ``step`` (h,), which differs from row to row.
    """
    plain = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    atlas = np.concatenate((plain.reshape(-1, 3), (plain + step[:, None, None]).reshape(-1, 3)))
    numbers = np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH)
    numbers[1:, WIDTH // 2 :] += HEIGHT * WIDTH
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[0] = True
    return atlas.astype(np.float32), numbers, known


def _left_over(step: np.ndarray, **more: float) -> np.ndarray:
    """The steps (h,) that are left along the join."""
    atlas, numbers, known = _joined(step)
    copied = atlas[numbers]
    nothing = np.zeros_like(copied)
    pull = np.full(known.shape, 1e-3, np.float32)
    found = corrections(copied, atlas, numbers, known, nothing, pull, iterations=300, **more)  # type: ignore[arg-type]
    assert not found[known].any()
    mended = copied + found
    result: np.ndarray = (mended[1:, WIDTH // 2] - mended[1:, WIDTH // 2 - 1]).mean(-1)
    return result


def test_a_step_that_differs_along_the_join_is_gone_everywhere() -> None:
    step = np.linspace(-0.1, 0.1, HEIGHT).astype(np.float32)
    left = np.abs(_left_over(step))
    assert left.max() < 0.02
    assert left.max() < 0.5 * np.abs(_left_over(step, firm=1.0)).max()


def test_an_edge_that_does_not_fit_is_not_smeared() -> None:
    step = np.full(HEIGHT, 0.5, np.float32)
    assert _left_over(step).min() > 0.37
    assert _left_over(step) == pytest.approx(_left_over(step, firm=1.0), abs=1e-6)


def test_where_a_source_ends_at_the_join_its_own_step_is_not_wanted() -> None:
    """Sky copied up to the roof it ends at, beside other sky: nothing is to be mended, and no roof to be seen."""
    atlas, numbers, known = _joined(np.zeros(HEIGHT, np.float32))
    atlas.reshape(2, HEIGHT, WIDTH, 3)[0, 1:, WIDTH // 2 :] = 0.1  # the roof in the first source
    copied = atlas[numbers]
    assert copied.min() == np.float32(0.4)
    pull = np.full(known.shape, 1e-3, np.float32)
    found = corrections(copied, atlas, numbers, known, np.zeros_like(copied), pull, iterations=300)
    assert np.abs(found).max() < 2e-3


def test_what_goes_straight_on_keeps_its_hue_whatever_the_guess() -> None:
    known = np.zeros((60, 80), bool)
    known[:, :30] = True
    image = np.full((60, 80, 3), 0.5, np.float32)
    image[:, 30:] = (0.6, 0.5, 0.4)  # the guess
    level = Level(image, known)
    here = np.arange(known.size, dtype=np.int32).reshape(known.shape)
    numbers = np.where(known, here, here // 80 * 80 + here % 80 % 30).astype(np.int32)

    def shift(held: np.ndarray) -> float:
        """How much redder than blue corrections make what is far from the photo."""
        made = correct(Completed(level, numbers, 0.0, held), level.atlas()[numbers], Settings())
        return float((made[..., 0] - made[..., 2])[:, 60:].mean())

    assert shift(np.zeros_like(known)) > 0.02
    assert abs(shift(~known)) < 0.002
