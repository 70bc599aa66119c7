"""What the patch harmonizer promises: the photo untouched, the same bytes again, any shape of picture."""

from __future__ import annotations

import dataclasses
import threading
import tracemalloc

import cv2
import numpy as np
import pytest
from outpaint_patch.finish import finish
from outpaint_patch.plugin import PatchHarmonizer, plugin
from outpaint_patch.settings import Settings

from outpaint_cli.plugin import Cancelled, Context, HarmonizeJob, Harmonizer, Rect

from .scenes import central, landscape, rough_job, stripes


def harmonize(job: HarmonizeJob, seed: int = 0) -> np.ndarray:
    return PatchHarmonizer().harmonize(job, Context(seed=seed, threads=2)).image


def test_plugin_offers_harmonizer() -> None:
    harmonizer = plugin.harmonizers["patch"](Context())
    assert isinstance(harmonizer, Harmonizer)
    assert harmonizer.device == "cpu"


def test_known_pixels_bit_for_bit() -> None:
    truth = landscape()
    known = central(180, 240)
    result = harmonize(rough_job(truth, known))
    assert result.dtype == np.uint8
    assert np.array_equal(result[known], truth[known])
    assert not np.array_equal(result[~known], rough_job(truth, known).image[~known])


def test_input_left_alone() -> None:
    job = rough_job(landscape(), central(180, 240))
    before = job.image.copy()
    harmonize(job)
    assert np.array_equal(job.image, before)


def test_same_seed_same_bytes() -> None:
    job = rough_job(landscape(135, 180), central(135, 180))
    first, second = harmonize(job, 3), harmonize(job, 3)
    assert np.array_equal(first, second)
    one_thread = PatchHarmonizer().harmonize(job, Context(seed=3, threads=1)).image
    assert np.array_equal(first, one_thread)


def test_16_bit_keeps_its_depth() -> None:
    truth = landscape().astype(np.uint16) * 257 + 31
    known = central(180, 240)
    result = harmonize(rough_job(truth, known))
    assert result.dtype == np.uint16
    assert np.array_equal(result[known], truth[known])
    assert len(np.unique(result[~known] % 257)) > 1  # copied at full depth, not through 8 bits


def test_irregular_holes() -> None:
    truth = landscape()
    hole = np.zeros((180, 240), np.uint8)
    cv2.circle(hole, (120, 90), 30, 1, -1)
    cv2.line(hole, (0, 20), (239, 60), 1, 5)
    known = hole == 0
    result = harmonize(rough_job(truth, known))
    assert np.array_equal(result[known], truth[known])
    detail = np.abs(np.diff(result[100:115, 100:140].astype(float), axis=1)).mean()
    assert detail > 4  # meadow, no blur


@pytest.mark.parametrize(
    ("size", "photo"),
    [
        ((1, 1), Rect(0, 0, 1, 1)),
        ((2, 2), Rect(0, 0, 1, 1)),
        ((3, 3), Rect(1, 1, 1, 1)),
        ((12, 12), Rect(3, 3, 6, 6)),
        ((20, 20), Rect(0, 0, 20, 19)),
        ((5, 300), Rect(0, 0, 200, 5)),
        ((300, 12), Rect(0, 50, 12, 200)),
        ((28, 620), Rect(100, 4, 420, 20)),
        ((64, 64), Rect(1, 1, 62, 62)),
        ((150, 200), Rect(60, 80, 32, 24)),
        ((100, 160), Rect(60, 0, 100, 100)),
        ((400, 400), Rect(199, 10, 2, 380)),
    ],
)
def test_any_shape(size: tuple[int, int], photo: Rect) -> None:
    height, width = size
    truth = cv2.resize(landscape(), (width, height), interpolation=cv2.INTER_AREA)
    known = np.zeros(size, bool)
    known[photo.slices()] = True
    result = harmonize(rough_job(truth, known))
    assert result.shape == truth.shape
    assert np.array_equal(result[known], truth[known])


