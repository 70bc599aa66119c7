"""What leans one way is not turned over."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from outpaint_patch.onward import onward
from outpaint_patch.pyramid import Level
from outpaint_patch.reflection import reflect
from outpaint_patch.settings import Settings
from outpaint_patch.slant import leaning, slant
from outpaint_patch.stage import Completed, Stage
from outpaint_patch.things import things

from .scenes import central


def _lines(angle: float, height: int = 60, width: int = 90, period: float = 9.0) -> NDArray[np.float32]:
    """Lines that rise to the right by ``angle`` degrees, float32 (height, width, 3) 0..1."""
    y, x = np.mgrid[:height, :width]
    turn = np.deg2rad(angle)
    wave = 0.5 + 0.3 * np.sin((x * np.sin(turn) + y * np.cos(turn)) * (2 * np.pi / period))
    return np.repeat(wave[..., None], 3, 2).astype(np.float32)


@pytest.mark.parametrize(("angle", "expected"), [(45, 1), (-45, -1), (0, 0), (90, 0), (30, 0.87)])
def test_slant_is_the_way_that_edges_lean(angle: float, expected: float) -> None:
    found = slant(_lines(angle), np.ones((60, 90), bool), 5)
    assert found[10:-10, 10:-10].mean() == pytest.approx(expected, abs=0.05)


def test_what_leans_both_ways_or_hardly_shows_does_not_lean() -> None:
    known = np.ones((60, 90), bool)
    both = (_lines(45) + _lines(-45)) / 2
    assert np.abs(slant(both, known, 8)[15:-15, 15:-15]).max() < 0.1
    faint = 0.5 + 0.005 * (_lines(45) - 0.5)
    assert np.abs(slant(faint, known, 8)).max() < 0.1


def test_what_is_not_known_has_no_say() -> None:
    known = np.ones((60, 90), bool)
    known[:, 50:] = False
    other = _lines(45)
    other[:, 50:] = _lines(-45)[:, 50:]
    assert np.allclose(slant(other, known, 5), slant(_lines(45), known, 5))


def test_light_that_falls_off_does_not_lean() -> None:
    known = np.ones((60, 90), bool)
    known[:, :8] = False
    y, x = np.mgrid[:60, :90]
    falling = np.repeat((0.2 + 0.004 * (x + y))[..., None], 3, 2).astype(np.float32)
    assert np.abs(slant(falling, known, 3)[5:-5, 15:-5]).min() > 0.8
    assert leaning(Level(falling, known))[10:-10, 18:-10].max() < 0.1
    assert leaning(Level(falling + _lines(45) - 0.5, known))[10:-10, 18:-10].min() > 0.9


def test_guides_are_measured_by_themselves() -> None:
    known = np.ones((60, 90), bool)
    guide = Level(_lines(0), known)
    found = leaning(Level(_lines(45), known, (guide,)))
    assert found.shape == (120, 90)
    assert found[5:55, 5:-5].min() > 0.9
    assert found[65:115, 5:-5].max() < 0.1


@pytest.mark.parametrize("rises", [True, False])
def test_a_ridge_that_falls_toward_the_edge_is_nothing_to_turn_over(rises: bool) -> None:
    y, x = np.mgrid[:60, :120]
    line = 45 - 0.6 * (x - 20) if rises else 5 + 0.6 * (x - 20)
    picture = np.where((y > line) & (x > 20), 0.2, 0.8)[..., None].repeat(3, 2).astype(np.float32)
    known = np.zeros((60, 120), bool)
    known[:, :80] = True
    sure = things(picture, known, np.full((60, 120), 1e-2, np.float32))
    row = round(float(line[0, 70]))
    assert (sure[row - 3 : row + 4, 64:76].mean() > 0.5) == rises


@pytest.mark.parametrize(("angle", "dearer"), [(45, True), (-45, True), (0, False), (90, False)])
def test_what_leans_is_dearer_turned_over(angle: float, dearer: bool) -> None:
    known = central(60, 90)
    level = Level(_lines(angle), known)
    going = onward(level.image, known, 0.99, 0.5, 0.01)

    def costs(slanted: float) -> NDArray[np.float32]:
        """What sources cost as they are, mirrored and upside down."""
        settings = Settings(slanted=slanted)
        stage = Stage(level, None, None, settings, 3, 0, True, None, None, going)
        bank = stage.where // known.size
        return np.array([stage.fixed[bank == kind].mean() for kind in range(3)])

    more = costs(0.8) - costs(0)
    assert more[0] == pytest.approx(0, abs=1e-6)
    assert (more[1:].min() > 0.3) if dearer else (more[1:].max() < 0.03)


def test_a_ridge_that_a_coarser_level_turned_over_costs_no_more_at_finer_ones() -> None:
    y, x = np.mgrid[:60, :120]
    ridge = (y > 45 - 0.6 * (x - 20)) & (x > 20)
    image = np.where(ridge, 0.2, 0.8)[..., None].repeat(3, 2).astype(np.float32)
    known = np.zeros((60, 120), bool)
    known[:, :80] = True
    level = Level(image, known)
    going = onward(level.image, known, 0.99, 0.5, 0.01)

    def more(exact: bool) -> float:
        """What leaning adds to the cost of the ridge's mirrored patches."""
        costs = []
        for slanted in (0.8, 0.0):
            settings = Settings(slanted=slanted, exact=10_000 if exact else 10)
            stage = Stage(level, None, None, settings, 3, 3, False, np.full((60, 120), 0.01), None, going)
            mirrored = stage.where // known.size == 1
            beside = np.abs(stage.here % 120 - 70) < 4
            on = np.abs(stage.here // 120 - (45 - 0.6 * (stage.here % 120 - 20))) < 4
            costs.append(stage.fixed[mirrored & beside & on].mean())
        return float(costs[0] - costs[1])

    assert more(exact=True) > 0.2
    assert more(exact=False) < 0.5 * more(exact=True)


@pytest.mark.parametrize("leans", [True, False])
def test_what_leans_is_reflected_for_fewer_cells(leans: bool) -> None:
    known = np.zeros((60, 90), bool)
    known[:, :60] = True
    image = _lines(45 if leans else 0, period=10 / np.sqrt(2))
    image += np.linspace(-0.1, 0.1, 90, dtype=np.float32)[None, :, None]
    numbers = np.arange(known.size, dtype=np.int32).reshape(known.shape)
    numbers[:, 60:] -= 30  # three lines to the left: as it goes on, but darker
    found = Completed(Level(image, known), numbers, 0.0, np.zeros_like(known))
    _, reflected = reflect(found, 12, 0.0005, 3.0)
    deep = reflected[15:45, 60:].sum(1)
    assert deep.max() <= 2 if leans else deep.min() >= 4
