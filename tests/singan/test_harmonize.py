"""What the singan harmonizer promises."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from outpaint_singan import harmonizer as harmonizing
from outpaint_singan.apply import generate, pad_mirrored
from outpaint_singan.choose import Score, best
from outpaint_singan.inject import inject, scene
from outpaint_singan.network import Generator
from outpaint_singan.plugin import load_harmonizer, plugin
from outpaint_singan.pyramid import pyramid_sizes, reals
from outpaint_singan.store import Store
from outpaint_singan.train import Watch, train

from outpaint_cli.plugin import (
    Cancelled,
    Context,
    DeviceError,
    Harmonized,
    HarmonizeJob,
    Harmonizer,
    ModelError,
    Rect,
    UsageError,
    Whole,
)

from .conftest import CPU, TINY, border_job, hole_job, texture

FEW = {"iterations": "2", "size": "48"}


def context(cache: Path, seed: int = 0, told: list[str] | None = None, **options: str) -> Context:
    def progress(share: float, text: str) -> None:
        if told is not None:
            told.append(text)

    return Context("cpu", seed, cache=cache, options={**FEW, **options}, progress=progress)


def harmonize(job: HarmonizeJob, ctx: Context) -> Harmonized:
    harmonizer = plugin.harmonizers["singan"](ctx)
    assert isinstance(harmonizer, Harmonizer)
    assert harmonizer.device == "cpu"
    return harmonizer.harmonize(job, ctx)


@pytest.mark.parametrize("make", [border_job, hole_job])
def test_known_pixels_bit_for_bit(tmp_path: Path, make: Any) -> None:
    job = make()
    before = job.image.copy()
    done = harmonize(job, context(tmp_path))
    assert done.image.dtype == np.uint8
    assert np.array_equal(done.image[job.known], job.image[job.known])
    assert not np.array_equal(done.image[~job.known], job.image[~job.known])
    assert np.array_equal(job.image, before)
    assert done.info["singan"]["trained"] is True
    assert 1 <= done.info["singan"]["scale"] < done.info["singan"]["scales"]
    assert {"scale", "sharp", "kept"} == set(done.info["singan"]["scores"][0])


def test_16_bit_keeps_its_depth(tmp_path: Path) -> None:
    job = border_job(dtype=np.uint16)
    done = harmonize(job, context(tmp_path))
    assert done.image.dtype == np.uint16
    assert np.array_equal(done.image[job.known], job.image[job.known])
    assert len(np.unique(done.image[~job.known] % 257)) > 100  # not through 8 bits


def test_a_kept_pyramid_is_not_trained_again(tmp_path: Path) -> None:
    job = border_job()
    first = harmonize(job, context(tmp_path))
    told: list[str] = []
    second = harmonize(job, context(tmp_path, told=told))
    assert second.info["singan"]["trained"] is False
    assert told
    assert not [text for text in told if text.startswith(("training", "choosing"))]
    assert np.array_equal(first.image, second.image)
    folder = next((tmp_path / "singan").iterdir())
    assert (folder / "pyramid.json").is_file()
    assert not (folder / "training.safetensors").exists()
    assert len(list(folder.glob("scale-*.safetensors"))) == first.info["singan"]["scales"]


def test_same_seed_same_bytes_other_seed_other_grain(tmp_path: Path) -> None:
    job = border_job()
    first = harmonize(job, context(tmp_path / "a", seed=3))
    again = harmonize(job, context(tmp_path / "b", seed=3))
    other = harmonize(job, context(tmp_path / "a", seed=4))
    assert again.info["singan"]["trained"] is True
    assert np.array_equal(first.image, again.image)
    assert other.info["singan"]["trained"] is False  # variants cost no training
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("make", [border_job, hole_job])
def test_trained_on_known_pixels_only(tmp_path: Path, make: Any) -> None:
    job = make()
    other = np.where(job.known[..., None], job.image, 255 - job.image).astype(np.uint8)
    harmonize(job, context(tmp_path))
    second = harmonize(dataclasses.replace(job, image=other), context(tmp_path))
    assert second.info["singan"]["trained"] is False
    third = harmonize(dataclasses.replace(job, image=255 - job.image), context(tmp_path))
    assert third.info["singan"]["trained"] is True


def test_windows_of_one_photo_share_a_pyramid(tmp_path: Path) -> None:
    """Of the whole, at its scale; what was finished in one window is not learnt from in the next."""
    job = hole_job()
    whole = Whole(job.image, job.known)
    image, known = job.image.copy(), job.known.copy()
    first = HarmonizeJob(image[:, :36], known[:, :36], Rect(0, 0, 36, 56), scale=5.0, whole=whole)
    done = harmonize(first, context(tmp_path))
    image[:, :36], known[:, :36] = done.image, True
    second = HarmonizeJob(image[:, 20:], known[:, 20:], Rect(0, 0, 40, 56), scale=5.0, whole=whole)
    again = harmonize(second, context(tmp_path))
    assert (done.info["singan"]["trained"], again.info["singan"]["trained"]) == (True, False)
    assert done.info["singan"]["size"] == again.info["singan"]["size"] == [48, 45]
    assert not np.array_equal(again.image, second.image)
    assert np.array_equal(again.image[second.known], second.image[second.known])


def test_what_is_made_does_not_depend_on_the_threads(tmp_path: Path) -> None:
    one = harmonize(border_job(), dataclasses.replace(context(tmp_path / "1"), threads=1))
    two = harmonize(border_job(), dataclasses.replace(context(tmp_path / "2"), threads=2))
    assert one.info["singan"]["trained"]
    assert two.info["singan"]["trained"]
    assert np.array_equal(one.image, two.image)


def test_the_scale_asked_for(tmp_path: Path) -> None:
    job = border_job()
    low = harmonize(job, context(tmp_path, scale="1"))
    high = harmonize(job, context(tmp_path, scale="2"))
    assert (low.info["singan"]["scale"], high.info["singan"]["scale"]) == (1, 2)
    assert not np.array_equal(low.image, high.image)
    none = harmonize(job, context(tmp_path, scale="0"))
    other = dataclasses.replace(job, image=np.where(job.known[..., None], job.image, job.image[::-1, ::-1]))
    assert none.info["singan"]["scale"] == 0
    assert not np.array_equal(none.image, harmonize(other, context(tmp_path, scale="0")).image)  # its colours
    with pytest.raises(UsageError, match=r"singan.scale=9.*scales 0 to"):
        harmonize(job, context(tmp_path, scale="9"))


@pytest.mark.parametrize(
    "wrong",
    [{"iterations": "0"}, {"size": "x"}, {"size": "9"}, {"scale": "-1"}, {"seed": "1.5"}, {"preset": "best"}],
)
def test_options_that_make_no_sense(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=f"singan.{next(iter(wrong))}="):
        plugin.harmonizers["singan"](Context("cpu", cache=tmp_path, options=wrong))


def test_above_the_cap_the_result_is_enlarged_and_says_so(tmp_path: Path) -> None:
    job = border_job(60, 72)
    done = harmonize(job, context(tmp_path, size="36"))
    assert done.image.shape == job.image.shape
    assert done.info["singan"]["upsampled"] == 2.0
    assert done.info["singan"]["size"] == [36, 30]
    assert np.array_equal(done.image[job.known], job.image[job.known])


@pytest.mark.parametrize(
    ("size", "photo"),
    [((1, 1), Rect(0, 0, 1, 1)), ((40, 40), Rect(4, 4, 20, 30)), ((9, 200), Rect(0, 0, 150, 9))],
)
def test_a_photo_too_small_to_train_on_comes_back(tmp_path: Path, size: tuple[int, int], photo: Rect) -> None:
    image = texture(*size)
    known = np.zeros(size, bool)
    known[photo.slices()] = True
    done = harmonize(HarmonizeJob(image, known, photo), context(tmp_path))
    assert np.array_equal(done.image, image)
    assert set(done.info["singan"]) == {"left"}


def test_stopped_and_gone_on(tmp_path: Path) -> None:
    job = border_job()
    whole = harmonize(job, context(tmp_path / "a"))
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > 4

    with pytest.raises(Cancelled):
        harmonize(job, dataclasses.replace(context(tmp_path / "b"), cancelled=cancelled))
    assert list((tmp_path / "b").rglob("*.safetensors"))
    assert np.array_equal(harmonize(job, context(tmp_path / "b")).image, whole.image)


def test_tiles_meet_exactly() -> None:
    torch.manual_seed(0)
    generator = Generator(32).eval()
    picture = torch.rand(1, 3, 70, 83) * 2 - 1
    padded = pad_mirrored(picture)
    noisy = padded + 0.1 * torch.randn_like(padded)
    whole = generate(generator, noisy, padded, tile=1000)
    for tile in (16, 33):
        torch.testing.assert_close(generate(generator, noisy, padded, tile=tile), whole, atol=1e-5, rtol=0)


def test_tiled_injection_is_the_untiled_one() -> None:
    job = border_job(56, 60, 12)
    sizes = pyramid_sizes(56, 60, TINY)
    inside = job.image[job.photo.slices()]
    pyramid = train(
        reals(inside, np.ones(inside.shape[:2], bool), sizes, CPU), TINY, CPU, Store(None), Watch()
    )
    frame = scene(job, pyramid)
    assert frame.sizes[-1] == job.known.shape
    whole = inject(pyramid, frame, 1, len(sizes) - 1, 0, tile=1000)
    tiled = inject(pyramid, frame, 1, len(sizes) - 1, 0, tile=24)
    torch.testing.assert_close(tiled, whole, atol=2e-5, rtol=0)


def test_the_choice_of_the_scale() -> None:
    assert best([Score(1, 0.9, 15), Score(2, 0.8, 24), Score(3, 0.6, 30)]) == 2
    assert best([Score(1, 1.4, 26), Score(2, 0.7, 28), Score(3, 0.5, 30)]) == 2
    assert best([Score(1, 1.4, 12), Score(2, 1.2, 14)]) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_super_resolution_from_the_same_pyramid(tmp_path: Path, dtype: type) -> None:
    job = border_job(dtype=dtype)
    done = harmonize(job, context(tmp_path))
    ctx = context(tmp_path)
    larger = load_harmonizer(ctx).upscale(dataclasses.replace(job, image=done.image), 1.5, ctx)  # type: ignore[attr-defined]
    height, width = job.known.shape
    assert larger.image.shape == (round(1.5 * height), round(1.5 * width), 3)
    assert larger.image.dtype == dtype
    assert larger.info["singan"]["trained"] is False
    small = torch.nn.functional.interpolate(
        torch.from_numpy(larger.image.astype(np.float32)).permute(2, 0, 1)[None], (height, width), mode="area"
    )
    off = small[0].permute(1, 2, 0).numpy() - done.image
    assert np.abs(off).mean() < 0.1 * np.iinfo(dtype).max  # still the same picture
    with pytest.raises(UsageError, match="1 to 8"):
        load_harmonizer(ctx).upscale(job, 9, ctx)  # type: ignore[attr-defined]


def test_without_pytorch_one_line_says_what_to_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(ModelError) as caught:
        plugin.harmonizers["singan"](context(tmp_path))
    message = str(caught.value)
    assert "outpaint-cli[torch]" in message
    assert "'patch'" in message
    assert "\n" not in message


def test_registering_imports_nothing_heavy() -> None:
    code = "import sys, outpaint_singan.plugin; print({'torch', 'numpy', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="cuda"):
        plugin.harmonizers["singan"](dataclasses.replace(context(tmp_path), device="cuda"))


def test_a_cache_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "singan").write_text("in the way")
    with pytest.raises(ModelError, match="can't be kept there"):
        harmonize(border_job(), context(tmp_path))


def test_compose_rounds_both_depths() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    known = np.array([[True, False], [False, False]])
    finished = np.full((2, 2, 3), 0.5, np.float32)
    assert harmonizing.compose(image, known, finished).tolist() == [
        [[0] * 3, [128] * 3],
        [[128] * 3, [128] * 3],
    ]
    deep = harmonizing.compose(image.astype(np.uint16), known, finished)
    assert deep[1, 1, 0] == 32768
