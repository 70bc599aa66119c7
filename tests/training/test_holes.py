"""Irregular holes: classes of ratio, border contact, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from outpaint_cli.training.holes import CLEAR, RATIOS, irregular, random_irregular


@pytest.mark.parametrize("border", [False, True])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", [(256, 256), (96, 130)])
def test_the_ratio_and_the_contact_are_as_asked_for(ratio, border: bool, size: tuple[int, int]):
    for seed in range(8):
        hole = ~irregular(np.random.default_rng(seed), *size, ratio, border)
        assert hole.shape == size and ratio[0] < hole.mean() <= ratio[1]
        rim = np.ones(size, bool)
        rim[1:-1, 1:-1] = False
        if border:
            assert (hole & rim).any()
        else:
            clear = [int(np.ceil(CLEAR * side)) for side in size]
            inside = np.zeros(size, bool)
            inside[clear[0] : -clear[0], clear[1] : -clear[1]] = True
            assert not (hole & ~inside).any()


def test_masks_depend_on_the_seed_alone():
    first, again, other = (random_irregular(np.random.default_rng(s), 128, 128) for s in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_holes_are_neither_dust_nor_one_block():
    """Strokes wider than a pixel in several directions: opening by 3x3 keeps most, by a fifth of the side little."""
    import cv2

    kept = {3: [], 51: []}
    for seed in range(12):
        hole = (~irregular(np.random.default_rng(seed), 256, 256, RATIOS[2], bool(seed % 2))).astype(np.uint8)
        for size, found in kept.items():
            opened = cv2.morphologyEx(hole, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
            found.append(opened.sum() / hole.sum())
    assert np.mean(kept[3]) > 0.8 and np.mean(kept[51]) < 0.3


def test_what_cannot_be_is_told():
    with pytest.raises(ValueError, match="no hole with a ratio of"):
        irregular(np.random.default_rng(0), 64, 64, (0.7, 0.9), False)
    with pytest.raises(ValueError, match="fits 4x4 pixels"):
        irregular(np.random.default_rng(0), 4, 4, (0.01, 0.05), True)
