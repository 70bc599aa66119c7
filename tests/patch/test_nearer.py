"""The photo, enlarged about one of its points, goes on around it where what is outside is in perspective."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.complete import complete
from outpaint_patch.finish import finish
from outpaint_patch.nearer import MOST, SCALES, Nearer, add_enlarged, nearer
from outpaint_patch.pyramid import Level, shrink_further
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Completed

from outpaint_cli.plugin import Context, HarmonizeJob

from .scenes import central, rough_job, stripes

FRAME = 240, 320
POINT = 0.55, 0.45
RATIO = 1.4
COARSER = Settings(finest=30_000)  # of the frame's 76,800 pixels: in a third of the time


def corridor(height: int, width: int) -> NDArray[np.uint8]:
    """Frame in frame, each RATIO times the next, and lines that lead to POINT, (height, width, 3)."""
    y = np.arange(height)[:, None] - POINT[0] * height + 0.5
    x = np.arange(width)[None] - POINT[1] * width + 0.5
    size = np.maximum(np.abs(y) / height, np.abs(x) / width)
    depth = np.log(size + 1e-6) / np.log(RATIO) % 1
    turn = np.arctan2(y, x)
    light = np.where(depth < 0.4, 200, 90) + 25 * np.sin(9 * turn) + 40 * np.sin(2 * np.pi * depth)
    picture = np.stack([light, 0.7 * light, 0.4 * light + 30 * (np.abs(y) > np.abs(x))], -1)
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _known() -> NDArray[np.bool_]:
    return central(*FRAME, 1 / 6)


def _floats(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / np.float32(255)


def _complete(
    picture: NDArray[np.uint8], known: NDArray[np.bool_], settings: Settings | None = None, **more: int
) -> Completed:
    settings, chance = settings or Settings(), np.random.default_rng(0)
    found = complete(picture, known, (), None, settings, chance, lambda _: None, lambda: None, **more)
    assert found is not None
    return found


def test_the_point_and_the_scale_of_a_corridor_are_found() -> None:
    found = nearer(_floats(corridor(*FRAME)), _known(), 1)
    assert found is not None
    assert (found.y, found.x) == pytest.approx(POINT, abs=0.015)
    assert found.scale == pytest.approx(RATIO, abs=0.03)
    assert found.sure.mean() > 0.15  # much of a corridor goes on as it is, too
    assert np.abs(found.sure).max() <= 1


def _bars(axis: int) -> NDArray[np.float32]:
    """Uneven bars that stand (0) or lie (1), in grain, (240, 320, 3)."""
    rng = np.random.default_rng(4)
    row = cv2.GaussianBlur(rng.normal(0, 1, (1, FRAME[1 - axis])).astype(np.float32), (0, 0), 4)[0]
    bars = 0.5 + 0.15 * np.expand_dims(row / row.std(), axis) + rng.normal(0, 0.01, FRAME)
    return np.clip(np.repeat(bars[..., None], 3, 2), 0, 1).astype(np.float32)


def test_what_crosses_an_edge_breaks_where_an_enlargement_begins_and_what_runs_along_it_does_not() -> None:
    standing, lying = (nearer(_bars(axis), _known(), 1) for axis in (0, 1))
    assert standing is not None
    assert lying is not None
    for across, along in ((0, 2), (1, 3)):
        assert standing.breaks[across].mean() > 0.3
        assert standing.breaks[along].mean() < 0.05
        assert lying.breaks[across].mean() < 0.05
        assert lying.breaks[along].mean() > 0.3
    # those of a corridor lead to where it is enlarged about
    found = nearer(_floats(corridor(*FRAME)), _known(), 1)
    assert found is not None
    assert max(edge.mean() for edge in found.breaks) < 0.25


def test_a_cell_breaks_as_the_edge_does_on_its_way_to_the_point() -> None:
    none = np.zeros((4, 4), np.float32)
    ramp = np.linspace(0, 1, 50, dtype=np.float32)
    top, right = np.full(50, 0.25, np.float32), np.full(40, 0.75, np.float32)
    found = Nearer(0.5, 0.5, 1.4, 1, none, none, 0, None, (top, ramp, none[0], right))
    known = central(120, 150, 1 / 6)
    broken = found.broken(known)
    assert broken.shape == known.shape
    assert (broken[2, 75], broken[60, 147], broken[60, 2]) == (0.25, 0.75, 0)
    assert broken[-1, 75] == pytest.approx(0.5, abs=0.03)
    # the frame's lower edge is half as long again as the photo's
    assert broken[-1, 75 + 30] == pytest.approx(0.7, abs=0.03)
    assert not Nearer(0.5, 0.5, 1.4, 1, none, none, 0).broken(known).any()


def test_what_goes_on_at_one_size_is_no_perspective() -> None:
    found = nearer(_floats(stripes()), central(144, 216, 1 / 6), 1)
    assert found is not None
    assert np.median(found.again) > 0.7
    assert np.median(found.sure) < 0.1


def test_an_enlargement_shows_the_photo_around_its_point() -> None:
    found = Nearer(0.25, 0.75, 2.0, 2, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 0)
    y, x = np.mgrid[:80, :120].astype(np.float32)
    once, twice = found.enlarged(np.stack([y, x] * 3, -1))
    assert once.shape == twice.shape == (80, 120, 6)
    # the point itself lies between cells 19 and 20, 89 and 90
    assert once[40, 50, :2] == pytest.approx((19.5 + 20.5 / 2, 89.5 - 39.5 / 2), abs=0.05)
    assert twice[40, 50, 4:] == pytest.approx((19.5 + 20.5 / 4, 89.5 - 39.5 / 4), abs=0.05)
    assert found.enlarged(np.zeros((80, 120, 0), np.float32))[1].shape == (80, 120, 0)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_enlargements_are_samples_like_the_photos(kind: type[np.uint8] | type[np.uint16]) -> None:
    found = Nearer(0.5, 0.5, 1.5, 1, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 0)
    image = np.full((30, 40, 3), np.iinfo(kind).max, kind)
    (larger,) = found.enlarged(image, cv2.INTER_CUBIC)
    assert larger.dtype == kind
    assert np.array_equal(larger, image)


def test_what_is_drawn_is_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outpaint_patch.nearer.TILE", 64)
    found = Nearer(0.4, 0.6, 1.4, 2, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 0)
    image = cv2.GaussianBlur(corridor(*FRAME), (0, 0), 1)
    used = np.zeros((2, 60, 80), bool)
    used[0, 20, 30] = used[1] = True
    planes = np.zeros((2, *image.shape), np.uint8)
    found.draw(image, used, planes)
    once, twice = (plane.astype(int) for plane in found.enlarged(image, cv2.INTER_CUBIC))
    assert np.abs(planes[1] - twice).mean() < 1
    assert np.abs(planes[0] - once)[64:128, 64:128].mean() < 1
    assert not planes[0, :, 192:].any()


def test_enlargements_fill_the_frame_in_rings_that_overlap_a_little() -> None:
    known = central(300, 300, 1 / 3)
    found = Nearer(0.5, 0.5, 1.5, MOST, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), 0)
    rings = found.rings(known)
    assert (known | np.any(rings, 0)).all()
    for inner, outer in zip([known, *rings], rings, strict=False):
        assert 0.1 * outer.sum() < (inner & outer).sum() < 0.9 * outer.sum()
    for ring in rings:
        assert not ring[150, 150]


def test_a_vignette_is_no_part_of_what_is_enlarged() -> None:
    known = _known()
    light = np.broadcast_to(np.linspace(0.5, 1, FRAME[1], dtype=np.float32), FRAME)
    flat = np.full((*FRAME, 3), 0.4, np.float32)
    found = nearer(_floats(corridor(*FRAME)), known, 1)
    assert found is not None
    dark = (flat * light[..., None] * 255).astype(np.uint8)
    level = add_enlarged(Level(flat, known), found, found.enlarged(dark), light)
    assert len(level.guides) == found.count
    for plane in level.guides:
        assert plane.image[plane.known] == pytest.approx(0.4, abs=0.01)


def test_coarser_levels_and_planes_know_which_are_enlargements() -> None:
    known = _known()
    found = nearer(_floats(corridor(*FRAME)), known, 1)
    assert found is not None
    picture = corridor(*FRAME)
    level = add_enlarged(Level(_floats(picture), known), found, found.enlarged(picture), None)
    small = shrink_further(level, 120, 160)
    assert small.nearer is found
    assert small.photos == level.photos == 1
    assert small.with_enlarged(small.image).shape == small.sheet().shape


@pytest.mark.parametrize(
    "known",
    [
        np.ones((60, 80), bool),
        np.pad(np.ones((10, 40), bool), 20),
        central(60, 80, 1 / 6) & ~np.eye(60, 80, dtype=bool),
    ],
    ids=["all", "small", "no rectangle"],
)
def test_where_nothing_tells_of_it_there_is_none(known: NDArray[np.bool_]) -> None:
    image = np.random.default_rng(0).random((*known.shape, 3)).astype(np.float32)
    assert nearer(image, known, 1) is None


def test_a_plain_photo_is_in_no_perspective() -> None:
    found = nearer(np.full((*FRAME, 3), 0.5, np.float32), _known(), 1)
    assert found is not None
    assert min(SCALES) - 0.1 < found.scale < max(SCALES) + 0.1
    assert not found.sure.any()
    assert not found.again.any()


def test_softness_shows_in_small_pictures_alone() -> None:
    image = _floats(corridor(*FRAME))
    fine = [found.fine for cell in (1, 2, 3, 9) if (found := nearer(image, _known(), cell))]
    assert fine == pytest.approx([0, 0, 0.5, 1])


def test_a_corridor_goes_on_in_perspective() -> None:
    truth, known = corridor(*FRAME), _known()
    job = rough_job(truth, known)

    def error(settings: Settings) -> float:
        off = []
        for seed in range(2):
            image, _ = finish(job, Context(seed=seed, threads=1), settings)
            off.append(image[~known].astype(np.float32) - truth[~known])
        return float(np.square(off).mean())

    assert error(COARSER) < 0.93 * error(replace(COARSER, nearer=False))


def test_enlargements_are_taken_in_place_and_kept_so_at_finer_levels() -> None:
    picture, known = corridor(*FRAME), _known()
    found = _complete(rough_job(picture, known).image, known)
    size = found.level.known.size
    plane = found.numbers // size
    enlarged = (plane > 0) & (plane <= len(found.level.guides))
    assert enlarged.sum() > 0.2 * (~known).sum()
    inner = np.zeros_like(known)
    inner[4:-4, 4:-4] = True  # at the frame's edge, cells go with the nearest that has a whole patch
    assert np.array_equal((found.numbers % size)[enlarged & inner], np.flatnonzero(enlarged & inner))


def test_without_room_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, known = corridor(*FRAME), _known()
    guess = rough_job(picture, known).image
    coarse = Settings(finest=6000)  # what is asked here is settled before the first level
    assert len(_complete(guess, known, coarse, room=1).level.guides) == 1
    assert not _complete(guess, known, coarse, room=0).level.guides
    monkeypatch.setattr("outpaint_patch.complete.LARGEST", 300)
    assert not _complete(guess, known, coarse).level.guides


def test_how_much_is_enlarged_is_told_and_is_no_guide() -> None:
    truth, known = corridor(*FRAME), _known()
    job = rough_job(truth, known)
    _, info = finish(job, Context(seed=0, threads=1), COARSER)
    assert 0.2 < info["enlarged"] <= 1
    assert "from_guides" not in info
    _, guided = finish(replace(job, guides=(truth,)), Context(seed=0, threads=1), COARSER)
    assert "enlarged" not in guided  # another photo of the place shows what is there
    assert guided["from_guides"] > 0


def test_the_same_seed_gives_the_same_bytes_and_the_photo_stays() -> None:
    truth, known = corridor(*FRAME), _known()
    job: HarmonizeJob = rough_job(truth, known)
    one, other = (finish(job, Context(seed=3, threads=threads), COARSER)[0] for threads in (1, 2))
    assert np.array_equal(one, other)
    assert np.array_equal(one[known], truth[known])


def test_where_much_crosses_the_photos_edge_an_enlargement_begins_further_out() -> None:
    """Blades are no perspective; an enlargement is chosen here since it is said to be worth much."""
    blades = np.random.default_rng(4).normal(0, 1, FRAME).astype(np.float32)
    blades = cv2.GaussianBlur(blades, (0, 0), sigmaX=1.5, sigmaY=8)
    picture, known = np.clip(128 + 40 * blades / blades.std(), 0, 255).astype(np.uint8), _known()
    guess = rough_job(np.repeat(picture[..., None], 3, 2), known).image

    def begins(settings: Settings) -> float:
        """Share of the cells just below the photo that are from an enlargement."""
        found = _complete(guess, known, replace(settings, finest=15_000, straightness=2.0, nearer_worth=4.0))
        size = found.level.known.size
        plane = found.numbers % (size * (1 + len(found.level.guides))) // size
        rows, columns = np.flatnonzero(found.level.known.any(1)), found.level.known.any(0)
        return float((plane[rows[-1] + 1 : rows[-1] + 4, columns] > 0).mean())

    assert begins(Settings()) < 0.6 * begins(Settings(nearer_begin=0.0))
