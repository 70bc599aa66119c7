"""What has been copied once is dearer to copy again close by, if anybody would see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from outpaint_patch import stage
from outpaint_patch.cut import cut
from outpaint_patch.finish import finish
from outpaint_patch.repeats import repeats, visible
from outpaint_patch.settings import Settings

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

WIDTH = 20


def _repeats(
    sources: list[list[int]], chosen: list[int], cells: list[int], reach: float
) -> list[list[float]]:
    order = np.arange(len(cells), dtype=np.int32)
    table = np.array(sources, np.int32)
    found = repeats(table, np.array(chosen, np.int32), order, np.array(cells, np.int32), WIDTH, reach)
    result: list[list[float]] = found.tolist()
    return result


def test_the_first_copy_stays_and_the_second_and_whoever_would_be_the_next_are_dearer() -> None:
    sources = [[7, 7, 3, 9], [1, 2, 7, 8]]  # of four cells in a row, two candidates each
    found = _repeats(sources, [0, 0, 0, 0], [0, 1, 2, 3], 5)
    assert found == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_what_is_not_chosen_is_no_copy() -> None:
    assert _repeats([[7, 7], [1, 2]], [1, 0], [0, 1], 5) == [[0, 0], [0, 0]]


@pytest.mark.parametrize("apart", [3, 3 * WIDTH, 3 * WIDTH + 3])
def test_far_away_it_does_not_matter(apart: int) -> None:
    assert _repeats([[7, 7]], [0, 0], [0, apart], 3) == [[0, 1]]
    assert _repeats([[7, 7]], [0, 0], [0, apart], 2) == [[0, 0]]


def test_a_copy_is_found_among_many() -> None:
    """The nearest of several copies need not be the first of them."""
    cells = [0, 10, 19]
    assert _repeats([[7, 7, 7]], [0, 0, 0], cells, 9) == [[0, 0, 1]]


def test_of_a_plain_sky_or_of_what_recurs_anyway_nobody_sees_two() -> None:
    rng = np.random.default_rng(2)
    sheet = np.full((40, 60, 3), 0.6, np.float32)
    sheet[:, 30:] = rng.random((40, 30, 3))
    rarity = np.full((40, 60), 0.1, np.float32)
    rarity[:20] = 0.0
    rarity[:5] = 0.4
    seen = visible(sheet, rarity)
    assert seen[:, :25].max() < 0.01
    assert seen[:4, 35:].min() > 0.8  # rare
    assert seen[25:, 35:] == pytest.approx(0.5, abs=0.05)  # as usual
    assert not seen[6:20].any()  # recurs
    assert not visible(sheet, np.zeros((40, 60), np.float32)).any()


@pytest.mark.parametrize("beside", [True, False])
def test_beside_the_photo_and_there_alone_repetition_has_its_price(
    beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    image = np.repeat(np.repeat(rng.integers(0, 256, (30, 40, 3), np.uint8), 3, 0), 3, 1)
    known = np.zeros((90, 120), bool)
    rect = Rect(36, 20, 48, 50) if beside else Rect(0, 20, 120, 50)
    known[rect.slices()] = True
    asked: list[np.ndarray] = []

    def spying(*args: Any, again: Any, **more: Any) -> np.ndarray:
        def told(chosen: np.ndarray) -> np.ndarray:
            asked.append(again(chosen))
            assert asked[-1].shape == (len(args[0]), *args[2].shape)
            rows = args[2].any(1)
            assert not asked[-1][:, ~rows].any()
            assert not asked[-1][:, args[2]].any()
            return asked[-1]

        result: np.ndarray = cut(*args, again=told if again is not None else None, **more)
        return result

    monkeypatch.setattr(stage, "cut", spying)
    finish(HarmonizeJob(image, known, rect, None), Context(seed=0), Settings())
    assert bool(asked) is beside
    assert any(cost.any() for cost in asked) is beside
