"""Far outside, chance spreads what is copied over all that would do there."""

from __future__ import annotations

import cv2
import numpy as np
from outpaint_patch.complete import complete
from outpaint_patch.onward import onward
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage
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


def test_chance_has_no_say_near_the_photo_nor_where_all_is_plain() -> None:
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.normal(0.5, 0.5, (100, 60, 3)).astype(np.float32), (0, 0), 1)
    image[:30] = 0.5
    known = np.zeros((100, 60), bool)
    known[40:60] = True
    going = onward(image, known, 0.99, 0.5, 0.01)
    chance = addresses(100, 60, rng)
    stage = Stage(Level(image, known), None, None, Settings(), 3, 0, True, None, None, going, 1, chance)
    weights = np.zeros((100, 60), np.float32)
    weights.ravel()[stage.cells] = stage._targets(image, False).weights[:, -1]
    assert weights[:27].max() == 0
    assert weights[40:60].max() == 0
    assert (np.diff(weights[60:63].mean(1)) > 0).all()
    assert weights[70:97, 3:-3].min() > 0.5 * stage.unit
    finer = Stage(
        Level(image, known), None, None, Settings(exact=10), 3, 3, False, stage.rarity, None, going, 1, chance
    )
    assert finer.addresses is None
    assert finer.expected.shape[2] == stage.expected.shape[2] - NUMBERS


def _copied(variety: float, seed: int) -> float:
    """How many different cells of uneven grain are copied to a cell far above it, where the guess is plain grey."""
    rng = np.random.default_rng(5)
    height, width = 240, 120
    grain = cv2.GaussianBlur(rng.normal(0, 80, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    uneven = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 8)
    photo = np.clip(128 + grain + (30 / uneven.std() * uneven)[..., None], 0, 255)
    known = np.zeros((height, width), bool)
    known[80:160] = True
    image = np.where(known[..., None], photo, 128).astype(np.uint8)
    settings, chance = Settings(variety=variety, finest=15_000), np.random.default_rng(seed)
    found = complete(image, known, (), None, settings, chance, lambda _: None, lambda: None)
    assert found is not None
    h, w = found.level.known.shape
    place = found.numbers % (h * w)
    bank, y, x = found.numbers // (h * w), place // w, place % w
    source = np.where(bank == 2, h - 1 - y, y) * w + np.where(bank == 1, w - 1 - x, x)
    far = source[: h // 4]
    return float(len(np.unique(far)) / far.size)


def test_far_outside_more_of_the_photo_is_seen() -> None:
    """At twice the usual weight, so that a few seeds tell: means differ by a third, seeds by a tenth."""
    weights = (0, 2 * Settings.variety)
    fewer, more = (np.mean([_copied(variety, seed) for seed in range(4)]) for variety in weights)
    assert more > 1.15 * fewer
