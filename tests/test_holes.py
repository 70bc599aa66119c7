"""Holes: every pixel of every hole is mended, by the right window, with nothing of the hole in what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint_cli import fill
from outpaint_cli.fill import Layer, run_fills
from outpaint_cli.holes import Hole, canvas_over, plan_holes, with_context
from outpaint_cli.mend import finish_holes, hole_request, hole_steps, mend_picture, paint_holes
from outpaint_cli.plugin import (
    AnyMask,
    Context,
    FillSpec,
    Fixed,
    HarmonizeJob,
    Multiple,
    Native,
    PluginError,
    Rect,
)
from tests.fillers import Plane, plane

OURS = FillSpec(Multiple(32, 64, 128), AnyMask(), 0.6, 4, margin=4)
SQUARE = FillSpec(Fixed(160, 160), AnyMask(), 0.6, 1)
WHOLE = FillSpec(Native(), AnyMask(), 1.0)
LARGE = FillSpec(Multiple(32, 64, 512), AnyMask(), 0.6, 2)
CTX = Context()


def mask(shape: tuple[int, int], *rects: tuple[int, int, int, int]) -> np.ndarray:
    hole = np.zeros(shape, bool)
    for x, y, width, height in rects:
        hole[y : y + height, x : x + width] = True
    return hole


def scattered(shape: tuple[int, int], seed: int, count: int = 6) -> np.ndarray:
    """Blocks, wires and specks."""
    rng = np.random.default_rng(seed)
    hole = np.zeros(shape, bool)
    for _ in range(count):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(1, 2 + shape[0] // 5), rng.integers(1, 2 + shape[1] // 5)
        if rng.random() < 0.3:
            height, width = 3, shape[1]
        hole[y : y + height, x : x + width] = True
    hole[rng.integers(0, shape[0], 5), rng.integers(0, shape[1], 5)] = True
    hole[0, 0] = False
    return hole


def fill_all(
    photo: np.ndarray, hole: np.ndarray, filler: Plane, *, mirror: bool = False
) -> tuple[np.ndarray, list[Hole], list[Layer]]:
    """The photo with its hole painted by the filler alone, which never saw what the hole held."""
    spoiled = photo.copy()
    spoiled[hole] = 77
    holes = plan_holes(hole, hole, filler.spec)
    steps = hole_steps(lambda part: spoiled[part.slices()], hole, holes, filler.spec, mirror=mirror)
    (layers,) = run_fills([steps], filler, CTX)
    assert isinstance(layers, list)
    paint_holes(spoiled, hole, holes, layers)
    return spoiled, holes, layers


# ---------------------------------------------------------------------------------------------- plans


@given(st.integers(2, 700), st.integers(1, 700), st.integers(0, 99), st.sampled_from([OURS, SQUARE, WHOLE]))
@settings(deadline=None, max_examples=60)
def test_boxes_hold_every_pixel_and_windows_lie_in_the_photo(
    height: int, width: int, seed: int, spec: FillSpec
) -> None:
    hole = scattered((height, width), seed)
    frame = Rect(0, 0, width, height)
    left = hole.copy()
    for one in plan_holes(hole, hole, spec):
        assert frame.contains(one.window)
        assert one.window.contains(one.box)
        left[one.box.slices()] = False
        inner = one.canvas.visible or Rect(0, 0, one.canvas.width, one.canvas.height)
        x, y = one.canvas.x + inner.x * one.canvas.step_x, one.canvas.y + inner.y * one.canvas.step_y
        assert x <= one.box.x + 1e-6
        assert y <= one.box.y + 1e-6
        assert x + inner.width * one.canvas.step_x >= one.box.right - 1e-6
        assert y + inner.height * one.canvas.step_y >= one.box.bottom - 1e-6
        if isinstance(spec.size, Multiple):
            assert one.canvas.width % 32 == one.canvas.height % 32 == 0
            assert 64 <= min(one.canvas.shape) <= max(one.canvas.shape) <= 128
        elif isinstance(spec.size, Fixed):
            assert one.canvas.shape == (160, 160)
    assert not left.any()


def test_a_small_hole_in_a_large_photo_gets_a_small_window_at_full_resolution() -> None:
    hole = mask((6000, 8000), (5000, 3000, 40, 30))
    (one,) = plan_holes(hole, hole, LARGE)
    assert max(one.window.width, one.window.height) < 200
    assert (one.canvas.step_x, one.canvas.step_y) == (1, 1)
    assert with_context(one.box, Rect(0, 0, 8000, 6000)) == one.window


def test_far_holes_have_windows_of_their_own_and_near_ones_share() -> None:
    far = mask((1000, 4000), (100, 500, 50, 50), (3700, 500, 50, 50))
    assert len(plan_holes(far, far, OURS)) == 2
    near = mask((1000, 4000), (100, 500, 50, 50), (180, 500, 50, 50))
    assert len(plan_holes(near, near, OURS)) == 1


def test_a_long_wire_is_mended_in_segments() -> None:
    hole = mask((2000, 6000), (0, 1000, 6000, 8))
    holes = plan_holes(hole, hole, OURS)
    assert len(holes) > 5
    assert max(one.canvas.step_x for one in holes) < 20


def test_fine_scratches_all_over_are_seen_at_a_resolution_that_shows_what_is_between() -> None:
    hole = np.zeros((800, 800), bool)
    hole[::12] = True  # at 128 pixels for the whole photo nothing would be known
    for one in plan_holes(hole, hole, OURS):
        assert not one.crowded
        assert one.canvas.step_y < 12


def test_a_hole_that_leaves_little_is_shown_whole_and_said() -> None:
    hole = ~mask((400, 400), (0, 0, 400, 40))
    (one,) = plan_holes(hole, hole, OURS)
    assert one.window == Rect(0, 0, 400, 400)
    assert one.crowded
    half = mask((400, 400), (0, 0, 200, 400))
    assert not any(one.crowded for one in plan_holes(half, half, OURS))


@pytest.mark.parametrize("shape", [(1, 2), (3, 50), (50, 3), (20, 20), (257, 1), (2, 257), (257, 64)])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_photos_of_odd_shapes_with_holes_at_the_edge_or_all_over(
    shape: tuple[int, int], share: float
) -> None:
    hole = np.random.default_rng(0).random(shape) < share
    hole[-1, -1], hole[0, 0] = True, False
    photo = np.full((*shape, 3), 90, np.uint8)
    for spec in (OURS, SQUARE, WHOLE):
        out, _, _ = fill_all(photo, hole, Plane(spec))
        assert np.abs(out[hole].astype(int) - 90).max() <= 1
        assert (out[~hole] == 90).all()


def test_canvases_lie_on_whole_pixels_where_they_are_as_fine() -> None:
    canvas = canvas_over(Rect(101, 57, 33, 33), Rect(0, 0, 999, 999), OURS)
    assert canvas.step_x == canvas.step_y == 1
    assert (canvas.x, canvas.y) == (int(canvas.x), int(canvas.y))


# --------------------------------------------------------------------------------------------- filling


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("seed", range(3))
def test_what_a_filler_knows_arrives_bit_for_bit(dtype: type, seed: int) -> None:
    """A filler that knows the truth, through whole windows and through canvases as fine as the photo."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, np.iinfo(dtype).max, (300, 420, 3), dtype, endpoint=True)
    top = np.float32(np.iinfo(dtype).max)

    padded = np.pad(truth.astype(np.float32) / top, ((99, 99), (99, 99), (0, 0)))

    class Knows(Plane):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:  # type: ignore[override]
            out = images.copy()
            for image, seen, result in zip(images, known, out, strict=True):
                if not seen.all():
                    windows = (window(one) for one in holes if one.canvas.shape == seen.shape)
                    result[:] = next(w for w in windows if np.array_equal(w[seen], image[seen]))
            return out

    def window(one: Hole) -> np.ndarray:
        x, y = int(one.canvas.x) + 99, int(one.canvas.y) + 99
        return padded[y : y + one.canvas.height, x : x + one.canvas.width]

    hole = scattered(truth.shape[:2], seed)
    for spec in (WHOLE, LARGE):
        holes = plan_holes(hole, hole, spec)
        filler = Knows(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fill, "match_edge", lambda given, known, filled: filled)
            out, _, _ = fill_all(truth, hole, filler)
        assert np.array_equal(out, truth)


