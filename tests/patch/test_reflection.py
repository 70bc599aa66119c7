"""Reflections beside the photo's edge, and sources upside down."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch.detail import copies, render
from outpaint_patch.pyramid import Level, banks, shrink
from outpaint_patch.reflection import mirrored, reflect, seen
from outpaint_patch.stage import Completed

from outpaint_cli.plugin import Rect


def _level() -> Level:
    """A photo of 20 x 30 cells in a frame of 40 x 50, rows and columns all different."""
    rng = np.random.default_rng(3)
    image = rng.random((40, 50, 3)).astype(np.float32)
    known = np.zeros((40, 50), bool)
    known[10:30, 10:40] = True
    image[~known] = 0.5
    return Level(image, known)


def test_an_atlas_number_upside_down_is_the_cell_on_the_other_side() -> None:
    level = _level()
    atlas = level.atlas()
    assert np.array_equal(atlas[2 * 2000 :].reshape(40, 50, 3), level.image[::-1])
    two = np.concatenate((level.image, level.image * 0.5))
    upside_down = banks(two, 40)[2]
    assert np.array_equal(upside_down[40:], two[40:][::-1])


def test_misfits_are_reflected_and_fits_are_left_alone() -> None:
    level = _level()
    numbers = np.arange(2000, dtype=np.int32).reshape(40, 50)
    level.image[10:30, 10:40] = np.linspace(0, 1, 20, dtype=np.float32)[:, None, None]
    # below the photo: its reflection already; above its dark edge: its brightest row
    numbers[30:, :] = (2 * 2000 + (39 - (58 - np.arange(30, 40)))[:, None] * 50 + np.arange(50)).astype(
        np.int32
    )
    numbers[:10, :] = 28 * 50 + np.arange(50)
    found = Completed(level, numbers.copy(), 0.0, np.zeros_like(level.known))
    result, _ = reflect(found, 5, 0.0005, 3.0)
    atlas = level.atlas()
    assert np.array_equal(result[30:], numbers[30:])
    assert np.allclose(atlas[result[9, 12:38]], level.image[11, 12:38])  # the cell beyond the edge's own
    assert np.array_equal(result[:4], numbers[:4])  # beyond the reach


def test_holes_have_no_edge_to_reflect_at() -> None:
    level = _level()
    known = ~level.known
    numbers = np.zeros((40, 50), np.int32)
    assert reflect(Completed(Level(level.image, known), numbers, 0.0, ~known), 5, 0.0, 3.0)[0] is numbers


def test_cells_upside_down_are_rendered_upside_down() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (80, 60, 3), np.uint8)
    known = np.zeros((80, 60), bool)
    known[:40] = True
    h, w = 40, 30  # cells of two pixels
    numbers = np.arange(h * w, dtype=np.int32).reshape(h, w)
    rows = np.arange(20, 40)
    mirrored = 2 * h * w + (h - 1 - (39 - rows))[:, None] * w + np.arange(w)
    numbers[20:] = mirrored
    cells = np.zeros((h, w), bool)
    cells[:20] = True
    plan = copies(numbers, cells, np.zeros((h, w, 3), np.float32), 80, 60)
    result = render(image, known, plan, lambda share: None)
    assert np.array_equal(result[:40], image[:40])
    assert np.array_equal(result[44:76, 4:-4], image[:40][::-1][4:36, 4:-4])


@pytest.mark.parametrize("side", ["below", "above", "right", "left"])
def test_what_is_reflected_meets_the_photos_last_pixels(side: str) -> None:
    """Cells are of eight pixels: at the middle of the last one, the reflection would be off by seven."""
    rng = np.random.default_rng(1)
    turns = {"below": 0, "right": 1, "above": 2, "left": 3}[side]
    image = cv2.GaussianBlur(rng.random((160, 160, 3)).astype(np.float32), (0, 0), 3)
    image = np.rot90(((image - image.min()) / np.ptp(image) * 255).astype(np.uint8), turns).copy()
    known = np.zeros((160, 160), bool)
    known[:80] = True
    known = np.rot90(known, turns).copy()
    cells = np.ascontiguousarray(known[4::8, 4::8])
    level = Level(np.zeros((20, 20, 3), np.float32), cells)
    numbers = np.arange(400, dtype=np.int32).reshape(20, 20)
    edge = Rect(*{"below": (0, 0, 160, 80), "right": (0, 0, 80, 160)}.get(side, (0, 0, 0, 0)))
    if side in ("above", "left"):
        edge = Rect(0, 80, 160, 80) if side == "above" else Rect(80, 0, 80, 160)
    reflected = ~cells
    turned = mirrored(cells, 1, 9)
    numbers[reflected & (turned >= 0)] = turned[reflected & (turned >= 0)]
    reflected &= turned >= 0
    nothing = np.zeros((20, 20, 3), np.float32)
    plan = copies(numbers, level.known, nothing, 160, 160, reflected=reflected, photo=edge)
    result = np.rot90(render(image, known, plan, lambda share: None), -turns)
    photo = np.rot90(image, -turns)[:80]
    # beyond the few pixels in which what step there were would fade
    assert np.array_equal(result[92:140, 8:-8], photo[::-1][13:61, 8:-8])
    assert np.array_equal(result[:80], photo)


@pytest.mark.parametrize("side", ["below", "above", "right", "left"])
def test_what_cells_look_like_is_what_their_pixels_are_made_of(side: str) -> None:
    """The photo ends within a cell, and gets darker toward its edge: cells apart would be a step in tone."""
    turns = {"below": 0, "right": 1, "above": 2, "left": 3}[side]
    ramp = np.linspace(250, 50, 163, dtype=np.float32)
    image = np.full((240, 240, 3), 128, np.uint8)
    image[:163] = ramp[:, None, None].astype(np.uint8)
    known = np.zeros((240, 240), bool)
    known[:163] = True
    image, known = np.rot90(image, turns).copy(), np.rot90(known, turns).copy()
    level = shrink(image, known, 30, 30)
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    edge = Rect(int(columns[0]), int(rows[0]), len(columns), len(rows))
    numbers = np.arange(900, dtype=np.int32).reshape(30, 30)
    turned = mirrored(level.known, 1, 6)
    reflected = turned >= 0
    numbers[reflected] = turned[reflected]
    plan = copies(numbers, level.known, np.zeros((30, 30, 3), np.float32), 240, 240, 1, reflected, edge)
    made = shrink(render(image, known, plan, lambda share: None), np.ones_like(known), 30, 30).image
    told = seen(level, numbers, reflected, edge, 240, 240)
    inner = reflected & ~cv2.dilate((~reflected & ~level.known).astype(np.uint8), np.ones((3, 3))).astype(
        bool
    )
    inner[[0, -1]] = inner[:, [0, -1]] = False
    beside = cv2.dilate(level.known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert inner.sum() > 50
    assert np.abs(told - made)[inner & ~beside].max() < 0.006
    assert np.abs(told - level.atlas()[numbers])[inner & ~beside].max() > 0.02


def test_no_line_is_drawn_where_a_reflection_gives_way_to_something_that_was_lighter() -> None:
    """One cell reflected, the next from where it is much lighter and corrected by as much: no step is left."""
    image = np.full((80, 160, 3), 100, np.uint8)
    image[:, :40] = 180
    known = np.zeros((80, 160), bool)
    known[:, :101] = True  # the photo ends within a cell
    image[:, 101:] = 60  # the guess, which nothing is copied from
    level = shrink(image, known, 10, 20)
    numbers = np.arange(200, dtype=np.int32).reshape(10, 20)
    turned = mirrored(level.known, 1, 1)
    reflected = turned >= 0
    numbers[reflected] = turned[reflected]
    numbers[:, 13:] -= 11
    colour = np.zeros((10, 20, 3), np.float32)
    colour[:, 13:] = -80 / 255
    plan = copies(numbers, level.known, colour, 80, 160, 1, reflected, Rect(0, 0, 101, 80))
    result = render(image, known, plan, lambda share: None)
    assert np.abs(result[8:-8, 101:120].astype(int) - 100).max() <= 2
