"""The plan of rings and windows keeps to every FillSpec and covers the whole frame."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint_cli.frame import Frame
from outpaint_cli.plugin import AnyMask, FillSpec, Fixed, KnownRect, Multiple, Native, Rect
from outpaint_cli.windows import Ring, plan_rings

OURS = FillSpec(Multiple(32, 64, 128), AnyMask(), 0.6, 8, margin=4)
PAPER = FillSpec(Fixed(192, 192), KnownRect(Rect(32, 32, 128, 128)), 0.5556, 4)
LOPSIDED = FillSpec(Fixed(96, 128), KnownRect(Rect(0, 16, 100, 80)), 0.5, 4)
SQUARE = FillSpec(Fixed(512, 512), AnyMask(), 0.7, 1)
WHOLE = FillSpec(Native(10_000), AnyMask(), 1.0)


@st.composite
def frames(draw: st.DrawFn, largest: int = 3000) -> Frame:
    width, height = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    left, top = draw(st.integers(0, 2 * width)), draw(st.integers(0, 2 * height))
    right, bottom = draw(st.integers(0, 2 * width)), draw(st.integers(0, 2 * height))
    return Frame(left + width + right, top + height + bottom, Rect(left, top, width, height))


def check_chain(frame: Frame, rings: list[Ring]) -> None:
    inner = frame.photo
    for ring in rings:
        assert ring.known == inner
        assert ring.grown.contains(inner)
        assert ring.grown.area > inner.area
        assert frame.rect.contains(ring.grown)
        inner = ring.grown
    assert inner == frame.rect


@given(frames(), st.sampled_from([OURS, SQUARE]), st.floats(0.7, 1))
@settings(deadline=None)
def test_rings_lead_from_the_photo_to_the_frame_within_the_share(
    frame: Frame, spec: FillSpec, zoom: float
) -> None:
    rings = plan_rings(frame, spec, zoom=zoom)
    check_chain(frame, rings)
    for ring in rings:
        one_pixel_steps = (
            ring.grown.width - ring.known.width <= 2 and ring.grown.height - ring.known.height <= 2
        )
        assert 1 - ring.known.area / ring.grown.area <= spec.max_unknown + 1e-6 or one_pixel_steps
        for window in ring.windows:
            if isinstance(spec.size, Multiple):
                assert window.width % 32 == 0
                assert window.height % 32 == 0
                assert min(window.shape) >= 64
                assert max(window.shape) <= 128
                assert window.x <= ring.grown.x - 3.99 * window.step_x or len(ring.windows) > 1
                assert window.y <= ring.grown.y - 3.99 * window.step_y or len(ring.windows) > 1
            else:
                assert window.shape == (512, 512)
        assert_covered(ring)


@given(frames(1000), st.sampled_from([PAPER, LOPSIDED]))
@settings(deadline=None, max_examples=60)
def test_a_fixed_rectangle_only_ever_sees_what_is_known(frame: Frame, spec: FillSpec) -> None:
    if spec is LOPSIDED and frame.photo.x > 0:
        frame = Frame(frame.width - frame.photo.x, frame.height, Rect(0, *_rest(frame.photo)))
    if spec is LOPSIDED and frame.photo.bottom < frame.height:
        frame = Frame(frame.width, frame.photo.bottom, frame.photo)
    rings = plan_rings(frame, spec)
    check_chain(frame, rings)
    for ring in rings:
        for window in ring.windows:
            assert window.visible is not None
            left = window.x + window.visible.x * window.step_x
            top = window.y + window.visible.y * window.step_y
            assert left >= ring.known.x - 1e-6
            assert top >= ring.known.y - 1e-6
            assert left + window.visible.width * window.step_x <= ring.known.right + 1e-6
            assert top + window.visible.height * window.step_y <= ring.known.bottom + 1e-6
        if ring.windows:
            assert_covered(ring)


def _rest(rect: Rect) -> tuple[int, int, int]:
    return rect.y, rect.width, rect.height


def assert_covered(ring: Ring) -> None:
    """Corners and middles of all that is new lie in some window."""
    xs = {
        ring.grown.x,
        (ring.grown.x + ring.grown.right) // 2,
        ring.grown.right - 1,
        ring.known.x,
        ring.known.right - 1,
    }
    ys = {
        ring.grown.y,
        (ring.grown.y + ring.grown.bottom) // 2,
        ring.grown.bottom - 1,
        ring.known.y,
        ring.known.bottom - 1,
    }
    for x in xs:
        for y in ys:
            if ring.known.contains(Rect(x, y, 1, 1)):
                continue
            assert any(
                w.x - 1e-6 <= x + 0.5 <= w.x + w.width * w.step_x + 1e-6
                and w.y - 1e-6 <= y + 0.5 <= w.y + w.height * w.step_y + 1e-6
                for w in ring.windows
            ), (ring, x, y)


def test_the_papers_set_up_is_one_window() -> None:
    (ring,) = plan_rings(Frame(192, 192, Rect(32, 32, 128, 128)), PAPER)
    (window,) = ring.windows
    assert (window.x, window.y, window.step_x, window.step_y) == (0, 0, 1, 1)


def test_a_native_filler_gets_the_frame_whole_or_scaled_to_its_limit() -> None:
    (ring,) = plan_rings(Frame(90, 60, Rect(3, 4, 20, 20)), WHOLE)
    assert ring.windows[0].shape == (60, 90)
    (ring,) = plan_rings(Frame(900, 600, Rect(3, 4, 20, 20)), WHOLE)
    rows, columns = ring.windows[0].shape
    assert rows * columns <= 10_000
    assert columns / rows == pytest.approx(1.5, rel=0.02)


def test_ten_times_the_size_takes_a_few_rings() -> None:
    assert len(plan_rings(Frame(10_000, 10_000, Rect(4500, 4500, 1000, 1000)), OURS)) in range(4, 8)


def test_a_panorama_is_cut_into_windows_that_overlap() -> None:
    (ring,) = plan_rings(Frame(6000, 1000, Rect(600, 100, 4800, 800)), OURS)
    assert len(ring.windows) > 2
    ordered = sorted(ring.windows, key=lambda w: w.x)
    for a, b in itertools.pairwise(ordered):
        assert b.x < a.x + a.width * a.step_x - a.step_x


@pytest.mark.parametrize("photo", [(1, 1), (1, 500), (500, 1), (3, 3)])
def test_tiny_and_thin_photos_have_a_plan(photo: tuple[int, int]) -> None:
    width, height = photo
    frame = Frame(width * 3, height * 3, Rect(width, height, width, height))
    for spec in (OURS, PAPER, SQUARE):
        check_chain(frame, plan_rings(frame, spec))