@pytest.mark.parametrize("spec", [OURS, SQUARE, replace(WHOLE, size=Native(20_000))])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("size", [(900, 640), (90, 41), (1500, 130)])
def test_a_ramp_goes_through_the_holes(
    spec: FillSpec, mirror: bool, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "match_edge", lambda given, known, filled: filled)
    truth = plane(*size)
    hole = scattered(truth.shape[:2], 5, 3)
    out, holes, _ = fill_all(truth, hole, Plane(spec), mirror=mirror)
    coarsest = max(max(h.canvas.step_x, h.canvas.step_y) for h in holes)
    error = np.abs(out.astype(int) - truth)
    assert error[..., 0].max() <= (max(1.0, 0.2 * coarsest)) * 0.8 * 65535 / size[0] + 20
    assert error[..., 1].max() <= (max(1.0, 0.2 * coarsest)) * 0.8 * 65535 / size[1] + 20
    assert not error[~hole].any()


@given(st.integers(0, 99), st.integers(9, 400), st.integers(9, 400), st.sampled_from([OURS, SQUARE, WHOLE]))
@settings(deadline=None, max_examples=25)
def test_nothing_of_the_hole_is_in_what_the_filler_sees(
    seed: int, width: int, height: int, spec: FillSpec
) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    hole = scattered(photo.shape[:2], seed, 2)
    other = photo.copy()
    other[hole] = 255 - other[hole]
    for one in plan_holes(hole, hole, spec):
        a, b = (
            hole_request(lambda part, p=p: p[part.slices()], hole, one.canvas, 0, False)  # type: ignore[misc]
            for p in (photo, other)
        )
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.known, b.known)
        assert not a.image[~a.known].any()


