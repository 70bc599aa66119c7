"""Small pieces whose border shows give way to what is around them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.cut import Joins, cut
from outpaint_patch.pieces import pieces, scraps

HEIGHT, WIDTH = 24, 40
JOINS = Joins(difference=6.0, straight=3.0, any=0.01, stamp=0.1)


def _scrap(colour: float) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]]:
    """Steps (h, w) with four by five cells from elsewhere, where nothing is known, and the atlas of two planes.

    The first plane is plain, 0.5; the second, a step of one plane away, is of another ``colour``.
    """
    steps = np.zeros((HEIGHT, WIDTH), np.int64)
    steps[8:12, 20:25] = HEIGHT * WIDTH
    atlas = np.full((2 * HEIGHT * WIDTH, 3), 0.5, np.float32)
    atlas[HEIGHT * WIDTH :] = colour
    return steps, np.zeros((HEIGHT, WIDTH), bool), atlas


def test_pieces_are_side_by_side_and_of_one_step() -> None:
    steps = np.zeros((4, 6), np.int64)
    steps[1:3, 2] = 7
    steps[3, 3] = 7  # meets the others at a corner only
    free = np.ones((4, 6), bool)
    free[:, 5] = False
    label = pieces(steps, free)
    assert (label[~free] == 0).all()
    assert label[free].min() > 0
    assert len(np.unique(label[free])) == 3
    assert label[1, 2] == label[2, 2] != label[3, 3]
    assert label[0, 0] == label[3, 2] == label[0, 4]


def test_what_a_border_costs_is_shared_out_among_a_small_pieces_cells() -> None:
    steps, known, atlas = _scrap(0.1)
    cost = scraps(steps, known, ~known, atlas, JOINS)
    joins, each = 2 * (4 + 5), 2 * JOINS.difference * 0.4**2  # both sides of a join differ
    assert cost[8:12, 20:25] == pytest.approx(joins * each / 20, rel=1e-4)
    assert not cost[steps == 0].any()  # all the rest is one large piece


def test_nobody_minds_a_piece_that_joins_unseen() -> None:
    steps, known, atlas = _scrap(0.5)
    assert not scraps(steps, known, ~known, atlas, JOINS).any()


def test_the_known_part_is_no_piece_and_what_does_not_go_on_from_it_is_one() -> None:
    steps, known, atlas = _scrap(0.1)
    known[:, :20] = True
    cost = scraps(steps, known, ~known, atlas, JOINS)
    assert not cost[known].any()
    assert (cost[8:12, 20:25] > 0.5).all()
    steps[:, :20] = HEIGHT * WIDTH  # of no account: they keep what they have
    assert np.array_equal(scraps(steps, known, ~known, atlas, JOINS), cost)


def test_a_scrap_that_cells_one_by_one_would_keep_goes_as_a_whole() -> None:
    """It suits its place by more than its border costs, but not by three times that."""
    steps, known, atlas = _scrap(0.1)
    there = steps > 0
    border = float(scraps(steps, known, ~known, atlas, JOINS)[there].mean())
    offsets = np.stack([np.zeros_like(steps), np.full_like(steps, HEIGHT * WIDTH)])
    data = np.stack([np.where(there, 2 * border, 0), np.where(there, 0, 2 * border)]).astype(np.float32)

    def chosen(share: float) -> NDArray[np.int32]:
        def again(taken: NDArray[np.int32]) -> NDArray[np.float32]:
            own = np.take_along_axis(offsets, taken[None].astype(np.int64), 0)
            return np.float32(share) * scraps(own[0], known, ~known, atlas, JOINS) * (offsets == own)

        return cut(offsets, data, known, ~known, atlas, JOINS, again=again)

    assert np.array_equal(chosen(0.0) == 1, there)
    assert not chosen(2.0).any()
