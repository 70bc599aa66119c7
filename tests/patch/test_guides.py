"""Guides: patches of other photos of the same place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch.finish import finish
from outpaint_patch.guides import planes

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

from .scenes import landscape


def _scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo (left of a scene), a second one of what lies to its right, a red house, and the whole."""
    whole = landscape(120, 320)
    whole[20:100, 190:280] = (200, 20, 30)
    whole[20:100, 190:280:12] = (250, 220, 30)
    return whole[:, :160], whole[:, 140:300], whole


def _job(guides: tuple[np.ndarray, ...], dtype: type = np.uint8, *, house: bool = True) -> HarmonizeJob:
    photo, _, whole = _scene()
    whole = whole if house else landscape(120, 320)
    frame = np.zeros((120, 240, 3), np.uint8)
    frame[:, :160] = photo
    known = np.zeros((120, 240), bool)
    known[:, :160] = True
    guess = np.where(known[..., None], frame, cv2.GaussianBlur(whole[:, :240], (0, 0), 6))
    if dtype is np.uint16:
        guess, guides = guess.astype(np.uint16) * 257, tuple(g.astype(np.uint16) * 257 for g in guides)
    return HarmonizeJob(guess, known, Rect(0, 0, 160, 120), guides=guides, scale=4)


def _red(image: np.ndarray) -> int:
    """Pixels of the house's colour in the new part."""
    new = image[:, 160:].astype(int)
    return int(((new[..., 0] > 150) & (new[..., 1] < 80)).sum())


def test_what_only_the_guide_has_is_copied() -> None:
    _, guide, _ = _scene()
    alone, info = finish(_job(()), Context())
    guided, guided_info = finish(_job((guide,)), Context())
    assert "guides" not in info
    assert guided_info["guides"] == 1
    assert guided_info["from_guides"] > 0.05
    assert _red(alone) < 100
    assert _red(guided) > 1000
    assert (guided[:, :160] == _job(()).image[:, :160]).all()


def test_a_guide_of_another_place_is_left_alone() -> None:
    elsewhere = np.zeros((120, 160, 3), np.uint8)
    elsewhere[:, ::2] = (250, 0, 250)
    _, info = finish(_job((elsewhere,), house=False), Context())
    assert info["from_guides"] < 0.02


def test_sixteen_bits_and_guides_of_any_size() -> None:
    _, guide, _ = _scene()
    odd = np.ascontiguousarray(np.rot90(guide))[:37]
    image, info = finish(_job((guide, odd, guide[:1, :1]), np.uint16), Context())
    assert image.dtype == np.uint16
    assert info["guides"] == 3


def test_guides_that_do_not_fit_are_told() -> None:
    _, guide, _ = _scene()
    _, info = finish(_job((guide, guide)), Context(memory=2 * 120 * 240 * 3))
    assert info["guides"] == 1
    assert info["notes"] == ["1 of 2 guides left out: the memory holds no more of this size"]


@pytest.mark.parametrize(("memory", "taken"), [(1 << 30, 3), (120 * 240 * 3 * 4, 2), (1000, 0)])
def test_guides_stay_within_the_memory(memory: int, taken: int) -> None:
    frame = np.zeros((120, 240, 3), np.uint8)
    guides = [np.full((60, 50, 3), i, np.uint8) for i in range(3)]
    found = planes(guides, frame, Rect(0, 0, 160, 120), memory)
    assert len(found) == taken
    assert all(plane.known.sum() == 120 * 100 for plane in found)
