"""What the photo's left or right edge cuts goes on as its reflection, if it is a thing and not texture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.complete import complete
from outpaint_patch.finish import finish
from outpaint_patch.search import Sources, Targets
from outpaint_patch.settings import Settings
from outpaint_patch.things import Turning, concentration, forgivable, offer_turned, outermost, things

from outpaint_cli.plugin import Context

from .scenes import central, rough_job


def _noise(height: int = 60, width: int = 90) -> NDArray[np.float32]:
    """Grain of a few cells, float32 (height, width, 3) around 0.5."""
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(0, 0.5, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    result: NDArray[np.float32] = np.float32(0.5) + grain
    return result


def _peaks(height: int = 180, width: int = 240) -> NDArray[np.uint8]:
    """Peaks of rock with snow before a grainy sky; a photo of the middle two thirds cuts the last at its summit."""
    rng = np.random.default_rng(3)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.linspace((110, 130, 170), (180, 160, 150), height)[:, None]
    picture += cv2.GaussianBlur(rng.normal(0, 60, picture.shape), (0, 0), 1.5)
    middle = width - width // 6 - 1
    y, x = np.mgrid[:height, :width]
    rock = 80 + 60 * cv2.GaussianBlur(rng.normal(0, 1.5, (height, width)).astype(np.float32), (0, 0), 1.5)
    for summit, top in ((60, 70), (125, 60), (middle, 75)):
        below = y > top + 1.3 * np.abs(x - summit)
        picture[below] = rock[below][:, None]
        snow = below & (y < top + 30 + 5 * np.sin(np.abs(x - summit) / 4))
        picture[snow] = rock[snow][:, None] + 130
    picture[:, middle + 1 :] = picture[:, 2 * middle - width + 1 : middle][:, ::-1]
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_detail_lies_in_few_places_where_there_is_an_outline_and_everywhere_in_texture() -> None:
    outline = np.full((60, 90, 3), 0.5, np.float32)
    outline[20:40, 30:60] = 0.9
    known = np.ones((60, 90), bool)
    assert concentration(_noise(), known).max() < 0.2
    assert concentration(outline, known)[15:45, 25:65].min() > 0.6


def test_what_is_not_known_has_no_say() -> None:
    known = np.ones((60, 90), bool)
    known[:, 60:] = False
    picture, other = _noise(), _noise()
    other[:, 60:] = 0
    assert np.array_equal(concentration(picture, known), concentration(other, known))


def test_a_thing_is_concentrated_and_rare() -> None:
    picture = np.full((60, 90, 3), 0.5, np.float32)
    picture[20:40:8, :30] = 0.9
    picture[20:40:8, 60:] = 0.9
    known = np.ones((60, 90), bool)
    rarity = np.full((60, 90), 1e-4, np.float32)
    rarity[15:45, :35] = 1e-2
    sure = things(picture, known, rarity)
    assert sure[20:40, :30].min() > 0.9
    assert sure[20:40, 70:].max() < 0.3
    assert things(_noise(), known, rarity).max() == 0


@pytest.mark.parametrize("turned", [False, True])
def test_only_the_first_thing_from_the_edge_may_be_cut_by_it(turned: bool) -> None:
    known = np.zeros((60, 110), bool)
    known[:, 10:100] = True
    picture = np.full((60, 110, 3), 0.5, np.float32)
    picture[20:40:4, 10:22] = 0.9
    picture[20:40:4, 36:46] = 0.9
    first = outermost(picture[:, ::-1] if turned else picture, known)
    first = first[:, ::-1] if turned else first
    assert first[20:37, 10:32].min() > 0.99
    assert first[20:37, 38:50].max() == 0


def test_where_all_is_plain_nothing_is_behind_another() -> None:
    known = np.zeros((30, 40), bool)
    assert outermost(np.zeros((30, 40, 3), np.float32), known).min() == 1
    known[5:25, 8:32] = True
    assert outermost(np.full((30, 40, 3), 0.5, np.float32), known).min() == 1


def test_a_peak_that_the_edge_cuts_is_made_whole_by_its_reflection() -> None:
    truth = _peaks()
    known = central(*truth.shape[:2])
    job = rough_job(truth, known)
    right = int(np.flatnonzero(known.any(0))[-1])
    peak = np.s_[75:106, right + 1 : right + 17]

    def reflected(settings: Settings) -> float:
        """Share of the peak's cells that are turned over."""
        chance = np.random.default_rng(0)
        found = complete(job.image, known, (), None, settings, chance, lambda _: None, lambda: None)
        assert found is not None
        assert found.numbers.shape == known.shape
        planes = 1 + len(found.level.guides)
        return float((found.numbers // (planes * known.size) == 1)[peak].mean())

    def error(settings: Settings) -> float:
        """Of the peak's colours, but for grain, in the mean of some seeds: any one may be lucky."""
        off = []
        for seed in range(4):
            image, _ = finish(job, Context(seed=seed, threads=1), settings)
            off.append(cv2.GaussianBlur(image.astype(np.float32) - truth, (0, 0), 2)[peak])
        return float(np.square(off).mean())

    # an enlargement makes it whole, too: here it is to be the reflection
    alone = Settings(nearer=False)
    assert reflected(replace(alone, thing=0)) < 0.2
    assert reflected(alone) > 0.45
    assert error(alone) < 0.95 * error(replace(alone, thing=0))


def test_a_pattern_is_no_thing() -> None:
    known = np.ones((60, 90), bool)
    picture = np.full((60, 90, 3), 0.5, np.float32)
    picture[:, 40:50] = 0.9
    rarity = np.random.default_rng(4).uniform(1e-9, 1e-8, (60, 90)).astype(np.float32)
    assert things(picture, known, rarity).max() < 0.01


def _offered(
    known: NDArray[np.bool_], penalty: float = 0, forgiven: float = 0
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]:
    """Cells, steps and costs, all of which were 1, after a reflection that fits as well as anything was offered.

    But for a ``penalty``, of which a thing is ``forgiven`` some.
    """
    cells = np.flatnonzero(~known).astype(np.int32)
    features = np.zeros((len(cells), 2), np.float32)
    rows = np.zeros(3 * known.size, np.int32)
    sources = Sources(known.shape, np.zeros(1, np.int32), rows, features[:1], np.full(1, penalty, np.float32))
    steps, costs = np.ones((3, len(cells)), np.int64), np.ones((3, len(cells)), np.float32)
    turning = Turning(np.ones(known.shape, np.float32), 8.0, 0.5, np.full(known.shape, forgiven, np.float32))
    offer_turned(steps, costs, Targets(cells, features, features), sources, known, 2, turning)
    return cells, steps, costs


@pytest.mark.parametrize("hidden", ["above and below", "a hole in the middle"])
def test_only_beside_a_whole_photo_there_is_a_reflection(hidden: str) -> None:
    height, width = 20, 30
    known = np.zeros((height, width), bool)
    if hidden == "above and below":
        known[5:15] = True
    else:
        known[:, 5:25] = True
        known[8:12, 12:16] = False
    _, steps, costs = _offered(known)
    assert (steps == 1).all()
    assert (costs == 1).all()


def test_a_reflection_is_worth_most_at_the_edge_and_nothing_far_off() -> None:
    height, width = 20, 60
    known = np.zeros((height, width), bool)
    known[:, :30] = True
    cells, steps, costs = _offered(known)
    turned = steps[-2] != 1
    assert (turned == (cells % width < 59)).all()  # the edge itself is not repeated: there is one column less
    assert (cells + steps[-2])[0] == height * width + width - 1 - 28
    cost = costs[-2].reshape(height, 30).mean(0)
    assert (np.diff(cost[:20]) > 0).all()
    assert cost[0] < -5
    assert np.abs(cost[25:29]).max() < 1e-3
    assert (costs[[0, 2]] == 1).all()


def test_a_thing_may_lean_at_the_edge_and_ever_less_further_in() -> None:
    known = np.zeros((20, 30), bool)
    known[:, 10:20] = True
    upright, leaning = (_offered(known, *more)[2][-2] for more in ((0.0, 0.0), (5.0, 5.0)))
    more = (leaning - upright).reshape(20, 20).mean(0)[:10]  # left of the photo, outermost first
    assert more[-1] < 2
    assert (np.diff(more[2:]) < 0).all()
    assert (_offered(known, 5.0, 0.0)[2][-2] - upright).max() > 4


def test_a_thing_may_lean_sooner_than_it_is_sure_to_be_one() -> None:
    assert forgivable(np.array([0, 0.125, 0.25, 1], np.float32)).tolist() == [0, 0.5, 1, 1]
