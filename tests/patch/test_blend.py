"""Joins within soft material fade; detail, grain and edges that do not fit stay."""

from __future__ import annotations

import numpy as np
import pytest
from outpaint_patch.blend import blended
from outpaint_patch.pyramid import Level

HEIGHT, WIDTH = 64, 96
HALF = WIDTH // 2


def _level(photo: np.ndarray) -> tuple[Level, np.ndarray, np.ndarray]:
    """A photo in the upper half; below it, left its left half copied, right its right half shifted left.

    The level, the map (h, w) and the picture (h, w, 3) that it makes.
    """
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    image[: HEIGHT // 2] = photo
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[: HEIGHT // 2] = True
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    column = np.where(xx < HALF, xx, np.minimum(xx + 24, WIDTH - 1))
    numbers = np.where(known, yy * WIDTH + xx, (yy - HEIGHT // 2) * WIDTH + column).astype(np.int32)
    level = Level(image, known)
    return level, numbers, level.atlas()[numbers]


def _photo(step: float, detail: np.ndarray | float = 0.0) -> np.ndarray:
    """Plain on the left, brighter by ``step`` on the right, changing slowly between columns 48 and 72."""
    xx = np.arange(WIDTH, dtype=np.float32)
    ramp = 0.3 + np.float32(step) * np.clip((xx - HALF) / 24, 0, 1)
    plane = np.broadcast_to(ramp, (HEIGHT // 2, WIDTH)) + detail
    return np.repeat(plane[..., None], 3, 2).astype(np.float32)


def _steepest(picture: np.ndarray) -> float:
    """The largest difference of neighbouring columns' means around the join, away from the photo's edge."""
    columns = picture[HEIGHT // 2 + 8 :, HALF - 8 : HALF + 8].mean((0, 2))
    return float(np.abs(np.diff(columns)).max())


@pytest.mark.parametrize(("step", "left"), [(0.15, 0.27), (0.4, 0.6)])
def test_a_step_in_soft_material_becomes_a_slope_and_the_photo_stays(step: float, left: float) -> None:
    level, numbers, picture = _level(_photo(step))
    change = blended(level, numbers, picture)
    assert not change[level.known].any()
    assert _steepest(picture) == pytest.approx(step, abs=0.01)
    assert _steepest(picture + change) < left * step
    far = np.abs(change[HEIGHT // 2 + 16 :, : HALF - 12])
    assert far.max() < 1e-3


def test_grain_stays() -> None:
    grain = np.random.default_rng(0).normal(0, 0.01, (HEIGHT // 2, WIDTH))
    level, numbers, picture = _level(_photo(0.15, grain))
    mended = picture + blended(level, numbers, picture)
    assert _steepest(mended) < 0.06
    beside = (slice(HEIGHT // 2 + 8, None), slice(HALF - 8, HALF + 8))

    def rough(cells: np.ndarray) -> float:
        return float(np.diff(cells, axis=0).std())

    assert rough(mended[beside]) == pytest.approx(rough(picture[beside]), rel=0.1)


@pytest.mark.parametrize(
    ("step", "contrast"), [(0.15, 0.3), (0.5, 0.0)], ids=["within detail", "between things"]
)
def test_detail_hides_joins_and_edges_that_do_not_fit_stay_sharp(step: float, contrast: float) -> None:
    yy, xx = np.mgrid[: HEIGHT // 2, :WIDTH]
    level, numbers, picture = _level(_photo(step, contrast * ((yy + xx) % 2)))
    change = blended(level, numbers, picture)
    assert np.abs(change[HEIGHT // 2 + 8 :]).max() < 0.02


def test_what_is_beside_the_photo_meets_it() -> None:
    """The map begins with the photo's first row where its last, darker by 0.1, would go on."""
    photo = _photo(0.0) - np.linspace(0, 0.1, HEIGHT // 2, dtype=np.float32)[:, None, None]
    level, numbers, picture = _level(photo)
    mended = picture + blended(level, numbers, picture)

    def gap(cells: np.ndarray) -> float:
        return float(np.abs(cells[HEIGHT // 2] - cells[HEIGHT // 2 - 1])[16:40].mean())

    assert gap(picture) == pytest.approx(0.1, abs=0.005)
    assert gap(mended) < 0.05
