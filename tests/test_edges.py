"""The step at the photo's edge that is taken out of a finished picture."""

from __future__ import annotations

import numpy as np
import pytest

from outpaint_cli.edges import take_out_step


def frame(height: int, width: int) -> np.ndarray:
    known = np.zeros((height, width), bool)
    known[height // 4 : -height // 4, width // 4 : -width // 4] = True
    return known


@pytest.mark.parametrize("size", [(96, 144), (600, 900)], ids=["as it is", "on a coarser grid"])
def test_a_step_goes_and_what_is_far_off_stays(size: tuple[int, int]) -> None:
    known = frame(*size)
    given = np.full((*size, 3), 0.4, np.float32)
    made = np.where(known[..., None], given, np.float32((0.5, 0.45, 0.4)))
    out = take_out_step(given, known, made)
    row, left = size[0] // 2, size[1] // 4
    assert np.abs(out[row, left - 1] - 0.4).max() < 0.03
    assert np.abs(out[row, :4] - made[row, :4]).max() < 0.005
    assert np.array_equal(out[known], made[known])
    assert out.dtype == np.float32


def test_what_goes_on_as_the_photo_did_is_left_alone() -> None:
    known = frame(96, 144)
    ramp = np.linspace(0.2, 0.7, 144, dtype=np.float32)[None, :, None].repeat(96, 0).repeat(3, 2)
    out = take_out_step(ramp, known, ramp.copy())
    assert np.abs(out - ramp).max() < 0.01


@pytest.mark.parametrize("value", [True, False])
def test_without_an_edge_nothing_changes(value: bool) -> None:
    made = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    assert np.array_equal(take_out_step(made, np.full((20, 30), value), made), made)