# ------------------------------------------------------------------------------------------- finishing


def test_the_harmonizer_gets_window_after_window_and_changes_the_hole_alone() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (600, 3000, 3), np.uint8)
    hole = mask((600, 3000), (100, 100, 60, 60), (2500, 400, 80, 40), (0, 300, 3000, 4))
    unknown = hole | mask((600, 3000), (1000, 0, 50, 50))
    jobs: list[HarmonizeJob] = []

    def finish(job: HarmonizeJob) -> np.ndarray:
        jobs.append(job)
        assert job.known.shape == job.image.shape[:2]
        assert job.known.any()
        return np.full_like(job.image, 7)

    holes = plan_holes(hole, unknown, OURS)
    steps = hole_steps(lambda part: photo[part.slices()], unknown, holes, OURS)
    (layers,) = run_fills([steps], Plane(OURS), CTX)
    out = photo.copy()
    finish_holes(out, hole, unknown, holes, layers, finish)
    assert (out[hole] == 7).all()
    assert np.array_equal(out[~hole], photo[~hole])
    assert len(jobs) == len(holes) > 3
    assert all(job.confidence is not None and job.confidence.max() <= 1 for job in jobs)
    assert jobs[-1].scale >= 1
    wholes = [job.whole for job in jobs]  # what is learnt of the photo is learnt once
    assert wholes[0] is not None
    assert all(whole is wholes[0] for whole in wholes)
    x, y = (min(getattr(one.window, side) for one in holes) for side in ("x", "y"))
    right, bottom = (max(getattr(one.window, side) for one in holes) for side in ("right", "bottom"))
    known = ~unknown[y:bottom, x:right]
    assert np.array_equal(wholes[0].known, known)
    assert np.array_equal(wholes[0].image[known], photo[y:bottom, x:right][known])


def test_mend_picture_is_all_of_it_in_one_call() -> None:
    truth = plane(200, 150, np.uint8)
    hole = scattered((150, 200), 1, 2)

    def finish(job: HarmonizeJob) -> np.ndarray:
        return np.full_like(job.image, 9)

    rough = mend_picture(truth, hole, Plane(OURS), CTX)
    assert np.abs(rough.astype(int) - truth).max() <= 3
    finished = mend_picture(truth, hole, Plane(OURS), CTX, finish)
    assert (finished[hole] == 9).all()
    for out in (rough, finished):
        assert np.array_equal(out[~hole], truth[~hole])

    class Broken(Plane):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:  # type: ignore[override]
            raise RuntimeError("no")

    with pytest.raises(PluginError):
        mend_picture(truth, hole, Broken(OURS), CTX)
