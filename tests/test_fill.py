"""Filling: patterns that are known beforehand come out at the right pixel, on every path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint_cli import compose, fill
from outpaint_cli.compose import fill_picture, inset, paint_frame
from outpaint_cli.fill import Grid, Guess, fill_steps, match_edge, run_fills
from outpaint_cli.frame import Frame, Geometry, Length, Pad, Scale, plan_frame
from outpaint_cli.plugin import (
    AnyMask,
    Border,
    Context,
    FillSpec,
    Fixed,
    KnownRect,
    Multiple,
    Native,
    PluginError,
    Rect,
)
from tests.fillers import Plane, Truth, plane

OURS = FillSpec(Multiple(32, 64, 128), AnyMask(), 0.6, 4, margin=4)
PAPER = FillSpec(Fixed(192, 192), KnownRect(Rect(32, 32, 128, 128)), 0.5556, 4)
SQUARE = FillSpec(Fixed(160, 160), AnyMask(), 0.7, 1)
SMALL_WHOLE = FillSpec(Native(50_000), AnyMask(), 1.0)
WHOLE = FillSpec(Native(), Border(), 1.0)
CTX = Context()


@pytest.fixture
def no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Geometry alone: no seam and no matching of colours at the edge."""
    monkeypatch.setattr(compose, "SEAM_STEPS", 0.0)
    monkeypatch.setattr(fill, "match_edge", lambda given, known, filled: filled)


GEOMETRIES = {
    "four sides": Scale(1.5),
    "left only": Pad(left=Length(90)),
    "bottom only, one pixel": Pad(bottom=Length(1)),
    "four unequal": Pad(Length(7), Length(63), Length(121), Length(34)),
    "four times": Scale(4.0),
    "ten times to the right": Pad(right=Length(900, "%")),
}


@pytest.mark.usefixtures("no_seam")
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())
@pytest.mark.parametrize(
    "spec", [OURS, PAPER, SQUARE, SMALL_WHOLE], ids=["multiple", "rect", "fixed", "native"]
)
@pytest.mark.parametrize("size", [(120, 90), (90, 120), (253, 201)], ids=["landscape", "portrait", "odd"])
def test_a_ramp_goes_on_as_a_ramp(spec: FillSpec, geometry: Scale | Pad, size: tuple[int, int]) -> None:
    frame = plan_frame(*size, Geometry(geometry))
    truth = plane(frame.width, frame.height)
    photo = truth[frame.photo.slices()]
    filler = Plane(spec)
    out, guess = fill_picture(photo, frame, filler, CTX)
    assert out.shape == (frame.height, frame.width, 3)
    assert np.array_equal(out[frame.photo.slices()], photo)
    assert_within(out, truth, guess)


def assert_within(out: np.ndarray, truth: np.ndarray, guess: Guess) -> None:
    """Nowhere off by more than a pixel, or by a fifth of a working pixel where that is coarser."""
    error = np.abs(out.astype(np.int64) - truth)
    coarsest = max([1.0, *(max(w.step_x, w.step_y) for r in guess.rings for w in r.ring.windows)])
    allowed = max(1.0, 0.2 * coarsest) * 0.8 * 65535 + 20
    assert error[..., 0].max() <= allowed / truth.shape[1]
    assert error[..., 1].max() <= allowed / truth.shape[0]


@pytest.mark.usefixtures("no_seam")
@given(
    st.integers(20, 200), st.integers(20, 200), st.integers(0, 90), st.integers(0, 90),
    st.integers(0, 90), st.integers(0, 90), st.sampled_from([OURS, PAPER, SQUARE]),
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_a_ramp_goes_on_for_any_photo_and_pad(
    w: int, h: int, left: int, top: int, right: int, bottom: int, spec: FillSpec
) -> None:
    frame = Frame(left + w + right, top + h + bottom, Rect(left, top, w, h))
    truth = plane(frame.width, frame.height)
    out, guess = fill_picture(truth[frame.photo.slices()], frame, Plane(spec), CTX)
    assert_within(out, truth, guess)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_native_filler_arrives_bit_for_bit_through_all_tiles(dtype: type) -> None:
    rng = np.random.default_rng(1)
    frame = Frame(1300, 700, Rect(90, 41, 900, 600))
    truth = rng.integers(0, np.iinfo(dtype).max, (700, 1300, 3), dtype, endpoint=True)
    top = np.float32(np.iinfo(dtype).max)
    out, _ = fill_picture(
        truth[frame.photo.slices()], frame, Truth(WHOLE, truth.astype(np.float32) / top), CTX
    )
    assert np.array_equal(out, truth)


@pytest.mark.usefixtures("no_seam")
def test_a_window_of_the_frames_own_size_arrives_bit_for_bit() -> None:
    rng = np.random.default_rng(2)
    frame = Frame(192, 192, Rect(32, 32, 128, 128))
    truth = rng.integers(0, 255, (192, 192, 3), np.uint8, endpoint=True)
    spec = replace(PAPER, max_batch=1)
    out, _ = fill_picture(
        truth[frame.photo.slices()], frame, Truth(spec, truth.astype(np.float32) / 255), CTX
    )
    assert np.array_equal(out, truth)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (900, 7)])
