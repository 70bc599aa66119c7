"""What runs straight out of the photo runs straight on."""

from __future__ import annotations

import numpy as np
import pytest
from outpaint_patch.finish import finish
from outpaint_patch.onward import drawn, onward
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage
from outpaint_patch.straight import cornered, enclosed, straight, together

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

HEIGHT, WIDTH = 96, 128
PHOTO = (slice(20, 76), slice(28, 100))


def _stripe(slope: float, at: float = 48.0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A bright stripe, ``slope`` rows a column, that passes the middle column in row ``at``; (h, w, 3)."""
    yy, xx = np.mgrid[:height, :width]
    off = np.abs(yy - at - slope * (xx - width / 2)) / np.hypot(1, slope)
    picture = np.full((height, width, 3), 0.3, np.float32)
    picture += np.clip(4 - off, 0, 1)[..., None] * np.array([0.5, 0.4, 0.0], np.float32)
    return picture


def _seen(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``picture`` with grey around PHOTO, and what is known of it."""
    known = np.zeros(picture.shape[:2], bool)
    known[PHOTO] = True
    return np.where(known[..., None], picture, np.float32(0.45)), known


@pytest.mark.parametrize("slope", [0.0, 0.31, -0.5, 1.2])
def test_a_stripe_that_meets_the_edge_is_straight_and_its_slope_is_found(slope: float) -> None:
    strip = _stripe(slope, 40 + slope * 64, 80)[:, :20]
    found = straight(strip)
    on_it = slice(38, 43)
    assert found.share[on_it].min() > 0.75
    assert np.median(found.slopes[35:46]) == pytest.approx(slope, abs=0.06)
    assert found.colours[40] == pytest.approx([0.8, 0.7, 0.3], abs=0.05)


def test_neither_noise_nor_a_plain_wall_nor_a_gradient_is_straight() -> None:
    noise = np.random.default_rng(5).random((80, 20, 3)).astype(np.float32)
    assert np.mean(straight(noise).share > Settings().straightness) < 0.05
    assert straight(np.full((80, 20, 3), 0.5, np.float32)).share.max() < 0.01
    yy, xx = np.mgrid[:80, :20].astype(np.float32)
    sky = np.repeat((0.3 + 0.004 * yy + 0.006 * xx)[..., None], 3, 2)
    assert straight(sky).share[10:-10].max() < Settings().straightness


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_on_each_side_it_runs_on_where_it_would(turn: int, slope: float) -> None:
    truth = _stripe(slope)
    image, known = _seen(truth)
    truth, image, known = (np.ascontiguousarray(np.rot90(a, turn)) for a in (truth, image, known))
    found = onward(image, known, 0.4, 0.5, 0.01)
    stripe = (truth[..., 0] > 0.7) & ~known
    near = found.fade > 0.5
    assert (stripe & near).sum() > 50
    assert found.weight[stripe & near].mean() > 0.8
    assert np.abs(found.colours - truth)[stripe & near].mean() < 0.06
    # what the way leads to, in the photo, is the stripe, too
    y, x = np.nonzero(stripe & near & (found.weight > 0.5))
    length = found.depth[y, x] + 3
    to = np.rint(np.stack((y, x), 1) + found.way[y, x] * length[:, None]).astype(int)
    assert known[to[:, 0], to[:, 1]].all()
    assert np.mean(truth[to[:, 0], to[:, 1], 0] > 0.5) > 0.9


def test_known_cells_stay_and_the_guess_gives_way_by_the_share() -> None:
    image, known = _seen(_stripe(0.0))
    found = onward(image, known, 0.4, 0.5, 0.01)
    half, whole = drawn(image, found, 0.5), drawn(image, found, 1.0)
    assert np.array_equal(half[known], image[known])
    assert np.allclose(half - image, 0.5 * (whole - image), atol=1e-6)
    assert np.abs(whole - image)[48, 24:28].max() > 0.2


def test_it_fades_and_ends() -> None:
    image, known = _seen(_stripe(0.0))
    found = onward(image, known, 0.4, 0.25, 0.01)  # of 56 rows: 14 cells
    assert found.weight[48, 14:28].min() > 0.9
    assert not found.weight[48, :14].any()
    assert np.all(np.diff(found.fade[48, 14:28]) > 0)


def test_an_edge_along_which_something_is_unknown_tells_nothing() -> None:
    image, known = _seen(_stripe(0.0))
    known[30:33, 29:32] = False
    found = onward(image, known, 0.4, 0.5, 0.01)
    assert not found.weight[:, :28].any()
    assert found.weight[48, 100:110].min() > 0.9


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (64, 64)])
def test_too_small_or_without_a_border_there_is_nothing(shape: tuple[int, int]) -> None:
    known = np.ones(shape, bool)
    known[:, -3:] = min(shape) > 5
    rows = np.arange(shape[0])[:, None, None] % 4 < 2
    found = onward(np.broadcast_to(rows, (*shape, 3)).astype(np.float32), known, 0.4, 0.5, 0.01)
    assert not found.weight.any()


