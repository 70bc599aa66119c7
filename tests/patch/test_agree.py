"""Beliefs over offsets, and what makes a source rare."""

from __future__ import annotations

import numpy as np
from outpaint_patch.agree import IMPOSSIBLE, agree
from outpaint_patch.search import Sources, Targets, alone


def _one_row(cost: np.ndarray) -> tuple[Sources, Targets]:
    """Cells in a row that all see one number; a source's distance to a target is the square of its own."""
    width = len(cost)
    lookup = np.arange(2 * width, dtype=np.int32)
    features = np.concatenate((cost, cost)).astype(np.float32)[:, None]
    sources = Sources((1, width), lookup, lookup, features, np.zeros(2 * width, np.float32))
    cells = np.arange(width // 2, dtype=np.int32)
    targets = Targets(cells, np.zeros((len(cells), 1), np.float32), np.ones((len(cells), 1), np.float32))
    return sources, targets


def test_a_lone_cell_follows_its_neighbours_only_where_that_is_worth_it() -> None:
    height = np.zeros(24, np.float32)
    height[13] = 1.0  # what the common offset offers the cell in the middle: a distance of 1
    sources, targets = _one_row(height)
    for weight, follows in ((2.0, True), (0.1, False)):
        numbers = np.arange(24, dtype=np.int32)[None].copy()
        numbers[0, :12] += 8  # all want what lies 8 cells on
        numbers[0, 5] = 5 + 12  # but one
        numbers[0, 4] = 4 + 12
        before = (numbers[0, :12] - np.arange(12)).copy()
        cost = np.square(height[numbers[0, :12]])
        after = agree(numbers, cost, targets, sources, weight, 8, rounds=100)
        offsets = numbers[0, :12] - np.arange(12)
        assert (offsets[5] == 8) == follows
        assert set(offsets) <= set(before)
        np.testing.assert_allclose(after, np.square(height[numbers[0, :12]]))


def test_a_cell_that_no_frequent_offset_suits_keeps_its_own() -> None:
    height = np.zeros(24, np.float32)
    height[13] = 3.0  # a distance of 9
    sources, targets = _one_row(height)
    for weight, follows in ((20.0, True), (0.5, False)):
        numbers = np.arange(24, dtype=np.int32)[None].copy()
        numbers[0, :12] += 8
        numbers[0, 5] = 5 + 12
        cost = np.square(height[numbers[0, :12]])
        after = agree(numbers, cost, targets, sources, weight, 1, rounds=100)  # of one offset to choose from
        assert (numbers[0, 5] == 5 + 8) == follows
        assert after[5] == (9.0 if follows else 0.0)
        assert (np.delete(numbers[0, :12] - np.arange(12), 5) == 8).all()


def test_offsets_that_lead_out_of_the_photo_are_never_taken() -> None:
    sources, targets = _one_row(np.zeros(24, np.float32))
    numbers = np.arange(24, dtype=np.int32)[None].copy()
    numbers[0, :12] += 8
    numbers[0, 0] = 47  # an offset that only the first cell can have
    cost = np.zeros(12, np.float32)
    agree(numbers, cost, targets, sources, 5.0, 8)
    assert (numbers[0, :12] < 48).all()
    assert (sources.lookup(numbers[0, :12]) >= 0).all()
    assert float(IMPOSSIBLE) > 100


def test_what_recurs_is_common_and_what_stands_alone_is_rare() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(0, 0.01, (400, 4)).astype(np.float32)
    codes[207] += 1
    y, x = np.divmod(np.arange(400, dtype=np.int32), 20)
    rarity = alone(codes, y, x, 2, 0.01)
    assert rarity.argmax() == 207
    assert rarity[207] > 100 * np.median(rarity)


def test_patches_that_overlap_do_not_make_each_other_common() -> None:
    codes = np.zeros((100, 2), np.float32)
    codes[50:] = 1
    y, x = np.zeros(100, np.int32), np.arange(100, dtype=np.int32)
    lone = codes.copy()
    lone[10:13] = 5  # three neighbours alike, but all within reach of each other
    rarity = alone(lone, y, x, 4, 0.0)
    assert (rarity[10:13] > 10).all()
    assert rarity[30] == 0
