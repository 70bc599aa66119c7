"""Lines that run out of the photo below it tell where they come from, and go on from there, wider."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.finish import finish
from outpaint_patch.lines import Lines, below
from outpaint_patch.nearer import Nearer, nearer
from outpaint_patch.onward import onward
from outpaint_patch.settings import Settings

from outpaint_cli.plugin import Context

from .scenes import rough_job

HEIGHT, WIDTH = 360, 320
PHOTO = (slice(50, 210), slice(50, 270))
POINT = 0.6, 0.55  # where the road comes from, in the photo's heights and widths
AT = 50 + POINT[0] * 160 - 0.5, 50 + POINT[1] * 220 - 0.5  # the same in the frame, in pixels


def road(edges: tuple[float, ...] = (-0.42, -0.3, 0.2, 0.32)) -> NDArray[np.uint8]:
    """A plain with a sky above, and on it a stripe between the first two edges and one between the last two.

    ``edges`` are columns a row down from the point.
    """
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    down, over = y - AT[0], x - AT[1]
    picture = np.where((down > 0)[..., None], (90.0, 90.0, 80.0), (150.0, 180.0, 220.0))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        inside = (
            np.clip(over - first * down + 0.5, 0, 1) * np.clip(last * down - over + 0.5, 0, 1) * (down > 0)
        )
        picture += inside[..., None] * (130.0, 110.0, -20.0)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _known() -> NDArray[np.bool_]:
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[PHOTO] = True
    return known


def _lines(picture: NDArray[np.uint8]) -> tuple[Lines, NDArray[np.float32]]:
    image, known = picture.astype(np.float32) / np.float32(255), _known()
    image = np.where(known[..., None], image, np.float32(0.4))
    settings = Settings()
    lines = below(onward(image, known, settings.straightness, 0.5, settings.onward_alike), known)
    assert lines is not None
    return lines, image


def test_the_point_that_a_road_comes_from_is_found() -> None:
    lines, image = _lines(road())
    found = lines.come_from(image[PHOTO])
    assert found == pytest.approx(POINT, abs=0.015)
    assert lines.support(*POINT, 160) > 0.3
    assert lines.support(0.6, 0.3, 160) < 0.1
    assert lines.through(*POINT, 160).sum() > 0.8 * lines.weight.sum()
    assert not lines.through(0.1, 0.1, 160)[110:].any()


@pytest.mark.parametrize("edges", [(-0.42, -0.3), (0.2, 0.32), ()])
def test_lines_on_one_side_alone_come_from_nowhere(edges: tuple[float, ...]) -> None:
    lines, image = _lines(road(edges))
    assert lines.come_from(image[PHOTO]) is None


def test_nothing_runs_out_of_a_photo_at_the_frame_s_lower_edge() -> None:
    known = _known()
    known[210:] = known[209]
    image = road().astype(np.float32) / np.float32(255)
    assert below(onward(image, known, 0.4, 0.5, 0.01), known) is None


def test_the_photo_is_enlarged_about_that_point_as_far_as_lines_go_on() -> None:
    lines, image = _lines(road())
    found = nearer(image, _known(), 1, lines=lines)
    assert found is not None
    assert (found.y * HEIGHT - 0.5, found.x * WIDTH - 0.5) == pytest.approx(AT, abs=3)
    assert 64 * found.scale**found.count > HEIGHT - AT[0]  # 64 rows of the photo are below the point
    assert found.lines is not None


def test_what_runs_on_becomes_wider_as_it_comes_nearer() -> None:
    zeros = np.zeros((4, 4), np.float32)
    edge = np.zeros(220, np.float32)
    edge[130:141] = 1  # ten columns or so, right of the point
    found = Nearer((AT[0] + 0.5) / HEIGHT, (AT[1] + 0.5) / WIDTH, 1.5, 2, zeros, zeros, 0, edge)
    wide = found.onward(_known())
    assert wide is not None
    assert not wide[:210].any()
    for row in (215, 260, 350):
        there = np.flatnonzero(wide[row] > 0.5)
        nearness = (row - AT[0]) / (209 - AT[0])
        assert there[0] == pytest.approx(AT[1] + (180 - AT[1]) * nearness, abs=2)
        assert there[-1] == pytest.approx(AT[1] + (190 - AT[1]) * nearness, abs=2)
    assert Nearer(0.5, 0.5, 1.5, 2, zeros, zeros, 0).onward(_known()) is None


def test_a_road_goes_on_in_perspective(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = road()
    job = rough_job(truth, _known())

    def misplaced() -> float:
        """Share of pixels below the photo that are road where there is none, or the other way round."""
        made, _ = finish(job, Context(seed=3, threads=1), Settings())
        parts = [(picture[214:] @ np.array([0.5, 0.5, -1.0])) > 60 for picture in (made, truth)]
        return float((parts[0] != parts[1]).mean() / parts[1].mean())

    with_lines = misplaced()
    monkeypatch.setattr("outpaint_patch.complete.below", lambda *_: None)
    without = misplaced()
    assert with_lines < 0.1
    assert with_lines < 0.3 * without
