"""What is rare is dear to copy amid the photo, and what a coarser level tells holds up to the photo's rim."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.complete import complete
from outpaint_patch.layout import filled
from outpaint_patch.onward import onward
from outpaint_patch.pyramid import Level
from outpaint_patch.salience import amid, excess
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage

from .scenes import central


def _grain(height: int, width: int) -> NDArray[np.float32]:
    """Grain of a few cells, float32 (height, width, 3) around 0.5."""
    rng = np.random.default_rng(5)
    noise = cv2.GaussianBlur(rng.normal(0, 0.6, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    result: NDArray[np.float32] = np.clip(np.float32(0.5) + noise, 0, 1)
    return result


def _stage(height: int, width: int, before: Stage | None = None) -> Stage:
    known = central(height, width)
    level = Level(_grain(height, width), known)
    going = onward(level.image, known, 0.99, 0.5, 0.01)
    rarity, price = (None, None) if before is None else (before.rarities(), before.prices())
    return Stage(level, None, None, Settings(), 3, 0, before is None, rarity, price, going)


def test_a_cell_that_is_not_told_is_as_the_nearest_that_is() -> None:
    plane = np.array([[0, 2, 0, 0, 7]], np.float32)
    assert filled(plane, plane > 0).tolist() == [[2, 2, 2, 7, 7]]
    assert filled(plane, np.zeros((1, 5), bool)) is plane


def test_at_a_finer_level_the_rim_is_no_less_rare_and_no_cheaper() -> None:
    """Its sources reach further than the coarser level's."""
    coarse = _stage(40, 60)
    coarse.price = np.full_like(coarse.price, 0.7)
    fine = _stage(60, 90, coarse)
    assert fine.price == pytest.approx(0.7)
    rarity = np.asarray(fine.rarity).ravel()[fine.here]
    assert rarity.min() > 0.3 * np.median(rarity)
    elsewhere = np.ones(60 * 90, bool)
    elsewhere[fine.here] = False
    assert not np.asarray(fine.rarity).ravel()[elsewhere].any()


def test_what_recurs_exactly_stays_so_beside_something_rare() -> None:
    """No rarity at all is told as well; it is not to be taken for a place of which nothing is told."""
    coarse = _stage(40, 60)
    assert coarse.rarity is not None
    coarse.rarity[:] = 0
    coarse.rarity[20, 30] = 0.5
    assert (coarse.rarities() > 0).sum() == 1


def test_amid_is_far_from_what_is_to_be_filled_and_not_from_the_frame() -> None:
    known = np.zeros((30, 60), bool)
    known[:, 20:] = True
    much = amid([known, np.ones((30, 60), bool)], 10)
    assert much.shape == (60, 60)
    assert not much[:30, :20].any()
    assert much[:30, 20].max() < 0.2
    assert much[:30, 24] == pytest.approx(0.5, abs=0.05)
    assert much[:30, 31:].min() == 1
    assert much[30:].min() == 1


def test_what_is_as_rare_as_most_costs_nothing() -> None:
    rarity = np.array([[0, 0.1, 0.2, 0.2, 0.3, 1]], np.float32)
    assert excess(rarity)[0] == pytest.approx([0, 0, 0, 0, 0.1, 0.8])
    assert not excess(np.zeros((3, 4), np.float32)).any()


def test_rare_things_are_dear_amid_the_photo_and_free_at_its_edge() -> None:
    stage = _stage(60, 90)
    rarity = np.asarray(stage.rarity)
    rare = excess(rarity).ravel()[stage.here]
    some = (stage.where < 60 * 90) & (rare > 0)
    away = np.minimum.reduce(
        [stage.here // 90 - 10, 49 - stage.here // 90, stage.here % 90 - 15, 74 - stage.here % 90]
    )[some]
    cost = stage.fixed[some] / rarity.ravel()[stage.here][some]
    assert cost[away == 3].max() < 10
    assert cost[away >= 19].min() > 35
    assert cost[away >= 19].max() > 50  # of the rarest


def _rim(seed: int) -> float:
    """How often rows at the edges of a strip of grain are taken, in how often its rows are on average."""
    known = np.zeros((240, 120), bool)
    known[80:160] = True
    image = (255 * _grain(240, 120)).astype(np.uint8)
    image[~known] = 128
    chance = np.random.default_rng(seed)
    found = complete(image, known, (), None, Settings(), chance, lambda _: None, lambda: None)
    assert found is not None
    height, width = found.level.known.shape
    planes = 1 + len(found.level.guides)
    numbers = found.numbers[~found.level.known]
    numbers = numbers[
        numbers % (planes * height * width) < height * width
    ]  # enlargements have a rim of their own
    taken = numbers % (height * width) // width
    upside_down = numbers // (planes * height * width) == 2
    taken = np.where(upside_down, height - 1 - taken, taken)
    rows = np.flatnonzero(found.level.known.any(1))
    share = np.bincount(taken - rows[0], minlength=len(rows)) / len(taken) * len(rows)
    return float(max(share[:8].mean(), share[-8:].mean()))


def test_a_photo_of_grain_is_copied_from_all_over_and_not_from_its_rim() -> None:
    """1.6 times as often, since what lies amid the photo is dearer; 1.9 times if each level's rim were free."""
    assert np.mean([_rim(seed) for seed in range(3)]) < 1.75