@pytest.mark.parametrize("spec", [OURS, PAPER, SQUARE, WHOLE], ids=["multiple", "rect", "fixed", "native"])
def test_tiny_and_thin_photos_are_filled(size: tuple[int, int], spec: FillSpec) -> None:
    photo = np.full((size[1], size[0], 3), 77, np.uint8)
    frame = plan_frame(*size, Geometry(Scale(3.0)))
    out, _ = fill_picture(photo, frame, Plane(spec), CTX)
    assert np.abs(out.astype(int) - 77).max() <= 1


def test_every_batch_has_one_size_and_neighbours_change_nothing() -> None:
    filler = Plane(OURS)
    photos = [plane(60 + 10 * i, 40, np.uint8) for i in range(5)]
    frames = [plan_frame(p.shape[1], p.shape[0], Geometry(Scale(2.0))) for p in photos]
    steps = [fill_steps(p, f.photo, f, OURS) for p, f in zip(photos, frames, strict=True)]
    together = run_fills(steps, filler, CTX)
    assert {shape[0] for shape in filler.calls} == {4}
    for photo, frame, guess in zip(photos, frames, together, strict=True):
        assert isinstance(guess, Guess)
        alone, _ = fill_picture(photo, frame, Plane(OURS), CTX)
        assert np.array_equal(paint_frame(photo, frame, guess), alone)


class Faulty(Plane):
    """Fails for photos whose first known pixel is very bright."""

    def __init__(self, how: str) -> None:
        super().__init__(OURS)
        self.how = how

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        bright = images.max((1, 2, 3)) > 0.95
        if not bright.any():
            return super().fill(images, known, ctx).images
        if self.how == "raises":
            raise RuntimeError("out of\nluck")
        if self.how == "nan":
            return np.where(bright[:, None, None, None], np.float32("nan"), images)
        return images[:, 1:]


@pytest.mark.parametrize("how", ["raises", "nan", "shape"])
def test_a_filler_that_fails_for_one_photo_fails_for_that_one_alone(how: str) -> None:
    photos = [np.full((30, 30, 3), value, np.uint8) for value in (10, 255, 20)]
    frame = plan_frame(30, 30, Geometry())
    results = run_fills([fill_steps(p, frame.photo, frame, OURS) for p in photos], Faulty(how), CTX)
    assert [isinstance(r, Guess) for r in results] == [True, False, True]
    assert isinstance(results[1], PluginError)
    assert "\n" not in str(results[1])


def test_variants_ask_the_filler_something_else() -> None:
    photo = plane(80, 60, np.uint8)
    frame = plan_frame(80, 60, Geometry())

    def first_request(variant: int) -> np.ndarray:
        return next(fill_steps(photo, frame.photo, frame, OURS, variant=variant))[0].image

    assert not np.array_equal(first_request(0), first_request(1))
    assert not np.array_equal(first_request(0), first_request(2))
    assert np.array_equal(first_request(1), first_request(1))


@pytest.mark.usefixtures("no_seam")
@pytest.mark.parametrize("variant", [1, 2, 3])
def test_variants_still_land_on_the_right_pixels(variant: int) -> None:
    frame = plan_frame(400, 300, Geometry(Scale(1.7)))
    truth = plane(frame.width, frame.height)
    out, guess = fill_picture(truth[frame.photo.slices()], frame, Plane(OURS), CTX, variant=variant)
    assert_within(out, truth, guess)


def test_the_seam_starts_with_the_photos_own_edge_and_ends_in_the_guess() -> None:
    rng = np.random.default_rng(3)
    photo = rng.integers(100, 156, (300, 300, 3), np.uint8)
    frame = plan_frame(300, 300, Geometry(Pad(right=Length(200))))
    out, guess = fill_picture(photo, frame, Plane(OURS), CTX)
    band = compose.SEAM_STEPS * guess.step
    beside = np.abs(out[:, 300].astype(int) - photo[:, 299]).mean()
    assert beside < 3  # the mirrored edge, almost untouched
    far = out[:, 300 + int(band) + 2 :].astype(float)
    assert far.std() < 4  # the plane, with its dither


