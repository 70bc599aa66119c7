"""Thick things that lean run on beyond the photo's left and right edges, where they fall."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch import onward as onward_module
from outpaint_patch.finish import finish
from outpaint_patch.nearer import Nearer
from outpaint_patch.onward import Onward, onward
from outpaint_patch.settings import Settings
from outpaint_patch.straight import CLEARLY, SLANTED, Straight, straight
from outpaint_patch.thick import thick

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

HEIGHT, WIDTH = 192, 288
TOP, BOTTOM, LEFT, RIGHT = 32, 160, 48, 240


def _branch(
    slope: float, at: float = 96, half: float = 8, bark: float = 0.05, outline: float = 1.5
) -> np.ndarray:
    """A branch that falls by ``slope`` rows a column and passes the middle column in row ``at``; (h, w, 3)."""
    rng = np.random.default_rng(4)
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    off = (yy - at - slope * (xx - WIDTH / 2)) / np.float32(np.hypot(1, slope))
    rough = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2) * 6
    inside = 1 / (1 + np.exp(np.clip(np.abs(off + rough * outline) - half, -30, 30)))
    # the background is out of focus
    behind = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 16) * 4
    wood = 0.55 + bark * rough
    grey = inside * wood + (1 - inside) * (0.2 + 0.05 * behind)
    return np.clip(grey[..., None] * np.array([1, 0.8, 0.6], np.float32), 0, 1)


def _strip(picture: np.ndarray) -> np.ndarray:
    """The strip along the photo's right edge, that edge to the left (turned twice)."""
    return np.rot90(picture[TOP:BOTTOM, RIGHT - 32 : RIGHT], 2).astype(np.float32)


@pytest.mark.parametrize("slope", [0.8, 1.0])
def test_a_branch_is_too_rough_to_be_straight_but_is_known_to_run_on(slope: float) -> None:
    strip = _strip(_branch(slope, at=96 - 60 * slope))
    found = straight(strip)
    bodies, sure = thick(strip, found, 1)
    # where the branch leaves the photo: rows up from the lower right corner
    middle = round(BOTTOM - (96 + slope * (RIGHT - WIDTH / 2 - 60)))
    body = slice(middle - 12, middle + 12)
    assert sure[body].min() > 0.5
    assert bodies.slopes[body] == pytest.approx(slope, abs=0.15)
    doubt = Settings().straightness + SLANTED * np.abs(found.slopes[body])
    assert np.max((found.share[body] - doubt) / CLEARLY) < 0.4
    assert not thick(strip, found, -1)[1].any()  # at the left edge the same would rise


def test_neither_noise_nor_what_is_plain_nor_level_is_thick() -> None:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.random((128, 32, 3)).astype(np.float32), (0, 0), 2)
    level = np.repeat(rng.random((128, 1, 3)).astype(np.float32), 32, 1)
    for strip in (noise, np.full((128, 32, 3), 0.5, np.float32), level):
        for falls in (-1, 1):
            assert not thick(strip, straight(strip), falls)[1].any()


@pytest.mark.parametrize("turned", [False, True])
def test_on_either_side_it_runs_on_where_it_falls(turned: bool) -> None:
    found = _onward(_branch(0.8, at=60), turned)
    x = RIGHT + 20
    falls = 60 + round(0.8 * (x - WIDTH / 2)), WIDTH - 1 - x if turned else x
    assert found.weight[falls] > 0.5 and found.thick[falls] > 0.5
    assert found.way[falls][0] == pytest.approx(-0.8, abs=0.2)
    # the same branch leaves the photo above it, too
    assert not found.thick[:TOP].any() and not found.thick[BOTTOM:, LEFT:RIGHT].any()


@pytest.mark.parametrize("turned", [False, True])
def test_on_neither_side_it_rises(turned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = _branch(0.8, at=144)  # it leaves the photo in the middle of its left edge
    outside = slice(RIGHT, None) if turned else slice(0, LEFT)
    assert not _onward(picture, turned).thick[:, outside].any()
    monkeypatch.setattr(onward_module, "FALLS", (1, 0, -1, 0))
    assert _onward(picture, turned).thick[:, outside].max() > 0.5


def _onward(picture: np.ndarray, turned: bool) -> Onward:
    """What runs on from the photo in ``picture``, left and right exchanged if it is ``turned``."""
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[TOP:BOTTOM, LEFT:RIGHT] = True
    picture = picture[:, ::-1] if turned else picture
    return onward(np.where(known[..., None], picture, np.float32(0.4)), known, 0.4, 0.5, 0.01)


def test_its_source_may_be_lighter() -> None:
    image = np.zeros((20, 30, 3), np.float32)
    known = np.zeros((20, 30), bool)
    known[:, :20] = True
    image[known] = 0.5
    ones = np.ones((20, 30), np.float32)

    def sure(is_thick: float) -> float:
        way = np.stack([0 * ones, -ones], -1)
        weight, colours = np.where(known, 0, ones), np.full((20, 30, 3), 0.3, np.float32)
        going = Onward(weight, colours, way, 3 * ones, 8 * ones, ones, is_thick * ones)
        cell = np.array([10 * 30 + 22], np.int32)
        return float(going.sources(cell, image, known, 1, 0.02)[1][0])

    assert sure(0) == pytest.approx(np.exp(-2), abs=1e-4)
    assert sure(1) == pytest.approx(np.exp(-1 / 3), abs=1e-4)


def test_a_branch_goes_on_under_a_grey_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = _branch(0.8, at=60)
    samples = np.clip(truth * 255, 0, 255).astype(np.uint8)
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[TOP:BOTTOM, LEFT:RIGHT] = True
    guess = np.where(known[..., None], samples, np.uint8(70))
    job = HarmonizeJob(guess, known, Rect(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP), scale=2.0)

    def overlap() -> float:
        """Of the branch to the right of the photo, and what is as bright there, the share that is both."""
        made, _ = finish(job, Context(seed=0, threads=1))
        bright, wanted = (part[:, RIGHT:, 0] > 95 for part in (made, samples))
        return float((bright & wanted).sum() / (bright | wanted).sum())

    with_it = overlap()

    def none(strip: np.ndarray, found: Straight, falls: int) -> tuple[Straight, np.ndarray]:
        return found, np.zeros(len(strip), np.float32)

    monkeypatch.setattr(onward_module, "thick", none)
    without = overlap()
    assert with_it > 0.6
    assert with_it > without + 0.3


def test_what_runs_on_another_way_than_from_the_point_is_against_it() -> None:
    plane = np.ones((40, 60), np.float32)
    nearer = Nearer(0.5, 0.5, 1.4, 1, plane, plane, 1.0)
    y, x = np.mgrid[:40, :60].astype(np.float32)
    toward = np.stack([19.5 - y, 29.5 - x], -1)
    weight = 0.7 * plane
    around = Onward(weight, np.zeros((40, 60, 3), np.float32), toward, plane, plane, plane, plane)
    assert not nearer.against(around).any()
    across = np.stack([29.5 - x, -(19.5 - y)], -1)
    other = Onward(weight, np.zeros((40, 60, 3), np.float32), across, plane, plane, plane, plane)
    against = nearer.against(other)
    far = np.hypot(y - 19.5, x - 29.5) > 0.06 * 60 + 1
    assert against[far] == pytest.approx(0.7)
    assert not against[18:22, 28:32].any()
