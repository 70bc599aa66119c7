"""migan and lama against stand-ins with the published inputs, outputs, ranges and polarity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from outpaint_hub.fillers import Lama, Migan
from outpaint_hub.mirror import with_context
from PIL import Image

from outpaint_cli.plugin import Context, Fixed, ModelRef, UsageError
from tests.conftest import Outpaint, pixels
from tests.hub import standins

SIDE = 512


def canvas(*unknown: slice) -> tuple[np.ndarray, np.ndarray]:
    """A picture (1, 512, 512, 3) whose left half is dark, and its mask with a hole."""
    image = np.full((1, SIDE, SIDE, 3), (0.8, 0.6, 0.4), np.float32)
    image[:, :, :256] = (0.2, 0.1, 0.3)
    known = np.ones((1, SIDE, SIDE), bool)
    known[(0, *unknown)] = False
    image[~known] = 0
    return image, known


@pytest.fixture
def ref(tmp_path: Path):
    """A reference to a stand-in."""

    def make(name: str, data: bytes, contract: str = "") -> ModelRef:
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        return ModelRef(name, "hub", path, "", contract)

    return make


@pytest.mark.parametrize("name", ["migan", "lama", "lama-unit"])
def test_range_polarity_and_known_pixels(ref, name: str) -> None:
    if name == "migan":
        filler = Migan(ref(name, standins.migan()), Context(device="cpu"))
    else:
        white = 1.0 if name == "lama-unit" else 255.0
        filler = Lama(ref(name, standins.lama(white)), Context(device="cpu", options={"mirror": "0"}), white)
    assert filler.spec.size == Fixed(512, 512)
    assert filler.device == "cpu"
    image, known = canvas(slice(100, 200), slice(150, 400))
    out = filler.fill(image, known, Context(options={"mirror": "0"}))
    assert np.array_equal(out[known], image[known]), "known pixels are put back"
    mean = image[known].mean(0)
    if name == "migan":  # two corners are called hole, so that the pipeline's box is the whole square
        left = known.sum() - 2
        mean = (image[known].sum(0) - image[0, 0, 0] - image[0, -1, -1]) / left
    assert np.allclose(out[~known], mean, atol=0.003), out[~known].mean(0)
    everything = np.ones_like(known)
    assert np.array_equal(filler.fill(image, everything, Context()), image)


def test_lama_sees_mirrored_context_beyond_a_hole_at_the_edge(ref) -> None:
    filler = Lama(ref("lama", standins.lama()), Context(device="cpu"))
    image, known = canvas(slice(None), slice(0, 128))
    out = filler.fill(image, known, Context())
    framed = with_context(image[0], known[0], 64)
    assert framed.known.mean() > known.mean(), "more is known"
    assert not framed.image[~framed.known].any()
    mean = framed.image[framed.known].mean(0)
    assert np.allclose(out[0, :, :120], mean, atol=0.01)
    assert np.array_equal(out[known], image[known])
    with pytest.raises(UsageError, match=r"hub\.mirror"):
        Lama(ref("lama", standins.lama()), Context(device="cpu", options={"mirror": "lots"}))


def test_the_mirror_is_where_it_should_be() -> None:
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)
    image = np.repeat(np.repeat(ramp[None, :, None], SIDE, 0), 3, 2)
    known = np.ones((SIDE, SIDE), bool)
    known[:, 384:] = False  # the right side is missing
    framed = with_context(image * known[..., None], known, 64)
    assert (framed.size, framed.x) == (448, 0)
    edge = 336  # 384 * 448 / 512
    rows = framed.known[framed.y : framed.y + framed.size]
    assert rows[:, :edge].all() and not rows[:, edge:448].any() and rows[:, 448:].all()
    for column in (448, 480, 511):  # as far beyond the known part's edge as the mirrored column is inside it
        assert np.allclose(framed.image[10, column], framed.image[10, 2 * edge - 1 - column], atol=1e-6)
    assert np.abs(framed.back(framed.image)[:, :380] - image[:, :380]).max() < 0.01
    inside = np.ones_like(known)
    inside[200:300, 200:300] = False
    assert with_context(image, inside, 64).image is image, "a hole inside needs none"


def test_they_extend_and_inpaint(ref, outpaint: Outpaint, tmp_path: Path) -> None:
    Image.fromarray(np.full((90, 160, 3), (200, 100, 50), np.uint8)).save(tmp_path / "a.png")
    mask = np.zeros((90, 160), np.uint8)
    mask[30:60, 50:90] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for name, data in (("migan", standins.migan()), ("lama", standins.lama())):
        model = ref(name, data).path
        done = outpaint("extend", "a.png", "-m", model, "--size", "300x140", "--harmonize", "none", "-f")
        assert done.code == 0, done.err
        assert np.abs(pixels(tmp_path / "a_extended.png").astype(int) - (200, 100, 50)).max() <= 3
        done = outpaint("inpaint", "a.png", "-m", model, "--mask", "mask.png", "--harmonize", "none", "-f")
        assert done.code == 0, done.err
        assert np.abs(pixels(tmp_path / "a_inpainted.png").astype(int) - (200, 100, 50)).max() <= 3
