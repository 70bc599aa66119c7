"""Frames: the photo lies inside, sizes are as asked, anchors are right, percent and pixels agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpaint_cli.frame import (
    ANCHORS,
    Aspect,
    Geometry,
    Length,
    Pad,
    Scale,
    Size,
    parse_geometry,
    plan_frame,
    round_half_up,
)
from outpaint_cli.plugin import PictureError, Rect, UsageError

sides = st.integers(1, 20_000)
anchors = st.sampled_from(ANCHORS)


@given(sides, sides, st.floats(1, 10), anchors)
def test_scale_gives_both_sides_times_the_factor(w: int, h: int, factor: float, anchor: str) -> None:
    frame = plan_frame(w, h, Geometry(Scale(factor), anchor))
    assert (frame.width, frame.height) == (round_half_up(w * factor), round_half_up(h * factor))
    assert frame.rect.contains(frame.photo)
    assert (frame.photo.width, frame.photo.height) == (w, h)


@given(sides, sides, st.integers(1, 40_000), st.integers(1, 40_000), anchors)
def test_size_is_exact_whatever_the_photo(w: int, h: int, frame_w: int, frame_h: int, anchor: str) -> None:
    geometry = Geometry(Size(frame_w, frame_h), anchor, "shrink")
    frame = plan_frame(w, h, geometry)
    assert (frame.width, frame.height) == (frame_w, frame_h)
    assert frame.rect.contains(frame.photo)
    fits = w <= frame_w and h <= frame_h
    assert frame.resized is not fits
    if fits:
        assert (frame.photo.width, frame.photo.height) == (w, h)
    else:
        assert frame.photo.width == frame_w or frame.photo.height == frame_h
        with pytest.raises(PictureError, match="--fit shrink"):
            plan_frame(w, h, Geometry(Size(frame_w, frame_h), anchor, "error"))


@given(st.integers(50, 20_000), st.integers(50, 20_000), st.integers(1, 30), st.integers(1, 30), anchors)
def test_aspect_is_the_smallest_frame_of_that_shape(w: int, h: int, a: int, b: int, anchor: str) -> None:
    frame = plan_frame(w, h, Geometry(Aspect(a, b), anchor))
    assert frame.rect.contains(frame.photo)
    assert frame.width == w or frame.height == h
    assert abs(frame.width - frame.height * a / b) <= max(1, a / b) * 0.5 + 0.5


@given(sides, sides, st.integers(0, 900), st.integers(0, 900), st.integers(0, 900), st.integers(0, 900))
def test_pad_adds_what_it_says_on_each_side(
    w: int, h: int, left: int, top: int, right: int, bottom: int
) -> None:
    frame = plan_frame(w, h, Geometry(Pad(*map(Length, (left, top, right, bottom)))))
    assert frame.photo == Rect(left, top, w, h)
    assert (frame.width, frame.height) == (left + w + right, top + h + bottom)


@given(sides, st.floats(0, 500))
def test_percent_and_pixels_agree(side: int, percent: float) -> None:
    pixels = Length(percent, "%").pixels(side)
    by_percent = plan_frame(side, side, Geometry(Pad(*[Length(percent, "%")] * 4)))
    by_pixels = plan_frame(side, side, Geometry(Pad(*[Length(pixels)] * 4)))
    assert by_percent == by_pixels
    assert abs(pixels - side * percent / 100) <= 0.5 + 1e-6 * side


@pytest.mark.parametrize(
    ("anchor", "x", "y"),
    [
        ("center", 50, 25), ("left", 0, 25), ("right", 100, 25), ("top", 50, 0), ("bottom", 50, 50),
        ("top-left", 0, 0), ("top-right", 100, 0), ("bottom-left", 0, 50), ("bottom-right", 100, 50),
    ],
)  # fmt: skip
def test_anchor_places_the_photo(anchor: str, x: int, y: int) -> None:
    frame = plan_frame(200, 100, Geometry(Size(300, 150), anchor))
    assert frame.photo == Rect(x, y, 200, 100)


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({}, Scale(1.5)),
        ({"scale": 2.0}, Scale(2.0)),
        ({"size": "1920x1080"}, Size(1920, 1080)),
        ({"aspect": "16:9"}, Aspect(16, 9)),
        ({"aspect": "2.35:1"}, Aspect(2.35, 1)),
        ({"pad": "128"}, Pad(*[Length(128)] * 4)),
        ({"pad": "10%"}, Pad(*[Length(10, "%")] * 4)),
        ({"pad": "1,2%,3px,0"}, Pad(Length(1), Length(2, "%"), Length(3), Length(0))),
        ({"left": "5", "bottom": "50%"}, Pad(Length(5), Length(0), Length(0), Length(50, "%"))),
    ],
)
def test_options_are_read(options: dict, target: object) -> None:
    assert parse_geometry(**options).target == target


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 0.5}, {"scale": float("nan")}, {"scale": float("inf")}, {"size": "1920"}, {"size": "0x5"},
        {"size": "-1x5"}, {"aspect": "16"}, {"aspect": "0:1"}, {"pad": "x"}, {"pad": "1,2"}, {"pad": "-5"},
        {"pad": "1.5"}, {"left": "5%%"}, {"anchor": "middle"}, {"fit": "crop"}, {"fit": "shrink"},
        {"scale": 2.0, "size": "5x5"}, {"pad": "5", "left": "5"}, {"pad": "5", "anchor": "left"},
        {"aspect": "1:1", "top": "3"},
    ],
)  # fmt: skip
def test_senseless_options_are_refused_in_one_line(options: dict) -> None:
    with pytest.raises(UsageError) as refused:
        parse_geometry(**options)
    assert "\n" not in str(refused.value)
