"""What has been copied once is dearer to copy again close by, if anybody would see it."""

from __future__ import annotations

import numpy as np
import pytest
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


def test_of_a_plain_sky_nobody_sees_two() -> None:
    rng = np.random.default_rng(2)
    sheet = np.full((40, 60, 3), 0.6, np.float32)
    sheet[:, 30:] = rng.random((40, 30, 3))
    seen = visible(sheet)
    assert seen[:, :25].max() < 0.01
    assert seen[:, 35:].min() > 0.9


def test_beside_a_photo_fewer_copies_are_made() -> None:
    """Bright spots on a dark wall: with the cost, fewer of the cells beside the photo repeat one another."""
    rng = np.random.default_rng(4)
    photo = np.full((60, 60, 3), 60, np.uint8)
    for y, x in rng.integers(3, 57, (40, 2)):
        photo[y - 2 : y + 3, x - 2 : x + 3] = rng.integers(100, 256, 3)
    image = np.full((60, 120, 3), 90, np.uint8)
    image[:, 30:90] = photo
    known = np.zeros((60, 120), bool)
    known[:, 30:90] = True
    job = HarmonizeJob(image, known, Rect(30, 0, 60, 60), None)

    def spots(again: float) -> int:
        """Patches of the side parts, without one in the plain wall, that stand there twice."""
        picture, info = finish(job, Context(seed=0), Settings(again=again))
        assert info["patches"]
        seen: dict[bytes, int] = {}
        for left in (0, 90):
            for y in range(53):
                for x in range(left, left + 23):
                    patch = picture[y : y + 7, x : x + 7] // 16
                    if patch.std() > 1:
                        seen[patch.tobytes()] = seen.get(patch.tobytes(), 0) + 1
        return sum(count - 1 for count in seen.values())

    without = spots(0)
    assert without > 0
    assert spots(Settings().again) < 0.8 * without
