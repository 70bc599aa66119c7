"""Tones go on beyond the photo's edge as they were going."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.slope import slopes

Floats = NDArray[np.float32]


def _rim(
    size: int = 400, edge: int = 120, fall: float = 0.1, wide: int = 32
) -> tuple[Floats, NDArray[np.bool_]]:
    """A plain photo in the middle of a frame, darker by ``fall`` toward its edge over the last cells; beyond it
    its reflection.
    """
    away = edge - 1 - np.arange(size)  # beyond the photo's left edge: 0 and more
    depth = np.abs(away + 0.5)
    row = 0.7 - fall * np.clip(1 - depth / wide, 0, 1)
    image = np.broadcast_to(row[None, :, None], (size, size, 3)).astype(np.float32).copy()
    known = np.zeros((size, size), bool)
    known[:, edge:] = True
    return image, known


def _bend(picture: Floats, edge: int = 120) -> float:
    """How much the slope changes across the photo's last cell and the first beyond it, a cell."""
    row = picture[100:300].mean((0, 2))
    return abs(float(row[edge + 2] - row[edge] - row[edge - 1] + row[edge - 3]) / 2)


def test_a_fall_goes_on_and_comes_to_rest() -> None:
    picture, known = _rim()
    made = picture + slopes(picture, known, picture)
    assert np.array_equal(made[known], picture[known])
    assert _bend(picture) > 0.005
    assert _bend(made) < 0.5 * _bend(picture)
    row = made[200, :120, 0]
    assert row[114:].max() < picture[200, 120, 0] + 1e-3  # a stripe's dark side no more
    assert row[:4] == pytest.approx(picture[200, :4, 0], abs=0.01)  # far off it is the copies' own


def test_a_rise_goes_on_too() -> None:
    picture, known = _rim(fall=-0.1)
    made = picture + slopes(picture, known, picture)
    assert _bend(made) < 0.5 * _bend(picture)
    assert made[200, 114:120, 0].min() > picture[200, 120, 0] - 1e-3


def test_what_has_detail_is_left_alone() -> None:
    rng = np.random.default_rng(4)
    picture, known = _rim()
    picture += rng.normal(0, 0.1, picture.shape).astype(np.float32)
    assert np.abs(slopes(picture, known, picture)).max() < 0.01


def test_a_thing_that_begins_at_the_edge_stays() -> None:
    picture, known = _rim(fall=0)
    picture[:, :120] = 0.3
    assert np.abs(slopes(picture, known, picture)).mean() < 0.02


def test_what_goes_on_already_is_hardly_changed() -> None:
    picture, known = _rim(fall=0)
    assert np.abs(slopes(picture, known, picture)).max() < 1e-3


def test_a_hole_goes_by_all_its_sides() -> None:
    known = np.ones((400, 400), bool)
    known[150:250, 150:250] = False
    picture = np.broadcast_to(np.linspace(0.4, 0.6, 400)[None, :, None], (400, 400, 3)).astype(np.float32)
    filled = np.where(known[..., None], picture, np.float32(0.5))
    made = filled + slopes(picture, known, filled)
    for column in (153, 246):
        missed, now = (np.abs(p - picture)[170:230, column].mean() for p in (filled, made))
        assert now < 0.4 * missed


def test_one_known_cell_is_no_trouble() -> None:
    picture, known = _rim(size=20, edge=10)
    known[:] = False
    known[10, 10] = True
    assert np.isfinite(slopes(picture, known, picture)).all()