def test_at_half_the_size_ways_are_the_same_and_depths_half() -> None:
    image, known = _seen(_stripe(0.4))
    found = onward(image, known, 0.4, 0.5, 0.01)
    small = found.at(HEIGHT // 2, WIDTH // 2)
    y, x = 34, 22  # on the stripe, 6 cells out
    assert found.weight[y, x] > 0.9 and small.weight[y // 2, x // 2] > 0.9
    assert small.way[y // 2, x // 2] == pytest.approx(found.way[y, x], abs=0.05)
    assert small.depth[y // 2, x // 2] == pytest.approx(found.depth[y, x] / 2, abs=0.5)
    assert small.strip[y // 2, x // 2] == pytest.approx(found.strip[y, x] / 2, abs=0.1)


def test_sources_are_known_and_look_like_what_runs_on() -> None:
    truth = _stripe(0.0)
    image, known = _seen(truth)
    image[47:49, 33:35] = 0.52  # something dull lies on the stripe
    found = onward(image, known, 0.4, 0.5, 0.01)
    cells = np.flatnonzero(~known).astype(np.int32)
    steps, sure = found.sources(cells, image, known, 3, 0.02)
    assert known.ravel()[(cells + steps)[sure > 0]].all()
    assert not steps[sure == 0].any()
    red = image.reshape(-1, 3)[cells + steps, 0]
    on_it = (truth.reshape(-1, 3)[cells, 0] > 0.7) & (found.weight.ravel()[cells] > 0.3)
    assert np.mean(red[on_it & (sure > 0.5)] > 0.7) > 0.95
    assert sure[on_it & (red < 0.55)].max(initial=0) < 0.25
    assert (on_it & (red < 0.55) & (steps != 0)).any()  # the strip as moved has that thing in it


def test_a_line_on_a_road_goes_on_under_a_grey_guess() -> None:
    rng = np.random.default_rng(2)
    height, width = 192, 256
    truth = np.rot90(_stripe(0.1, 128, width, height)).copy()
    truth += rng.normal(0, 0.02, (height, width, 1)).astype(np.float32)
    samples = np.clip(truth * 255, 0, 255).astype(np.uint8)
    known = np.zeros((height, width), bool)
    known[32:140, 40:216] = True
    guess = np.where(known[..., None], samples, np.uint8(80))
    job = HarmonizeJob(guess, known, Rect(40, 32, 176, 108), scale=3.0)

    def line(settings: Settings) -> float:
        """The share of the line below the photo, as far as that half, that is there."""
        made, _ = finish(job, Context(seed=0, threads=1), settings)
        wanted = (truth[..., 0] > 0.7) & ~known
        wanted[:140] = wanted[175:] = False
        return float((made[wanted].astype(int)[:, 0] > 150).mean())

    assert line(Settings()) > 0.65
    assert line(Settings(straightness=2.0)) < 0.5  # nothing is as straight as that


def test_what_becomes_thinner_above_the_lower_edge_is_copied_from_near_it() -> None:
    """A wedge and a bar run out below, and what is beside the wedge goes with it; to the left all is copied."""
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    wide = np.where(yy < 48, np.clip(5 - 0.5 * (xx - 28), 0, 5), 4)
    on_it = (np.abs(yy - 34) < wide) | (np.abs(yy - 62) < wide)
    wedge = np.where(on_it[..., None], np.float32(0.8), np.float32(0.3)) * np.ones(3, np.float32)
    whole = (100 - 28) // 6

    def strips(picture: np.ndarray, sure: float, turn: int) -> np.ndarray:
        image, known = (np.ascontiguousarray(np.rot90(a, turn)) for a in _seen(picture))
        return np.rot90(onward(image, known, sure, 0.5, 0.01).strip, -turn)

    below = strips(wedge, 0.4, 1)
    assert 3 <= below[34, 26] < 0.8 * whole
    assert below[62, 26] == pytest.approx(whole, abs=0.1)
    assert strips(wedge, 0.4, 0)[34, 26] == pytest.approx(whole, abs=0.1)
    dashed = _stripe(0.0)
    dashed[:, 28:100:2] *= np.float32(0.7)  # what changes at once is no perspective
    assert strips(dashed, 0.2, 1)[48, 26] == pytest.approx(whole, abs=0.1)


def test_what_soon_looks_different_runs_on_below_only_if_it_is_straight_further_up() -> None:
    """A crack in a rock would be drawn out as a rod, a beam in the shade of the next is drawn out."""
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    lit = np.where(xx < 28 + 4, np.float32(0.85), np.float32(0.62))

    def weight(bends: bool, turn: int) -> float:
        middle = 48 + (2.5 * np.maximum(xx - (28 + 12), 0) if bends else 0)
        on_it = np.abs(yy - middle) < 4
        image, known = _seen(np.where(on_it, lit, np.float32(0.3))[..., None] * np.ones(3, np.float32))
        image, known = (np.ascontiguousarray(np.rot90(a, turn)) for a in (image, known))
        return float(np.rot90(onward(image, known, 0.4, 0.5, 0.03).weight, -turn)[46:51, 24:28].max())

    below = 1
    assert weight(bends=False, turn=below) > 0.6
    assert weight(bends=True, turn=below) < 0.3
    assert weight(bends=True, turn=0) > 0.8  # beside the photo little is repeated


def test_a_few_spots_in_a_row_are_no_line() -> None:
    spots = _stripe(0.0)
    spots[:, np.arange(WIDTH) // 4 % 2 == 0] = spots[0, 0]
    image, known = _seen(spots)

    def weight(stray: float) -> float:
        return float(onward(image, known, 0.2, 0.5, stray).weight[46:51, 20:28].max())

    assert weight(1.0) > 0.5  # straight they are
    assert weight(0.01) < 0.25


def test_what_looks_the_same_runs_on_twice_as_far_below() -> None:
    plain = _stripe(0.0)
    rough = plain + np.random.default_rng(3).normal(0, 0.1, plain.shape).astype(np.float32)

    def columns(picture: np.ndarray, turn: int) -> int:
        """How many of them, away from the photo, the stripe's middle runs on for at that turn of the frame."""
        image, known = (np.ascontiguousarray(np.rot90(a, turn)) for a in _seen(picture))
        weight = np.rot90(onward(image, known, 0.3, 0.2, 0.01).weight, -turn)
        return int((weight[48, :28] > 0).sum())

    reach = round(0.2 * 56)
    assert [columns(plain, turn) for turn in (0, 2, 3)] == [reach] * 3
    assert columns(plain, 1) == 2 * reach
    assert reach <= columns(rough, 1) < 1.6 * reach


def test_where_straight_things_part_there_are_no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    fan = 0.5 + 0.3 * np.sin(8 * (yy - 48) / np.maximum(46 - xx, 2))  # of lines that meet in the photo
    image, known = _seen(np.repeat(fan[..., None], 3, 2).astype(np.float32))

    def least() -> float:
        return float(onward(image, known, 0.3, 0.5, 0.1).weight[42:54, 4:8].min())

    assert least() > 0.5
    monkeypatch.setattr("outpaint_patch.onward.RAYS", 1)
    assert least() < 0.5


def test_what_lies_between_two_borders_goes_on_with_them_where_it_looks_the_same() -> None:
    weight, slopes = np.zeros(100, np.float32), np.zeros(100, np.float32)
    weight[[30, 60]], slopes[[30, 60]] = 0.9, (-0.3, 0.3)
    same = np.ones(100, np.float32)
    filled, turned = enclosed(weight, slopes, same)
    np.testing.assert_allclose(filled[30:61], 0.9, rtol=1e-6)
    np.testing.assert_allclose(turned[30:61], np.linspace(-0.3, 0.3, 31), atol=1e-6)
    assert not filled[:30].any()
    assert not filled[61:].any()
    assert not enclosed(weight, slopes, 0 * same)[0][31:60].any()
    weight[75], weight[60] = 0.9, 0.0  # too far apart
    assert not enclosed(weight, slopes, same)[0][31:75].any()


def test_what_is_too_thin_for_the_coarser_level_joins_what_is_held_beside_it() -> None:
    image, known = _seen(_stripe(0.0))
    before = np.zeros(known.shape, bool)
    before[50:53, 8:26] = True  # below the stripe's middle, at 48

    def held(settings: Settings) -> np.ndarray:
        going = onward(image, known, 0.4, 0.5, 0.01)
        stage = Stage(Level(image, known), None, None, settings, 3, 3, False, None, None, going)
        numbers = np.arange(known.size, dtype=np.int32).reshape(known.shape)
        stage._hold(numbers, before)
        return stage.held

    assert not held(Settings(onward_certain=2.0))[48:50].any()
    assert held(Settings())[48:50, 12:24].mean() > 0.8
    assert not held(Settings())[:46].any()


def test_what_leans_from_a_corner_does_not_run_on_in_scraps() -> None:
    """A dark tower in the upper right corner, leaning to the left: beyond the photo's edge there is no more
    of it to copy; what the same edge cuts further from the corner runs on."""
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    tower = np.where(xx > 96 + 0.5 * (yy - 20), np.float32(0.1), np.float32(0.7))
    pole = np.where(np.abs(xx - 60) < 3, np.float32(0.1), tower)
    image, known = _seen(np.repeat(pole[..., None], 3, 2))
    found = onward(image, known, 0.4, 0.3, 0.01)
    above = found.weight[10:20]
    assert above[:, 60].min() > 0.9
    assert (above * (found.colours[10:20, :, 0] < 0.3))[:, 84:100].max() < 0.05


def test_what_a_corner_cuts_is_told_by_where_its_strip_would_begin() -> None:
    length = np.full(100, 20, np.float32)
    gone = cornered(np.full(100, 0.5, np.float32), length)
    assert np.flatnonzero(gone).tolist() == list(range(89, 100))
    assert not cornered(np.zeros(100, np.float32), length).any()
    assert np.flatnonzero(cornered(np.full(100, -0.5, np.float32), length)).tolist() == list(range(11))


def test_what_runs_on_beside_what_strays_goes_no_further_than_that() -> None:
    same, weight = np.ones(100, np.float32), np.ones(100, np.float32)
    same[60:] = 0.1
    far = together(same, weight)
    assert far[:40] == pytest.approx(1)
    assert far[60:] == pytest.approx(0.1)
    weight[60:] = 0  # there nothing runs on at all
    assert together(same, weight)[:60] == pytest.approx(1)


def test_what_varies_along_its_way_has_to_be_straighter() -> None:
    """A row of tips is about as straight, but a stem of one colour is likelier to go on."""
    stem, tips = _stripe(0.0), _stripe(0.0)
    tips[44:53, ::4] -= 0.06

    def sure(picture: np.ndarray) -> float:
        image, known = _seen(picture)
        return float(onward(image, known, 0.8, 0.5, Settings().onward_alike).weight[46:51, 20:28].max())

    assert sure(stem) > 0.5
    assert sure(tips) < 0.8 * sure(stem)