@pytest.mark.parametrize(
    "geometry", [Scale(1.5), Scale(3.0), Pad(Length(601), Length(3), Length(77), Length(402))]
)
def test_the_short_cuts_of_8_bits_agree_with_painting_in_16(geometry: Scale | Pad) -> None:
    """Values for two by two pixels and a seam in 8 bit: off by rounding, dither, half a pixel, and not shifted."""
    height, width = 903, 1201
    y, x = np.mgrid[:height, :width].astype(np.float32)
    photo = np.stack((x / width * 200, y / height * 200, 128 + 60 * np.sin(x / 7) * np.cos(y / 9)), -1)
    photo = photo.astype(np.uint8)
    frame = plan_frame(width, height, Geometry(geometry))
    guess = run_fills([fill_steps(photo, frame.photo, frame, OURS)], Plane(OURS), CTX)[0]
    assert isinstance(guess, Guess) and guess.step >= compose.COARSE
    for layer in (layer for filled in guess.rings for layer in filled.layers):  # waves of ten working pixels
        rows, columns = np.indices(layer.image.shape[:2], np.float32)
        layer.image[:] = (0.5 + 0.2 * np.sin(rows / 1.6) * np.cos(columns / 1.6))[..., None]
    short = paint_frame(photo, frame, guess).astype(np.float32)
    whole = paint_frame(photo.astype(np.uint16) * 257, frame, guess).astype(np.float32) / 257
    apart = short - whole
    assert np.abs(apart).max() <= 1.5 + 0.8 * np.abs(np.diff(whole, axis=1)).max()
    for axis in (0, 1):  # shifted by how much of a pixel
        slope = np.gradient(whole, axis=axis)
        assert abs((apart * slope).sum() / np.square(slope).sum()) < 0.1


def test_overlap_changes_only_the_rim_along_the_growing_sides() -> None:
    photo = np.random.default_rng(4).integers(0, 256, (120, 160, 3), np.uint8)
    frame = plan_frame(160, 120, Geometry(Pad(right=Length(40))))
    known = inset(frame.photo, frame.rect, 10)
    assert known == Rect(0, 0, 150, 120)
    steps = fill_steps(photo[:, :150], known, frame, OURS)
    guess = run_fills([steps], Plane(OURS), CTX)[0]
    assert isinstance(guess, Guess)
    out = paint_frame(photo, frame, guess)
    assert np.array_equal(out[:, :150], photo[:, :150])
    change = np.abs(out[:, 150:160].astype(int) - photo[:, 150:]).mean((0, 2))
    assert change[0] < change[-1]
    assert change.max() > 5


def test_overlap_leaves_at_least_a_pixel() -> None:
    assert inset(Rect(5, 5, 3, 3), Rect(0, 0, 20, 20), 99).area >= 1


def test_match_edge_takes_a_step_out_of_the_guess() -> None:
    given_ = np.full((64, 64, 3), 0.5, np.float32)
    known = np.zeros((64, 64), bool)
    known[:, :32] = True
    everywhere = np.full((64, 64, 3), 0.3, np.float32)  # off at the known pixels too
    beyond = np.where(known[..., None], given_, np.float32(0.3))  # right there, off outside
    for filled in (everywhere, beyond):
        out = match_edge(given_ * known[..., None], known, filled)
        assert out[32, 32, 0] == pytest.approx(0.5, abs=0.04)
        assert out[32, 63, 0] == pytest.approx(0.3, abs=0.02)
        assert np.all(np.diff(out[32, 32:, 0]) <= 1e-6)


def test_match_edge_leaves_a_guess_alone_that_goes_on_as_the_photo_did() -> None:
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, :, None], (64, 64, 3))
    known = np.zeros((64, 64), bool)
    known[:, :32] = True
    out = match_edge(ramp * known[..., None], known, ramp.copy())
    assert np.abs(out - ramp).max() < 0.006  # less than a pixel of the ramp


def test_guess_covers_every_pixel_with_the_right_weight() -> None:
    photo = np.full((50, 50, 3), 200, np.uint8)
    frame = Frame(75, 75, Rect(10, 10, 50, 50))
    _, guess = fill_picture(photo, frame, Plane(OURS), CTX)
    whole = guess.sample(Grid(0, 0, 7.5, 7.5, 10, 10))
    assert np.allclose(whole, 200 / 255, atol=2e-3)
    confidence = guess.confidence(Grid(0, 0, 1, 1, 75, 75))
    assert confidence is not None
    assert confidence.shape == (75, 75)
    assert np.allclose(confidence, 1, atol=1e-3)
