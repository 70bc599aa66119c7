"""outpaint inpaint, line by line of docs/cli.md, through the real command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import picture, registry
from outpaint_cli.plugin import (
    Context,
    FillSpec,
    Harmonized,
    HarmonizeJob,
    ModelCard,
    Multiple,
    Plugin,
    Rect,
)
from tests.conftest import Outpaint, files, pixels

M = ("-m", "half")


class Half:
    """Fills with the middle grey, or, as a harmonizer, with white."""

    spec = FillSpec(Multiple(32, 64, 64), max_batch=4)
    device = "cpu"

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        return np.full_like(images, 0.5)

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        return Harmonized(np.full_like(job.image, np.iinfo(job.image.dtype).max), {"white": True})


@pytest.fixture(autouse=True)
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin(
        "half",
        models=(ModelCard("half", ""),),
        load=lambda ref, ctx: Half(),
        harmonizers={"white": lambda ctx: Half()},
    )
    found = (*registry.find_plugins(), registry.Found("half", "half 1", plugin))
    monkeypatch.setattr(registry, "find_plugins", lambda: found)


@pytest.fixture
def mask(tmp_path: Path) -> Any:
    """Write a mask with a white rectangle: ``mask("m.png", (60, 40), (5, 6, 10, 8))``."""

    def make(
        name: str = "m.png", size: tuple[int, int] = (60, 40), *rects: tuple[int, int, int, int]
    ) -> np.ndarray:
        values = np.zeros(size[::-1], np.uint8)
        for x, y, width, height in rects or [(5, 6, 10, 8)]:
            values[y : y + height, x : x + width] = 255
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)
        return values > 0

    return make


# ------------------------------------------------------------------------------------------- outputs


def test_the_hole_is_filled_and_all_else_stays(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    source, hole = photo("a.png"), mask()
    (event,) = outpaint("inpaint", "a.png", "--mask", "m.png", "--json", "--harmonize", "white", *M).events
    assert (event["status"], event["output"], event["core_exact"]) == ("ok", "a_inpainted.png", True)
    assert event["source"] == {"x": 0, "y": 0, "width": 60, "height": 40}
    assert (event["model"], event["harmonizer"], event["device"]) == ("half", "white", "cpu")
    assert event["info"] == {"white": True, "hole": hole.mean(), "windows": 1}
    out, own = pixels(tmp_path / "a_inpainted.png"), pixels(source)
    assert (out[hole] == 255).all()
    assert np.array_equal(out[~hole], own[~hole])
    assert outpaint("inpaint", "a.png", "--mask", "m.png", "--harmonize", "none", *M).code == 0
    rough = pixels(tmp_path / "a_inpainted.png")
    assert not np.array_equal(rough[hole], own[hole])
    assert np.array_equal(rough[~hole], own[~hole])


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16"])
def test_every_mode_keeps_its_known_pixels(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path, mode: str
) -> None:
    with Image.open(photo("base.png")) as opened:
        base = opened.copy()
    suffix = "tiff" if mode == "CMYK" else "png"
    if mode == "I;16":
        Image.fromarray(np.random.default_rng(0).integers(0, 65536, (40, 60), np.uint16)).save(
            tmp_path / "a.png"
        )
    else:
        image = base.convert("RGBA").convert("LA") if mode == "LA" else base.convert(mode)
        image.save(tmp_path / f"a.{suffix}")
    hole = mask()
    (event,) = outpaint("inpaint", f"a.{suffix}", "--mask", "m.png", "-o", "out/", "--json", *M).events
    assert event["core_exact"] is True
    a, b = picture.read(tmp_path / f"a.{suffix}"), picture.read(tmp_path / "out" / f"a.{suffix}")
    assert a.pixels.dtype == b.pixels.dtype
    assert np.array_equal(a.pixels[~hole], b.pixels[~hole])
    assert not np.array_equal(a.pixels[hole], b.pixels[hole])
    if a.alpha is not None and b.alpha is not None:
        assert np.array_equal(a.alpha, b.alpha)


def test_metadata_is_kept_and_an_extended_photos_place_too(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a fine day"
    Image.open(photo("a.png")).save(tmp_path / "a.jpg", exif=exif)
    mask()
    assert outpaint("inpaint", "a.jpg", "--mask", "m.png", *M).code == 0
    with Image.open(tmp_path / "a_inpainted.jpg") as made:
        assert made.getexif()[0x010E] == "a fine day"
    assert outpaint("extend", "a.png", "-o", "b.png", "-m", "edge").code == 0
    mask("n.png", (90, 60))
    assert outpaint("inpaint", "b.png", "--mask", "n.png", "-o", "c.png", *M).code == 0
    assert picture.read_photo_rect(tmp_path / "c.png") == Rect(15, 10, 60, 40)


# ---------------------------------------------------------------------------------------------- masks


def test_masks_of_a_folder_are_matched_by_relative_path(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    photo("in/a.jpg"), photo("in/sub/a.png"), photo("in/lonely.png"), photo("in/both.png")
    one, two = mask("in/masks/a.bmp"), mask("in/masks/sub/a.PNG", (60, 40), (30, 20, 9, 9))
    mask("in/masks/both.bmp"), mask("in/masks/both.gif")
    done = outpaint("inpaint", "in", "-r", "--mask", "in/masks", "--format", "png", "--json", *M)
    assert done.code == 3
    assert files(tmp_path / "in_inpainted") == ["a.png", "sub/a.png"]
    for name, hole, own in (("a.png", one, "in/a.jpg"), ("sub/a.png", two, "in/sub/a.png")):
        out, before = pixels(tmp_path / "in_inpainted" / name), pixels(tmp_path / own)
        assert np.array_equal((out != before).any(2), (out != before).any(2) & hole)
        assert (out != before).any()
    said = {Path(e["input"]).name: e["error"]["message"] for e in done.events if e["error"]}
    assert set(said) == {"lonely.png", "both.png"}  # the masks are no inputs
    assert "no mask" in said["lonely.png"]
    assert "two masks" in said["both.png"]


def test_one_mask_file_in_the_input_folder_serves_all(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    photo("in/a.png"), photo("in/b.png", 120, 80), mask("in/m.png")
    assert outpaint("inpaint", "in", "--mask", "in/m.png", *M).code == 0
    assert files(tmp_path / "in_inpainted") == ["a.png", "b.png"]
    changed = (pixels(tmp_path / "in_inpainted/b.png") != pixels(tmp_path / "in/b.png")).any(2)
    assert not changed[: 2 * 6].any()
    assert changed[2 * 6 : 2 * 14, 2 * 5 : 2 * 15].mean() > 0.9  # twice the size, nearest


@pytest.mark.parametrize(
    ("size", "fits"), [((30, 20), True), ((91, 61), True), ((60, 41), True), ((60, 50), False)]
)
def test_a_mask_may_have_another_size_but_not_another_shape(
    outpaint: Outpaint, photo: Any, mask: Any, size: tuple[int, int], fits: bool
) -> None:
    photo("a.png")
    mask("m.png", size, (0, 0, 12, 12))
    done = outpaint("inpaint", "a.png", "--mask", "m.png", *M)
    assert done.code == (0 if fits else 3)
    if not fits:
        assert "60x50, the photo 60x40" in done.lines[0]


def test_a_mask_belongs_to_the_upright_photo(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photo("a.png")).save(tmp_path / "a.jpg", exif=exif, quality=100)
    mask("stored.png", (60, 40))
    done = outpaint("inpaint", "a.jpg", "--mask", "stored.png", *M)
    assert done.code == 3
    assert "EXIF" in done.lines[0]
    hole = mask("upright.png", (40, 60))
    assert outpaint("inpaint", "a.jpg", "--mask", "upright.png", "-o", "b.png", *M).code == 0
    a, b = picture.read(tmp_path / "a.jpg"), picture.read(tmp_path / "b.png")
    assert np.array_equal(a.pixels[~hole], b.pixels[~hole])
    assert not np.array_equal(a.pixels[hole], b.pixels[hole])


def test_soft_edges_are_cut_in_the_middle_and_said(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    ramp = np.broadcast_to(np.linspace(0, 255, 60).astype(np.uint8), (40, 60))
    Image.fromarray(ramp).save(tmp_path / "m.png")
    run = ("inpaint", "a.png", "--mask", "m.png", "-f", *M)
    (event,) = outpaint(*run, "--json", "--harmonize", "white").events
    assert event["info"]["mask"] == "soft edges, cut at 50 %"
    out = pixels(tmp_path / "a_inpainted.png")
    assert (out[ramp > 127] == 255).all()
    assert np.array_equal(out[ramp <= 127], pixels(source)[ramp <= 127])
    assert sum("soft edges" in line for line in outpaint(*run).lines) == 1
    assert sum("soft edges" in line for line in outpaint(*run, "-v").lines) == 1


@pytest.mark.parametrize("mode", ["1", "RGB", "P", "RGBA", "I;16"])
def test_masks_of_every_kind(outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path, mode: str) -> None:
    source, hole = photo("a.png"), mask("plain.png")
    with Image.open(tmp_path / "plain.png") as opened:
        plain = opened.copy()
    if mode == "I;16":
        Image.fromarray(hole.astype(np.uint16) * 65535).save(tmp_path / "m.png")
    elif mode == "RGBA":  # white paint on a transparent layer
        rgba = np.full((40, 60, 4), 255, np.uint8)
        rgba[..., 3] = 255 * hole
        Image.fromarray(rgba).save(tmp_path / "m.png")
    else:
        plain.convert(mode).save(tmp_path / "m.png")
    assert outpaint("inpaint", "a.png", "--mask", "m.png", "--harmonize", "white", *M).code == 0
    out = pixels(tmp_path / "a_inpainted.png")
    assert (out[hole] == 255).all()
    assert np.array_equal(out[~hole], pixels(source)[~hole])


def test_mask_invert(outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    kept = mask("m.png", (60, 40), (10, 5, 40, 30))
    assert outpaint("inpaint", "a.png", "--mask", "m.png", "--mask-invert", *M).code == 0
    out = pixels(tmp_path / "a_inpainted.png")
    assert np.array_equal(out[kept], pixels(source)[kept])
    assert not np.array_equal(out[~kept], pixels(source)[~kept])


def test_alpha_says_where_the_hole_is(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    with Image.open(photo("base.png")) as opened:
        rgba = np.asarray(opened.convert("RGBA")).copy()
    rgba[10:20, 10:30, 3] = 0
    rgba[20, 10:30, 3] = 100
    rgba[21, 10:30, 3] = 200
    Image.fromarray(rgba).save(tmp_path / "a.png")
    photo("opaque.png")
    run = ("inpaint", "a.png", "--mask", "alpha", "--json", "--harmonize", "white", *M)
    (event,) = outpaint(*run).events
    assert "soft" in event["info"]["mask"]
    out = np.asarray(Image.open(tmp_path / "a_inpainted.png"))
    assert (out[10:21, 10:30] == 255).all()
    rest = rgba[..., 3] > 127
    assert np.array_equal(out[rest], rgba[rest])
    refused = outpaint("inpaint", "opaque.png", "--mask", "alpha", *M)
    assert (refused.code, "transparency" in refused.err) == (3, True)


def test_what_is_hidden_under_transparency_is_not_seen(outpaint: Outpaint, mask: Any, tmp_path: Path) -> None:
    hole = mask("m.png", (60, 40), (25, 15, 10, 10))
    for name, hidden in (("a.png", 0), ("b.png", 255)):
        rgba = np.full((40, 60, 4), 120, np.uint8)
        rgba[..., 3] = 255
        rgba[:, :15] = (hidden, hidden, hidden, 0)
        Image.fromarray(rgba).save(tmp_path / name)
    for model in ("telea", "context-encoder"):
        run = ("inpaint", "a.png", "b.png", "--mask", "m.png", "-m", model, "-o", model)
        assert outpaint(*run, "--harmonize", "none").code == 0
        a, b = (np.asarray(Image.open(tmp_path / model / name)) for name in ("a.png", "b.png"))
        assert np.array_equal(a[hole], b[hole])


# ------------------------------------------------------------------------------- nothing, all, errors


def test_a_mask_that_marks_nothing_copies_the_photo(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    source = photo("a.jpg")
    mask("m.png", (60, 40), (0, 0, 0, 0))
    done = outpaint("inpaint", "a.jpg", "--mask", "m.png", "--json", *M)
    (event,) = done.events
    assert (done.code, event["status"], event["core_exact"]) == (0, "ok", True)
    assert event["info"]["copied"] is True
    assert "marks nothing" in event["info"]["reason"]
    assert (tmp_path / "a_inpainted.jpg").read_bytes() == source.read_bytes()
    assert any("copied" in line for line in outpaint("inpaint", "a.jpg", "--mask", "m.png", "-f", *M).lines)
    assert outpaint("inpaint", "a.jpg", "--mask", "m.png", "--json", *M).summary["skipped"] == 1
    assert outpaint("inpaint", "a.jpg", "--mask", "m.png", "-o", "b.png", *M).code == 0
    assert np.array_equal(pixels(tmp_path / "b.png"), pixels(source))


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((), 2, "--mask"),
        (("--mask", "gone.png"), 2, "gone.png"),
        (("--mask", "white.png"), 3, "inverted"),
        (("--mask", "bad.png"), 3, "bad.png"),
        (("--mask", "alpha", "--mask-invert"), 2, "alpha"),
        (("--mask", "m.png", "-m", "reflect"), 2, "telea"),
        (("--mask", "m.png", "-m", "nobody"), 4, "nobody"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_line(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path, args: tuple[str, ...], code: int, says: str
) -> None:
    photo("a.png"), mask("m.png"), mask("white.png", (60, 40), (0, 0, 60, 40))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = outpaint("inpaint", "a.png", "-q", *(args if "-m" in args else (*args, *M)))
    assert (done.code, len(done.lines)) == (code, 1)
    assert says in done.err
    assert files(tmp_path) == ["a.png", "bad.png", "m.png", "white.png"]


# --------------------------------------------------------------------------------- the common options


def test_a_dry_run_knows_masks_and_outputs(outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path) -> None:
    photo("in/a.png"), photo("in/b.png"), mask("masks/a.png")
    run = ("inpaint", "in", "--mask", "masks", "--json", *M)
    dry = outpaint(*run, "-n")
    assert dry.code == 3
    assert {Path(e["input"]).name: e["status"] for e in dry.events} == {"a.png": "planned", "b.png": "failed"}
    assert not (tmp_path / "in_inpainted").exists()
    assert outpaint(*run).summary["ok"] == 1
    assert outpaint(*run, "-n").summary["skipped"] == 1
    mask("masks/a.png", (60, 40), (1, 1, 5, 5))
    assert outpaint(*run, "-n").summary["planned"] == 1


def test_standard_input_with_a_mask_file(photo: Any, mask: Any, tmp_path: Path) -> None:
    source, hole = photo("a.png"), mask("m.png")
    command = [sys.executable, "-m", "outpaint_cli", "inpaint", "-", "-m", "telea", "--mask"]

    def run(name: str) -> subprocess.CompletedProcess[bytes]:
        given = source.read_bytes()
        return subprocess.run([*command, name], input=given, capture_output=True, cwd=tmp_path, check=False)

    out = pixels(run("m.png").stdout)
    assert np.array_equal(out[~hole], pixels(source)[~hole])
    (tmp_path / "masks").mkdir()
    refused = run("masks")
    assert (refused.returncode, refused.stdout) == (2, b"")


def test_same_seed_same_bytes_and_variants_differ(
    outpaint: Outpaint, mask: Any, tmp_path: Path, photo: Any
) -> None:
    photo("in/a.png", 180, 120), photo("in/b.png", 180, 120, seed=1)
    mask("m.png", (180, 120), (100, 50, 30, 30), (5, 90, 20, 20))
    run = ("--mask", "m.png", "-m", "context-encoder", "--format", "png")
    assert outpaint("inpaint", "in", "-o", "one", *run).code == 0
    assert outpaint("inpaint", "in/a.png", "-o", "two/", *run).code == 0
    assert (tmp_path / "one/a.png").read_bytes() == (tmp_path / "two/a.png").read_bytes()
    assert (
        outpaint("inpaint", "in/a.png", "-o", "v/", "--variants", "2", "--harmonize", "none", *run).code == 0
    )
    assert not np.array_equal(pixels(tmp_path / "v/a_v1.png"), pixels(tmp_path / "v/a_v2.png"))


def test_guides_and_patch_fill_a_photo_of_any_depth(
    outpaint: Outpaint, photo: Any, mask: Any, tmp_path: Path
) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (120, 160), np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    photo("b.png", 160, 120)
    hole = mask("m.png", (160, 120), (50, 40, 30, 30))
    (event,) = outpaint(
        "inpaint", "a.png", "--mask", "m.png", "-m", "telea", "--guide", "b.png", "--json"
    ).events
    assert (event["status"], event["harmonizer"]) == ("ok", "patch")
    out = picture.read(tmp_path / "a_inpainted.png").pixels[..., 0]
    assert out.dtype == np.uint16
    assert np.array_equal(out[~hole], deep[~hole])
