"""Far outside, chance spreads what is copied over all that would do there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from outpaint_patch.complete import complete
from outpaint_patch.settings import Settings
from outpaint_patch.variety import NUMBERS, addressed, addresses


def test_addresses_of_places_and_of_sources_are_a_unit_apart_and_smooth() -> None:
    drawn = addresses(300, 200, np.random.default_rng(0))
    assert drawn.shape == (2, 96, 64, NUMBERS)
    there, here = drawn
    others = np.random.default_rng(1).permutation(here.reshape(-1, NUMBERS)).reshape(here.shape)
    assert 0.9 < np.square(there - others).sum(2).mean() < 1.1
    assert np.square(np.diff(there, axis=1)).sum(2).mean() < 0.1


def test_the_same_seed_draws_the_same_addresses() -> None:
    one, two, other = (addresses(60, 90, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.allclose(one, other)


def test_very_long_frames_have_addresses_too() -> None:
    drawn = addresses(4000, 3, np.random.default_rng(0))
    assert np.isfinite(drawn).all()
    assert drawn.shape[2] >= 4


def test_known_cells_and_guides_have_sources_addresses_and_others_those_of_places() -> None:
    drawn = addresses(40, 30, np.random.default_rng(0))
    known = np.zeros((20, 15), bool)
    known[5:15, 5:10] = True
    found = addressed(drawn, known, 2)
    assert found.shape == (60, 15, NUMBERS)
    assert np.array_equal(found[20:40], found[40:])
    assert np.array_equal(found[:20][known], found[20:40][known])
    assert not np.isclose(found[:20][~known], found[20:40][~known]).all(1).any()


def _tuft(height: int, width: int, rows: slice) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A strip of grain in a tall frame (height, width, 3) and where it is known; grey, what the guess says, elsewhere."""
    rng = np.random.default_rng(5)
    noise = cv2.GaussianBlur(rng.normal(0, 150, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    known = np.zeros((height, width), bool)
    known[rows] = True
    return np.where(known[..., None], np.clip(128 + noise, 0, 255), 128).astype(np.uint8), known


def _repeated(settings: Settings) -> float:
    """Share of the cells far from a strip of grain that are copies of what is copied close by, too."""
    image, known = _tuft(240, 120, slice(95, 145))
    found = complete(image, known, (), None, settings, np.random.default_rng(0), lambda _: None, lambda: None)
    assert found is not None
    height, width = found.level.known.shape
    place = found.numbers % (height * width)
    bank, y, x = found.numbers // (height * width), place // width, place % width
    source = np.where(bank == 2, height - 1 - y, y) * width + np.where(bank == 1, width - 1 - x, x)
    reach = width // 6
    far = np.zeros((height, width), bool)
    far[: height // 4] = True
    again = np.zeros((height, width), bool)
    for dy in range(-reach, 1):
        for dx in range(-reach, reach + 1):
            if max(abs(dy), abs(dx)) > 2:
                again |= np.roll(source, (dy, dx), (0, 1)) == source
    return float(again[far].mean())


def test_far_outside_less_is_seen_again_close_by() -> None:
    assert _repeated(Settings()) < 0.8 * _repeated(Settings(variety=0))
