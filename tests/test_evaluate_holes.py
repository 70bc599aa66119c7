"""outpaint evaluate --holes: which holes, who fills them, what is measured and printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import evaluation_holes as holes
from outpaint_cli import metrics
from outpaint_cli.commands.evaluate import evaluate
from outpaint_cli.evaluation import Method
from outpaint_cli.plugin import Context, FillSpec, Fixed, Harmonized, Multiple, Native, UsageError


def photo(seed: int, width: int = 300, height: int = 280) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (20, 25, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


class Adds:
    """Fills with the truth plus a known amount, and spoils what is known: that must not count."""

    device = "cpu"

    def __init__(self, truth: np.ndarray, add: float, spec: FillSpec | None = None) -> None:
        self.truth, self.add = truth.astype(np.float32) / 255, add
        self.spec = spec or FillSpec(Native())
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []

    def fill(self, images, known, ctx):
        self.seen.append((images, known))
        return np.where(known[..., None], 0.5, self.truth + self.add).astype(np.float32)


class Grey:
    """Returns one grey, for a network of another size."""

    device = "cpu"
    spec = FillSpec(Multiple(32, 64, 128))

    def fill(self, images, known, ctx):
        return np.full_like(images, 100 / 255)


class Blackens:
    """A harmonizer that paints everything black."""

    device = "cpu"

    def harmonize(self, job, ctx):
        return Harmonized(np.zeros_like(job.image))


def test_every_class_with_and_without_contact_and_the_same_masks_every_time():
    for position, (low, high) in enumerate(holes.RATIOS):
        for border in (False, True):
            known = holes.mask(3, position, border)
            assert low < (~known).mean() <= high
            touches = not (known[0].all() and known[-1].all() and known[:, 0].all() and known[:, -1].all())
            assert touches == border
            assert np.array_equal(known, holes.mask(3, position, border))
            assert not np.array_equal(known, holes.mask(4, position, border))
            assert not np.array_equal(known, holes.mask(3, position, border, seed=1))


def test_only_the_hole_counts_and_its_error_is_as_expected():
    truth = np.full((256, 256, 3), 100, np.uint8)
    filler = Adds(truth, 20 / 255)
    rows = list(holes.score_holes(truth, "a", 0, [Method("adds", filler)], Context()))
    assert [(row.contact, row.ratio) for row in rows[:2]] == [
        ("no border", "0.01-0.1"),
        ("border", "0.01-0.1"),
    ]
    assert len(rows) == 12
    for row, (images, known) in zip(rows, filler.seen, strict=True):
        share = (~known).mean()
        assert row.scores["l1"] == pytest.approx(100 * share * 20 / 255, rel=1e-4)
        assert row.scores["psnr"] == pytest.approx(-10 * np.log10(share * (20 / 255) ** 2), abs=1e-3)
        assert not images[~known].any()  # nothing of the truth is shown


def test_a_harmonizer_works_on_the_same_fill_and_may_not_touch_what_is_known():
    truth = photo(1, 256, 256)
    filler = Adds(truth, 0)
    methods = [Method("m", filler), Method("m + black", filler, Blackens())]
    rows = list(holes.score_holes(truth, "a", 0, methods, Context()))
    assert len(filler.seen) == 12
    for alone, black in zip(rows[::2], rows[1::2], strict=True):
        assert alone.scores["psnr"] > 60 and alone.scores["ssim"] > 0.9999
        known = filler.seen[rows.index(alone) // 2][1][0]
        wanted = np.where(known[..., None], truth, 0)
        assert black.scores == holes.scores(wanted, truth)


@pytest.mark.parametrize(
    ("size", "whole"),
    [
        (Native(), True),
        (Fixed(256, 256), True),
        (Multiple(64, 64, 256), True),
        (Multiple(32, 64, 128), False),
        (Fixed(192, 192), False),
        (Multiple(96, 96, 384), False),
    ],
)
def test_models_of_other_sizes_are_shown_parts(size, whole: bool):
    assert holes.takes(FillSpec(size), 256) == whole
    assert not holes.takes(FillSpec(size, margin=4), 256)


def test_a_model_of_another_size_is_scored_too():
    truth = np.full((256, 256, 3), 100, np.uint8)
    rows = list(holes.score_holes(truth, "a", 0, [Method("small", Grey())], Context()))
    assert len(rows) == 12
    assert all(row.scores["psnr"] > 45 for row in rows)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.png")):
        Image.fromarray(photo(number)).save(folder / name)
    return folder


def test_tables_beside_the_classical_methods(photos: Path, capsys):
    evaluate(photos, holes=True, model=["telea"])
    said = capsys.readouterr().out
    for text in (
        "PSNR (dB), holes with no border contact: mean of 2 photos",
        "SSIM, holes with border contact",
    ):
        assert text in said
    for name in ("ns", "telea", "0.5-0.6"):
        assert said.count(name) >= 6


def test_json_has_a_line_a_photo_and_the_means(photos: Path, capsys):
    (photos / "c.png").write_bytes(b"no picture")
    from outpaint_cli.plugin import PictureError

    with pytest.raises(PictureError, match="1 of 3 photos could not be scored"):
        evaluate(photos, holes=True, model=["ns"], as_json=True)
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line.get("photo") for line in lines] == ["a.png", "b.png", None]
    assert "c.png" in said.err and said.err.count("\n") == 1
    values = [line["holes"]["border"]["ns"]["0.2-0.3"]["psnr"] for line in lines[:2]]
    told = lines[-1]["mean"]["border"]["ns"]["0.2-0.3"]["psnr"]
    assert told["mean"] == pytest.approx(np.mean(values))
    assert lines[-1]["failed"] == 1


def test_what_makes_no_sense_is_refused(photos: Path, monkeypatch):
    with pytest.raises(UsageError, match="reflect: it can't fill holes of any shape"):
        evaluate(photos, holes=True, model=["reflect"])
    with pytest.raises(UsageError, match="--holes scores models alone"):
        evaluate(photos, holes=True, pictures=photos)


def test_ssim_is_that_of_scikit_image():
    reference = pytest.importorskip("skimage.metrics").structural_similarity
    a = photo(0, 90, 70)
    noisy = np.clip(a + np.random.default_rng(0).normal(0, 25, a.shape), 0, 255).astype(np.uint8)
    for b in (a, noisy, 255 - a, np.roll(a, 3, 1)):
        x, y = metrics.as_float(a), metrics.as_float(b)
        wanted = reference(
            x.astype(np.float64), y.astype(np.float64), data_range=1.0, channel_axis=2,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )  # fmt: skip
        assert metrics.ssim(x, y) == pytest.approx(wanted, abs=1e-7)
    with pytest.raises(ValueError, match="too small"):
        metrics.ssim(np.zeros((10, 40, 3), np.float32), np.zeros((10, 40, 3), np.float32))


def test_psnr_by_hand():
    a = np.zeros((2, 2, 3), np.float32)
    b = a.copy()
    b[0, 0] = 0.5
    assert metrics.psnr(a, b) == pytest.approx(-10 * np.log10(0.25 / 4))
    assert metrics.psnr(a, a) == 100
