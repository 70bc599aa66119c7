"""Cells beyond the frame's edge come and go without a trace but for what they are for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch import complete as module
from outpaint_patch.complete import complete
from outpaint_patch.expected import Expected
from outpaint_patch.margin import Margin, margin
from outpaint_patch.pyramid import Level
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Completed

from .scenes import central, landscape, rough_job


def _level(guides: int = 1) -> Level:
    rng = np.random.default_rng(0)
    known = np.zeros((30, 40), bool)
    known[8:20, 10:28] = True
    planes = tuple(Level(rng.random((30, 40, 3)).astype(np.float32), ~known) for _ in range(guides))
    return Level(rng.random((30, 40, 3)).astype(np.float32), known, planes)


def test_there_is_a_margin_where_nothing_is_known() -> None:
    known = np.zeros((300, 500), bool)
    known[:, 100:200] = True
    assert margin(known) == Margin(0, 0, 10, 10)
    assert margin(np.zeros((300, 500), bool)) == Margin(10, 10, 10, 10)
    assert margin(np.ones((3, 5), bool)) == Margin(0, 0, 0, 0)


def test_a_level_goes_on_beyond_its_edge_and_nothing_there_is_known() -> None:
    level = _level()
    wide = Margin(1, 2, 3, 4).level(level)
    assert wide.shape == (33, 47) == Margin(1, 2, 3, 4).shape(30, 40)
    assert np.array_equal(wide.image[1:31, 3:43], level.image)
    assert np.array_equal(wide.image[-1, 3:43], level.image[-1])
    assert wide.known.sum() == level.known.sum()
    assert wide.guides[0].known.sum() == level.guides[0].known.sum()


def test_what_is_expected_stays_where_it_is() -> None:
    """Of a plane at a third of the size, and of a frame that is no multiple of it."""
    around = Margin(4, 7, 10, 0)
    y, x = np.mgrid[:97, :130].astype(np.float32)
    plane = np.stack((y, x, y, x, x), -1)
    coarse = cv2.resize(plane[..., :4], (43, 32), interpolation=cv2.INTER_AREA)
    coarse = np.concatenate((coarse, coarse[..., 1:2]), -1)
    demand = coarse[..., 0]
    found = around.expected(Expected([coarse], demand, plane[..., :3] / 130), 97, 130)
    again = cv2.resize(found.planes[0][..., :2], (140, 108), interpolation=cv2.INTER_LINEAR)
    there = around.inside(again)
    assert there.shape == (97, 130, 2)
    assert np.abs(there - plane[..., :2])[6:-6, 6:-6].max() < 0.5
    assert np.array_equal(found.planes[0][..., 1], found.planes[0][..., 4])
    assert found.demand is not None
    assert found.definite is not None
    assert np.allclose(found.demand, found.planes[0][..., 0])
    assert np.array_equal(around.inside(found.definite), plane[..., :3] / 130)


@pytest.mark.parametrize("guides", [0, 2])
def test_without_it_the_same_is_copied_from_the_same(guides: int) -> None:
    around, level = Margin(1, 2, 3, 4), _level(guides)
    wide = around.level(level)
    whole = np.concatenate([plane.known for plane in (wide, *wide.guides)])
    upside_down = whole.reshape(-1, 33, 47)[:, ::-1]
    sources = np.flatnonzero(np.concatenate([part.ravel() for part in (whole, whole[:, ::-1], upside_down)]))
    numbers = np.random.default_rng(1).choice(sources, wide.shape).astype(np.int32)
    plane = np.random.default_rng(2).random(wide.shape).astype(np.float32)
    found = around.without(Completed(wide, numbers, 0.5, plane > 0.5, wide.image, plane))
    assert found.numbers.dtype == np.int32
    box = slice(1, 31), slice(3, 43)
    assert np.array_equal(found.level.atlas()[found.numbers], wide.atlas()[numbers[box]])
    assert np.array_equal(found.level.image, level.image)
    assert found.tones is not None
    assert found.light is not None
    assert found.tones.shape == (30, 40, 3)
    assert found.held.shape == found.light.shape == (30, 40)


def test_what_is_at_the_edge_has_whole_patches_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slightly darker frame: only a strip along it, as wide as a patch reaches, could tell."""
    known = central(180, 240)
    job = rough_job(landscape(), known)
    seen = []

    class Watched(module.Stage):
        def run(self, *args: object) -> Completed:
            seen.append((self.shape, self.radius, self.cells))
            return super().run(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "Stage", Watched)
    found = complete(
        job.image, known, [], None, Settings(), np.random.default_rng(0), lambda share: None, lambda: None
    )
    assert found is not None
    (height, width), _, cells = seen[-1]
    around = margin(found.level.known)
    inside = np.zeros((height, width), bool)
    inside.ravel()[cells] = True
    frame = inside[around.top : height - around.bottom, around.left : width - around.right]
    assert frame.shape == found.level.shape
    assert frame[~found.level.known].all()
    assert np.isin(found.numbers % found.level.known.size, np.flatnonzero(found.level.known)).mean() > 0.3
