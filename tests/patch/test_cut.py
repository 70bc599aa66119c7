"""Candidates of cells, and the choice among them by how visible joins are."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from outpaint_patch.agree import IMPOSSIBLE
from outpaint_patch.cut import Joins, cut
from outpaint_patch.offers import offers
from outpaint_patch.search import Sources, Targets

PLAIN = Joins(difference=6.0, straight=3.0, any=0.0, stamp=0.0)


def _again(step: int, width: int = 30) -> bool:
    """Whether a step between offsets leads back by 1 to 6 cells, in the same row or the next."""
    return any(step == width * rows - back for rows in (-1, 0, 1) for back in range(1, 7))


def _energy(
    choice: np.ndarray, offsets: np.ndarray, data: np.ndarray, atlas: np.ndarray, joins: Joins
) -> float:
    """Of a row of cells, the first of which is known."""
    chosen = [0, *(int(offsets[c, 0, x]) for x, c in enumerate(choice, 1))]
    total = sum(float(data[c, 0, x]) for x, c in enumerate(choice, 1))
    for x, (a, b) in enumerate(pairwise(chosen)):
        here = np.square(atlas[x + a] - atlas[x + b]).mean()
        there = np.square(atlas[x + 1 + a] - atlas[x + 1 + b]).mean()
        differ = 2 * joins.straight * here if x == 0 else here + there
        total += joins.difference * float(differ) + joins.any * (a != b) + joins.stamp * _again(b - a)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_along_a_row_the_choice_is_the_best_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    joins = Joins(difference=3.0, straight=2.0, any=0.2, stamp=0.5)
    width, count, cells = 30, 3, 7
    atlas = rng.random((160, 3)).astype(np.float32)
    offsets = rng.integers(40, 120, (count, 1, width))
    offsets[1, 0, 2:] = offsets[0, 0, 1:-1] - 1  # where the cell before has its source: a stamp
    offsets[2, 0, 3:] = offsets[1, 0, 2:-1] + width * (seed % 3 - 1) - seed  # one of some cells, a row away
    data = rng.random((count, 1, width)).astype(np.float32)
    known, free = np.zeros((1, width), bool), np.zeros((1, width), bool)
    known[0, 0] = free[0, 1:cells] = True
    choice = cut(offsets, data, known, free, atlas, joins, rounds=80)[0, 1:cells]
    best = min(
        _energy(np.array(c), offsets, data, atlas, joins) for c in product(range(count), repeat=cells - 1)
    )
    assert _energy(choice, offsets, data, atlas, joins) == pytest.approx(best, rel=1e-4)


def _wall_and_sky() -> tuple[np.ndarray, np.ndarray]:
    """An atlas of 12 x 24 cells, wall to the left and sky to the right, and which cells are free."""
    picture = np.full((12, 24, 3), 0.3, np.float32)
    picture[:, 12:] = 0.8
    free = np.zeros((12, 24), bool)
    free[:, :10] = True
    return picture.reshape(-1, 3), free


@pytest.mark.parametrize(("difference", "scrap"), [(6.0, False), (0.01, True)])
def test_a_scrap_of_sky_in_a_wall_is_worth_it_only_if_it_does_not_show(
    difference: float, scrap: bool
) -> None:
    atlas, free = _wall_and_sky()
    offsets = np.stack((np.full(free.shape, 1), np.full(free.shape, 12)))
    data = np.zeros((2, *free.shape), np.float32)
    data[1] = 1.0
    data[:, 4:7, 4:7] = np.array([0.1, 0.0], np.float32)[:, None, None]  # where the guess would have sky
    joins = Joins(difference=difference, straight=1.0, any=0.0, stamp=0.0)
    chosen = cut(offsets, data, np.zeros_like(free), free, atlas, joins)
    assert (chosen[4:7, 4:7] == 1).all() == scrap
    assert (chosen[:3, :10] == 0).all()


def test_what_the_photos_edge_cuts_goes_on_though_it_costs_more() -> None:
    picture = np.full((9, 30, 3), 0.8, np.float32)
    picture[4, :20] = 0.1  # a line up to the edge
    known = np.zeros((9, 30), bool)
    known[:, :20] = True
    offsets = np.stack(
        (np.full(known.shape, -30 - 12), np.full(known.shape, -12))
    )  # from a row further up; as it is
    data = np.zeros((2, *known.shape), np.float32)
    data[1, 4] = 0.02
    free = ~known
    free[0] = False
    chosen = cut(offsets, data, known, free, picture.reshape(-1, 3), PLAIN)
    assert (chosen[4, 20:] == 1).all()
    easy = cut(offsets, data, known, free, picture.reshape(-1, 3), Joins(0.01, 1.0, 0.0, 0.0))
    assert (easy[4, 20:] == 0).all()


@pytest.mark.parametrize("period", [1, 3, 6])
def test_a_few_cells_are_not_stamped_side_by_side(period: int) -> None:
    width = 40
    atlas = np.full((8 * width, 3), 0.5, np.float32)  # all plain: no join shows
    cells = np.arange(width)
    tile = 60 + cells % period  # the same few again and again; the other candidate goes on
    offsets = np.stack((tile - cells, np.full(width, 180)))[:, None]
    dearer = 0.1 + 0.02 * np.random.default_rng(0).random(width)  # no two choices are as good
    data = np.stack((np.zeros(width), dearer))[:, None].astype(np.float32)
    free = np.ones((1, width), bool)
    known = np.zeros_like(free)
    stamped = cut(offsets, data, known, free, atlas, Joins(1.0, 1.0, 0.07, 0.0))
    assert (stamped == 0).all()
    dear = cut(offsets, data, known, free, atlas, Joins(1.0, 1.0, 0.07, 1.0))[0]
    again = (cells[1:] % period == 0) & (dear[1:] == 0) & (dear[:-1] == 0)
    assert not again.any()


def test_how_many_threads_there_are_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    offsets = rng.integers(0, 100, (5, 12, 15))
    data = rng.random((5, 12, 15)).astype(np.float32)
    known = np.zeros((12, 15), bool)
    known[4:8, 5:10] = True
    atlas = rng.random((400, 3)).astype(np.float32)
    one, four = (cut(offsets, data, known, ~known, atlas, PLAIN, threads) for threads in (1, 4))
    assert np.array_equal(one, four)


def _asked() -> tuple[np.ndarray, Targets, Sources, np.ndarray]:
    """A photo of 16 x 12 cells to the left of 8 unknown columns that take what lies 12 or 10 columns to the left."""
    shape = height, width = 16, 20
    known = np.zeros(shape, bool)
    known[:, :12] = True
    where = np.flatnonzero(known).astype(np.int32)
    lookup = np.full(3 * height * width, -1, np.int32)
    lookup[where] = np.arange(len(where))
    features = (where % width).astype(np.float32)[:, None]
    sources = Sources(shape, where, lookup, features, np.zeros(len(where), np.float32))
    cells = np.flatnonzero(~known).astype(np.int32)
    targets = Targets(cells, np.zeros((len(cells), 1), np.float32), np.ones((len(cells), 1), np.float32))
    numbers = np.arange(height * width, dtype=np.int32).reshape(shape)
    numbers[:, 12:] -= 12
    numbers[8:, 12:] += 2
    return numbers, targets, sources, known


def test_a_cell_is_offered_its_own_the_photos_and_its_neighbours_sources() -> None:
    numbers, targets, sources, known = _asked()
    edge = np.flatnonzero(known & (np.arange(20) == 11)).astype(np.int32)
    going = (edge, np.where(edge // 20 < 8, -8, -9).astype(np.int32))
    table, cost = offers(numbers, targets, sources, known, going, 1, 4, 4)
    assert table.shape == cost.shape == (4, len(targets.where))
    row, column = targets.where // 20, targets.where % 20
    assert np.array_equal(table[0], np.where(row < 8, -12, -10))  # its own, whatever it costs
    ahead = np.where(row < 8, -8, -9)
    possible = column + ahead < 12
    assert np.array_equal(table[1][possible], ahead[possible])  # the photo's nearest continuation
    assert (np.where(row < 8, -10, -12) == table).any(0).all()  # the common one of the others
    for k in range(4):
        inside = (column + table[k] >= 0) & (column + table[k] < 12)
        # a source costs the square of its column
        np.testing.assert_array_equal(cost[k][inside], np.square(column + table[k])[inside])
        assert (cost[k][~inside] == IMPOSSIBLE).all()


def test_where_the_photo_has_no_edge_nothing_goes_on() -> None:
    numbers, targets, sources, known = _asked()
    none = np.zeros(0, np.int32)
    table, cost = offers(numbers, targets, sources, known, (none, none), 1, 4, 3)
    assert (cost[0] < IMPOSSIBLE).all()
    assert (table[0] < 0).all()


def test_what_is_dearer_once_all_have_chosen_is_chosen_again() -> None:
    rng = np.random.default_rng(3)
    known, free = np.zeros((6, 8), bool), np.zeros((6, 8), bool)
    known[:, 0], free[:, 1:] = True, True
    offsets, data = rng.integers(0, 40, (3, 6, 8)), rng.random((3, 6, 8)).astype(np.float32)
    atlas, joins = rng.random((100, 3)).astype(np.float32), Joins(1.0, 1.0, 0.05, 0.05)
    asked: list[np.ndarray] = []

    def again(chosen: np.ndarray) -> np.ndarray:
        asked.append(chosen)
        more = np.zeros(data.shape, np.float32)
        more[chosen[2, 3], 2, 3] = 50
        return more

    once = cut(offsets, data, known, free, atlas, joins)
    twice = cut(offsets, data, known, free, atlas, joins, again=again)
    assert len(asked) == 1
    assert np.array_equal(asked[0], once)
    assert twice[2, 3] != once[2, 3]
    dearer = data.copy()
    dearer[once[2, 3], 2, 3] += 50
    assert np.array_equal(twice[free], cut(offsets, dearer, known, free, atlas, joins)[free])
