"""A photo's dark rim is not left standing as a frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch.finish import finish
from outpaint_patch.settings import Settings
from outpaint_patch.vignette import even, vignette

from outpaint_cli.plugin import Context, HarmonizeJob, Rect

EDGE = 0.7
"""Of the light, what is left at the middle of the photo's sides."""


def _rim(height: int, width: int) -> np.ndarray:
    """Light left (height, width), from the middle half outward."""
    y = np.abs((np.arange(height) + 0.5) / height * 2 - 1)[:, None]
    x = np.abs((np.arange(width) + 0.5) / width * 2 - 1)[None]
    out = np.clip((np.maximum(y, x) - 0.6) / 0.4, 0, 1)
    return (1 - (1 - EDGE) * out**1.5).astype(np.float32)


def _framed(seed: int = 0, rim: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A cloudy photo of 120 x 180 cells in the middle of 180 x 270, plain light beyond it, and what is known."""
    rng = np.random.default_rng(seed)
    known = np.zeros((180, 270), bool)
    known[30:150, 45:225] = True
    clouds = cv2.GaussianBlur(rng.normal(0, 1, (180, 270, 3)), (0, 0), 4)
    image = np.full((180, 270, 3), 0.6, np.float32)
    photo = 0.6 + 0.1 * clouds[30:150, 45:225] / clouds.std()
    image[30:150, 45:225] = photo * (_rim(120, 180)[..., None] if rim else 1)
    return np.clip(image, 0, 1).astype(np.float32), known


def test_the_light_that_is_left_is_found() -> None:
    image, known = _framed()
    light = vignette(image, known)
    assert light is not None
    inside = light[known].reshape(120, 180)
    assert np.abs(inside - _rim(120, 180))[:, 5:-5].mean() < 0.05
    assert inside[60, 90] == pytest.approx(1)
    assert inside[60, 0] == pytest.approx(EDGE, abs=0.1)
    assert np.abs(light[90, :45] - inside[60, 0]).max() < 0.06  # beyond the edge it stays what it is there


@pytest.mark.parametrize("case", ["none", "one side", "hole", "small"])
def test_what_is_no_vignette_is_left_alone(case: str) -> None:
    image, known = _framed(rim=case in ("hole", "small"))
    if case == "one side":
        image *= np.linspace(1, 0.4, 180, dtype=np.float32)[:, None, None]
    elif case == "hole":
        known[80:90, 120:130] = False
    elif case == "small":
        image, known = image[:60, :80], np.zeros((60, 80), bool)
        known[20:32, 20:60] = True
    assert vignette(image, known) is None


def test_the_photo_is_evened_out_and_the_far_guess_left_alone() -> None:
    image, known = _framed()
    light = vignette(image, known)
    assert light is not None
    flat = even(image, known, light, 0.1)
    inner, rim = flat[80:100, 100:170].mean(), flat[80:100, 46:52].mean()
    assert rim > 0.88 * inner
    assert image[80:100, 46:52].mean() < 0.75 * inner
    np.testing.assert_allclose(flat[:3], image[:3], rtol=1e-5)


def test_the_picture_stays_dark_beyond_the_dark_rim(monkeypatch: pytest.MonkeyPatch) -> None:
    image, known = _framed()
    job = HarmonizeJob((image * 255).astype(np.uint8), known, Rect(45, 30, 180, 120), scale=2)

    def beyond() -> float:
        result, _ = finish(job, Context(seed=0, threads=1), Settings(finest=20_000))
        assert (result[known] == job.image[known]).all()
        return float(result[60:120, 10:30].mean()) / 255

    rim = float(image[60:120, 45:50].mean())
    assert beyond() == pytest.approx(rim, rel=0.15)
    monkeypatch.setattr("outpaint_patch.complete.vignette", lambda *_: None)
    assert beyond() > 1.2 * rim, "without it the rim shows as a frame"
