"""Patch completion without a network."""

from __future__ import annotations

import numpy as np
from outpaint_patch.plugin import plugin
from outpaint_patch.smooth import smooth_guess

from outpaint_cli.plugin import Context, Filler, ModelRef, Native

from .scenes import central, landscape


def test_fills_a_batch() -> None:
    assert plugin.load is not None
    filler = plugin.load(ModelRef("patch", "patch"), Context())
    assert isinstance(filler, Filler)
    assert isinstance(filler.spec.size, Native)
    known = np.stack((central(90, 120), np.ones((90, 120), bool)))
    truth = np.stack((landscape(90, 120), landscape(90, 120, 1))).astype(np.float32) / 255
    filled = filler.fill(truth * known[..., None], known, Context())
    assert isinstance(filled, np.ndarray)
    assert filled.dtype == np.float32
    assert filled.shape == truth.shape
    assert np.array_equal(filled[known], truth[known])
    assert np.abs(filled[0, :10].mean() - truth[0, :10].mean()) < 0.08


def test_nothing_known_stays() -> None:
    assert plugin.load is not None
    filler = plugin.load(ModelRef("patch", "patch"), Context())
    empty = np.zeros((1, 8, 8, 3), np.float32)
    filled = filler.fill(empty, np.zeros((1, 8, 8), bool), Context())
    assert np.array_equal(filled, empty)


def test_smooth_guess_keeps_what_is_known_and_depends_on_nothing_else() -> None:
    truth = landscape(90, 120)
    known = central(90, 120)
    other = np.where(known[..., None], truth, 255).astype(np.uint8)
    guess = smooth_guess(truth, known)
    assert np.array_equal(guess[known], truth[known])
    assert np.array_equal(guess, smooth_guess(other, known))
