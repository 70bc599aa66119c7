"""Texture: how it is measured, what the bundled networks expect, and that the search goes by it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from outpaint_patch import modes
from outpaint_patch.expected import Expected, demand, embed, expect, measured, principal
from outpaint_patch.finish import finish
from outpaint_patch.networks import MISSING, Networks, networks
from outpaint_patch.onward import onward
from outpaint_patch.plugin import PatchHarmonizer
from outpaint_patch.pyramid import Level, shrink
from outpaint_patch.settings import Settings
from outpaint_patch.stage import Stage
from outpaint_patch.texture import CHANNELS, FINE, LEAST, cells, energies, texture

from outpaint_cli.plugin import Context, ModelError

from .scenes import central, landscape, rough_job

ACROSS, ALONG, COLOUR = 4, 5, slice(8, 10)  # channels: gradients at the finer scale, and the two of colour


def waves(period: float, height: int = 288, width: int = 384) -> np.ndarray:
    """Grey upright waves, float32 (height, width, 3)."""
    row = 0.5 + 0.2 * np.sin(np.arange(width) * (2 * np.pi / period))
    return np.broadcast_to(row[None, :, None], (height, width, 3)).astype(np.float32).copy()


def told(image: np.ndarray) -> np.ndarray:
    """The mean texture (CHANNELS,) away from the edges."""
    return texture(energies(image))[16:-16, 16:-16].mean((0, 1))


def test_cells_are_multiples_and_keep_the_shape() -> None:
    assert cells(512, 768) == (80, 128)
    assert cells(4000, 400) == (128, 32)
    assert cells(5, 5) == (128, 128)


def test_bands_tell_fine_from_coarse() -> None:
    fine, coarse = told(waves(4))[:4], told(waves(24))[:4]
    assert fine.argmax() == 0
    assert coarse.argmax() == 3
    assert np.all(told(np.full((288, 384, 3), 0.4, np.float32)) == pytest.approx(-2.5, abs=0.01))


def test_gradients_tell_across_from_along() -> None:
    upright = told(waves(8))
    lying = told(np.ascontiguousarray(waves(8, 384, 288).transpose(1, 0, 2)))
    assert upright[ACROSS] - upright[ALONG] > 0.8
    assert lying[ALONG] - lying[ACROSS] > 0.8


def test_colour_has_channels_of_its_own() -> None:
    grey = waves(12)
    red = grey * np.float32((1, 0.6, 0.6))
    assert np.all(told(grey)[COLOUR] < -2.3)
    assert np.any(told(red)[COLOUR] > -1.8)


def test_ten_times_the_contrast_is_one_more() -> None:
    weak = 0.5 + (waves(8) - 0.5) * np.float32(0.1)
    difference = told(waves(8)) - told(weak)
    assert difference[ACROSS] == pytest.approx(1, abs=0.15)


def test_measured_texture_does_not_see_what_lies_beside_the_photo() -> None:
    known = central(96, 128)
    shown = known.repeat(FINE, 0).repeat(FINE, 1)
    photo = waves(6)
    beside_noise, beside_flat = photo.copy(), photo.copy()
    beside_noise[~shown] = np.random.default_rng(0).random((int((~shown).sum()), 3))
    beside_flat[~shown] = 0.5
    first, second = (measured(energies(image), known) for image in (beside_noise, beside_flat))
    fine = [0, 1, ACROSS, ALONG]  # coarser bands reach further than the one cell that is left out
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert np.abs(first - second)[inside][:, fine].max() < 0.1
    plain = texture(energies(beside_noise)) - texture(energies(beside_flat))
    assert np.abs(plain)[inside][:, fine].max() > 0.3


def test_principal_components_keep_distances() -> None:
    rng = np.random.default_rng(0)
    planes = [rng.normal(size=(8, 8, CHANNELS)).astype(np.float32)]
    known = [np.ones((8, 8), bool)]
    rows = planes[0].reshape(-1, CHANNELS)
    all_of_them = principal(planes, known, CHANNELS)[0].reshape(-1, CHANNELS)
    wanted = np.square(rows[:, None] - rows[None]).mean(-1)
    assert np.allclose(np.square(all_of_them[:, None] - all_of_them[None]).sum(-1), wanted, atol=1e-4)
    assert principal(planes, known, 5)[0].shape == (8, 8, 5)


def test_bundled_network_knows_more_than_the_guess() -> None:
    truth, known = landscape(360, 480), central(360, 480)
    level = shrink(rough_job(truth, known).image, known, 270, 360)
    bundled = networks()
    assert bundled is not None
    wanted = texture(energies(cv2.resize(truth, (384, 288)).astype(np.float32) / 255))
    found = expect(level, 0, bundled.texture)
    mush = texture(energies(cv2.resize(level.image, (384, 288))))
    hidden = cv2.resize(known.astype(np.uint8), (128, 96), interpolation=cv2.INTER_NEAREST) == 0
    assert np.abs(found - wanted)[hidden].mean() < 0.6 * np.abs(mush - wanted)[hidden].mean()
    calm = expect(level, 0.2, bundled.texture)
    assert np.allclose(calm[hidden], np.maximum(found - 0.2, LEAST)[hidden], atol=1e-5)
    inside = cv2.erode((~hidden).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert np.array_equal(found[inside], calm[inside])


def test_bundled_network_knows_what_belongs_where() -> None:
    """Of the known places, the one that is told to be likeliest is more like the hidden one than the rest are."""
    truth, known = landscape(360, 480), central(360, 480)
    level = shrink(rough_job(truth, known).image, known, 270, 360)
    bundled = networks()
    assert bundled is not None
    found = embed(level, bundled.affinity)[2::4, 2::4]
    colours = cv2.resize(truth, (128, 96), interpolation=cv2.INTER_AREA)[2::4, 2::4].astype(np.float32) / 255
    inside = cv2.resize(known.astype(np.float32), (128, 96), interpolation=cv2.INTER_AREA)[2::4, 2::4] > 0.99
    apart = np.square(found[~inside][:, None] - found[inside][None]).sum(-1)
    wrong = np.square(colours[~inside][:, None] - colours[inside][None]).mean(-1)
    likeliest = wrong[np.arange(len(wrong)), apart.argmin(1)]
    assert likeliest.mean() < 0.5 * wrong.mean()


def test_what_is_wanted_is_what_belongs_to_the_unknown_places() -> None:
    """Unknown places, twice as many as known ones, are all like the left third of what is known."""
    known = np.zeros((288, 384), bool)
    known[:96] = True
    level = Level(np.full((288, 384, 3), 0.5, np.float32), known)
    belongs = np.zeros((96, 128, 2), np.float32)
    belongs[:32, 42:, 0] = 9
    wanted = demand(level, belongs)
    assert wanted.shape == (96, 128)
    assert wanted[8:24, 8:30].mean() == pytest.approx(2 * 128 / 42, rel=0.05)
    assert wanted[8:24, 60:].max() < 0.01
    assert not demand(Level(level.image, np.ones_like(known)), belongs).any()


def test_sources_may_be_taken_as_often_as_they_are_wanted() -> None:
    known = np.zeros((96, 128), bool)
    known[:48] = True
    level = Level(np.random.default_rng(0).random((96, 128, 3)).astype(np.float32), known)
    wanted = np.zeros((96, 128), np.float32)
    wanted[:, :64] = 5.0

    def fair(wanted: np.ndarray | None) -> np.ndarray:
        expected = Expected([np.zeros((96, 128, 1), np.float32)], wanted)
        going = onward(level.image, known, 0.4, 0.5, 0.01)
        stage = Stage(level, None, expected, Settings(), 3, 0, True, None, None, going)
        return np.stack((stage.here % 128, stage.fair))

    column, often = fair(wanted)
    # near the frame's edge no patch is looked for
    assert often[column < 60].min() == pytest.approx(5, rel=0.1)
    assert np.all(often[column > 68] == 1)
    assert np.ptp(fair(None)[1]) == 0


class Prophet:
    """Stands for a network: it tells one thing left of the middle and another right of it."""

    def __init__(self, left: np.ndarray, right: np.ndarray) -> None:
        self.left, self.right = left, right

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        height, width = inputs["guess"].shape[2:]
        plane = np.empty((1, len(self.left), height // 2, width // 2), np.float32)
        plane[..., : width // 4] = self.left[:, None, None]
        plane[..., width // 4 :] = self.right[:, None, None]
        return [plane]


@pytest.mark.parametrize("rough_side", ["left", "right"])
def test_search_goes_by_the_texture_expected(rough_side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rough and smooth bands of one mean colour; the guess below them is that colour, and can't tell."""
    # neither band has the texture told: contested and so lowered, it would be half-way between them, and smooth win
    monkeypatch.setattr(modes, "CALMER", 0.0)
    rng = np.random.default_rng(0)
    photo = np.full((192, 256, 3), 128, np.float32)
    rough_row = (np.arange(192) // 16) % 2 == 0
    photo[rough_row] += cv2.GaussianBlur(rng.normal(0, 90, (192, 256, 1)), (0, 0), 0.8)[rough_row][..., None]
    photo += rng.normal(0, 1, photo.shape)
    known = np.zeros((192, 256), bool)
    known[:128] = True
    truth = np.clip(photo, 0, 255).astype(np.uint8)
    job = rough_job(np.where(known[..., None], truth, 128).astype(np.uint8), known)
    rough, smooth = np.full(CHANNELS, -1.0, np.float32), np.full(CHANNELS, -2.4, np.float32)
    prophet = Prophet(rough, smooth) if rough_side == "left" else Prophet(smooth, rough)
    nowhere = Prophet(*np.zeros((2, 12), np.float32))
    image, _ = finish(job, Context(seed=1, threads=1), networks=Networks(prophet, nowhere))  # type: ignore[arg-type]
    below = image[140:].astype(np.float32).mean(-1)
    detail = np.square(below - cv2.GaussianBlur(below, (0, 0), 3))
    left, right = detail[:, :112].mean(), detail[:, 144:].mean()
    assert (left > 2 * right) if rough_side == "left" else (right > 2 * left)


class Judge:
    """Stands for a network: what is green belongs to the left of the middle, what is red to the right of it."""

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        guess, known = inputs["guess"][0, :, ::2, ::2], inputs["known"][0, 0, ::2, ::2] > 0
        plane = np.zeros((1, 12, *known.shape), np.float32)
        plane[0, 0] = np.where(known, np.sign(guess[0] - guess[1]), -1)
        plane[0, 0, :, known.shape[1] // 2 :][~known[:, known.shape[1] // 2 :]] = 1
        plane[0, 0] *= 3
        return [plane]


@pytest.mark.parametrize("turned", [False, True])
def test_search_goes_by_what_belongs_there(turned: bool) -> None:
    """Red and green bands, as bright; the guess below them is their mean, and can't tell."""
    rng = np.random.default_rng(0)
    photo = rng.normal(128, 4, (192, 256, 3))
    sign = np.where((np.arange(192) // 16) % 2 == 0, 1, -1)[:, None]
    photo[..., 0] += 30 * sign
    photo[..., 1] -= 30 * sign
    known = np.zeros((192, 256), bool)
    known[:128] = True
    truth = np.clip(photo, 0, 255).astype(np.uint8)
    job = rough_job(np.where(known[..., None], truth, 128).astype(np.uint8), known)
    judge, plain = Judge(), np.full(CHANNELS, -2.0, np.float32)
    if turned:
        usual = judge.run
        judge.run = lambda inputs: [usual(inputs)[0] * np.where(inputs["known"][:, :, ::2, ::2] > 0, 1, -1)]  # type: ignore[method-assign]
    found = Networks(Prophet(plain, plain), judge)  # type: ignore[arg-type]
    image, _ = finish(job, Context(seed=1, threads=1), networks=found)
    below = image[140:].astype(np.float32)
    redder = below[..., 0] - below[..., 1]
    left, right = redder[:, :112].mean(), redder[:, 144:].mean()
    # the first rows go on from the photo's last band, and colours are moved toward the guess a little
    assert (left < right - 20) if not turned else (left > right + 20)


def test_with_guides_nobody_says_what_belongs_there() -> None:
    """On five photos of Kodak half as many cells came from a guide, and the layout was worse, if it was asked."""
    truth, known = landscape(), central(180, 240)
    job = rough_job(truth, known, guides=(truth,))
    bundled = networks()
    assert bundled is not None
    nobody = Networks(bundled.texture, None)  # type: ignore[arg-type]
    image, info = finish(job, Context(seed=1, threads=1), networks=nobody)
    assert info["guides"] == 1
    assert np.array_equal(image, finish(job, Context(seed=1, threads=1), networks=bundled)[0])


def test_without_onnxruntime_colours_alone_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ModelError("no onnxruntime")

    job = rough_job(landscape(), central(180, 240))
    usual = PatchHarmonizer().harmonize(job, Context(seed=1, threads=1))
    assert "notes" not in usual.info
    monkeypatch.setattr("outpaint_cli.runtime.onnxruntime_module", missing)
    networks.cache_clear()
    try:
        without = PatchHarmonizer().harmonize(job, Context(seed=1, threads=1))
    finally:
        networks.cache_clear()
    assert without.info["notes"] == [MISSING]
    assert not np.array_equal(without.image, usual.image)


def test_the_weights_say_where_they_come_from() -> None:
    bundled = networks()
    assert bundled is not None
    for name in ("texture", "affinity"):
        metadata = getattr(bundled, name).description.metadata
        assert metadata["outpaint.network"] == f"{name}-unet"
        assert '"/' not in metadata["outpaint.training"]  # whose machine it was is nobody's business