def test_all_known_and_none_known() -> None:
    truth = landscape(40, 60)
    nothing = np.zeros((40, 60), bool)
    whole = HarmonizeJob(truth, ~nothing, Rect(0, 0, 60, 40))
    empty = HarmonizeJob(truth, nothing, Rect(0, 0, 0, 0))
    assert np.array_equal(harmonize(whole), truth)
    assert np.array_equal(harmonize(empty), truth)


@pytest.mark.parametrize("level", [0, 77, 255])
def test_flat_stays_flat(level: int) -> None:
    truth = np.full((90, 120, 3), level, np.uint8)
    result = harmonize(rough_job(truth, central(90, 120)))
    assert np.abs(result.astype(int) - level).max() <= 1


def test_confidence_and_mask_of_any_memory_order() -> None:
    truth = landscape()
    known = np.asfortranarray(central(180, 240))
    job = dataclasses.replace(
        rough_job(truth, known), confidence=np.linspace(0, 1, 12 * 16, dtype=np.float32).reshape(12, 16)
    )
    result = harmonize(job)
    assert np.array_equal(result[known], truth[known])


def test_progress_rises_and_work_can_be_stopped() -> None:
    job = rough_job(landscape(), central(180, 240))
    shares: list[float] = []
    PatchHarmonizer().harmonize(job, Context(progress=lambda share, what: shares.append(share)))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        PatchHarmonizer().harmonize(job, Context(cancelled=stop.is_set))


def test_memory_stays_bounded() -> None:
    """A 12-megapixel frame takes few copies of itself at 8 bits, enlarged and not, and none in floats (144 MB)."""
    truth = cv2.resize(landscape(), (4000, 3000), interpolation=cv2.INTER_LINEAR)
    job = rough_job(truth, central(3000, 4000, 1 / 20))
    del truth
    tracemalloc.start()
    harmonize(job)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 36e6 + 230e6


def test_stripes_go_on_better_than_by_diffusion() -> None:
    truth = stripes()
    known = central(144, 216)
    job = rough_job(truth, known)
    result = harmonize(job)
    telea = cv2.inpaint(job.image, (~known).astype(np.uint8), 3, cv2.INPAINT_TELEA)

    def error(picture: np.ndarray) -> float:
        return float(np.square(picture[~known].astype(float) - truth[~known]).mean())

    assert error(result) < 0.5 * error(telea)


def test_texture_and_grain_are_the_photos_own() -> None:
    truth = landscape()
    known = central(180, 240)
    result = harmonize(rough_job(truth, known)).astype(float)

    def roughness(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture, axis=1)).mean())

    sky, meadow = (slice(0, 60), slice(0, 38)), (slice(110, 180), slice(0, 38))
    for part in (sky, meadow):
        ratio = roughness(result[part]) / roughness(truth[part].astype(float))
        assert 0.75 < ratio < 1.2
    assert abs(result[sky].mean() - truth[sky].mean()) < 12
    assert abs(result[meadow].mean() - truth[meadow].mean()) < 12


def test_no_step_along_the_photo() -> None:
    truth = landscape()
    known = central(180, 240)
    job = rough_job(truth, known)
    result = harmonize(job).astype(float)
    x = job.photo.x
    step = np.abs(result[5:85, x] - result[5:85, x - 1]).mean()
    inside = np.abs(result[40:85, x + 1] - result[40:85, x]).mean()
    assert step < 1.6 * inside


def test_a_red_guess_makes_no_red_glow_over_black_ground() -> None:
    rng = np.random.default_rng(4)
    truth = np.clip(rng.normal(10, 3, (144, 216, 1)), 0, 40).astype(np.uint8).repeat(3, 2)
    known = central(144, 216)
    image = np.where(known[..., None], truth, np.uint8([50, 10, 5]))
    job = HarmonizeJob(image, known, Rect(36, 24, 144, 96), scale=4.0)

    def glow(settings: Settings) -> float:
        made, _ = finish(job, Context(seed=0, threads=1), settings)
        return float((made[~known].astype(float)[:, 0] - made[~known].astype(float)[:, 2]).mean())

    assert glow(Settings(finest=15_000)) < 0.25 * glow(Settings(finest=15_000, tinge=9.0))
